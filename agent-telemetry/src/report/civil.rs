//! Days of the calendar, in UTC, from and to text.

use agent_primitives::Timestamp;

const SECONDS_PER_DAY: i64 = 86_400;

/// The moment that `2026-11-20`, `2026-11-20T08:30` or `2026-11-20T08:30Z` names. A space may stand for
/// the `T`.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let minutes = match time {
        Some(time) => minute_of_day(time.trim_end_matches(['Z', 'z']))?,
        None => 0,
    };
    let days = day(date)?;
    let seconds = days
        .checked_mul(SECONDS_PER_DAY)?
        .checked_add(minutes.checked_mul(60)?)?;
    let nanos = seconds.checked_mul(1_000_000_000)?;
    Some(Timestamp::from_unix_nanos(nanos))
}

/// `2026-11-20 08:30`.
pub(crate) fn minute_text(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (text.len() == length && all_digits).then(|| text.parse().ok())?
}

fn minute_of_day(text: &str) -> Option<i64> {
    let (hour, rest) = text.split_once(':')?;
    // Seconds may be named where there are none.
    let minute = rest.strip_suffix(":00").unwrap_or(rest);
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// Days since 1970-01-01.
fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1..=longest).contains(&day) {
        return None;
    }
    // After Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": the year is counted from
    // March, so that the leap day comes last.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_five_centuries_reads_back_from_its_text() {
        let first = day("1800-01-01").unwrap();
        let last = day("2250-12-31").unwrap();
        assert_eq!(last - first, 164_723);
        for days in (first..=last).step_by(13) {
            let at = Timestamp::from_unix_seconds(days * SECONDS_PER_DAY + 8 * 3_600 + 60);
            assert_eq!(moment(&minute_text(at)), Some(at), "{at}");
        }
    }

    #[test]
    fn days_and_minutes_that_are_none_are_refused() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-1",
            "2026-01-01-01",
            "2026-01-01T24:00",
            "2026-01-01T08:60",
            "2026-01-01T08:30:01",
            "2026-01-01T",
            "9999-01-01",
            "٢٠٢٦-01-01",
            "",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(
            moment("2024-02-29").unwrap().to_string(),
            "2024-02-29T00:00:00.000Z"
        );
        assert_eq!(
            moment("2026-11-20T08:30:00Z").unwrap().to_string(),
            "2026-11-20T08:30:00.000Z"
        );
    }
}
