//! Days as the price table writes them.

use agent_primitives::Timestamp;

/// The first moment of a day such as `2026-11-20` in UTC.
pub(super) fn start_of_day(day: &str) -> Option<Timestamp> {
    let mut parts = day.splitn(3, '-').map(|part| {
        let digits = part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok())?
    });
    let (year, month, date) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=2200).contains(&year) || !(1..=longest).contains(&date) {
        return None;
    }
    // Years from March on, so that the leap day ends one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + date - 1;
    // Days from 0000-03-01 to 1970-01-01.
    Some(Timestamp::from_unix_seconds((days - 719_468) * 86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_is_read_and_nothing_else_is() {
        let seconds = |day| start_of_day(day).map(Timestamp::unix_seconds);
        assert_eq!(seconds("1970-01-01"), Some(0));
        assert_eq!(seconds("2026-11-20"), Some(1_795_132_800));
        assert_eq!(seconds("2024-02-29"), Some(1_709_164_800));
        for day in [
            "2026-02-29",
            "2026-13-01",
            "2026-11",
            "2026-11-20T00",
            "",
            "-1-2-3",
            "26-1-1",
        ] {
            assert_eq!(seconds(day), None, "{day}");
        }
    }
}
