//! Figures in few characters.

use std::time::Duration;

use agent_primitives::Usd;

/// A count: `812`, `45.2 k`, `1.23 M`.
pub(crate) fn count(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let of = |unit: u64| number as f64 / unit as f64;
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{:.1} k", of(1_000)),
        1_000_000..1_000_000_000 => format!("{:.2} M", of(1_000_000)),
        _ => format!("{:.2} G", of(1_000_000_000)),
    }
}

/// A rate, where there is one.
pub(crate) fn rate(rate: Option<f64>) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and saturating"
    )]
    rate.map_or_else(|| "-".to_owned(), |it| count(it.round() as u64))
}

/// A time: `640 ms`, `2.4 s`, `3:05 min`.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{}:{:02} min", seconds / 60, seconds % 60),
    }
}

/// A share as a bar of ten and in percent.
pub(crate) fn bar(percent: u64) -> String {
    let full = usize::try_from(percent.min(100) / 10).unwrap_or(0);
    format!(
        "{}{} {percent:>3} %",
        "█".repeat(full),
        "░".repeat(10 - full)
    )
}

/// Money, to a hundredth of a cent; to a cent from a hundred dollars on.
pub(crate) fn money(amount: Usd) -> String {
    const PARTS: u128 = 10_000;
    const PICOS_OF_A_PART: u128 = 100_000_000;
    let picos = amount.picos();
    let parts = (picos.unsigned_abs() + PICOS_OF_A_PART / 2) / PICOS_OF_A_PART;
    let sign = if picos < 0 { "-" } else { "" };
    let (dollars, rest) = (parts / PARTS, parts % PARTS);
    if dollars < 100 {
        format!("{sign}${dollars}.{rest:04}")
    } else {
        format!("{sign}${dollars}.{:02}", rest / 100)
    }
}
