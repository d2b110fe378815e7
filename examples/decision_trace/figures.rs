//! Times and counts in few characters.

use std::time::Duration;

use agent_primitives::Usd;

/// Since the beginning: `0:03.250`, `1:02:03.250`.
pub(crate) fn moment(after: Duration) -> String {
    let (seconds, millis) = (after.as_secs(), after.subsec_millis());
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}.{millis:03}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}"),
    }
}

/// A length of time: `640 ms`, `2.4 s`, `3:05 min`.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{}:{:02} min", seconds / 60, seconds % 60),
    }
}

/// A share in whole percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
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
