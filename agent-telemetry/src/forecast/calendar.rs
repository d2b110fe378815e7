//! Hours, days and months of the calendar, in UTC.

use agent_primitives::Timestamp;

use crate::report::civil;
use crate::{Period, Span};

pub(super) const HOUR_SECONDS: i64 = 3_600;

/// Hours since 1970.
pub(super) const fn hour_of(at: Timestamp) -> i64 {
    Span::Hour.start(at) / HOUR_SECONDS
}

/// Where an hour since 1970 begins.
pub(super) const fn hour_begin(hour: i64) -> Timestamp {
    Timestamp::from_unix_nanos(hour.saturating_mul(HOUR_SECONDS * 1_000_000_000))
}

/// How much of its hour is over.
pub(super) fn gone(at: Timestamp) -> f64 {
    let over = at.since(hour_begin(hour_of(at))).as_secs_f64();
    (over / 3_600.0).clamp(0.0, 1.0)
}

/// The day that a time lies in.
pub(super) fn day(at: Timestamp) -> Period {
    Period::new(at, at + std::time::Duration::from_nanos(1)).outward(Span::Day)
}

/// The month that a time lies in; the day where the calendar ends.
pub(super) fn month(at: Timestamp) -> Period {
    month_of(at).unwrap_or_else(|| day(at))
}

fn month_of(at: Timestamp) -> Option<Period> {
    let text = at.to_string();
    let (year, month) = (text.get(..4)?, text.get(5..7)?);
    let (number, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
    let (next_year, next) = if month == 12 {
        (number + 1, 1)
    } else {
        (number, month + 1)
    };
    let from = civil::moment(&format!("{year}-{month:02}-01"))?;
    let to = civil::moment(&format!("{next_year:04}-{next:02}-01"))?;
    Some(Period::new(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_with_the_calendar() {
        let months = ["2026-11-20", "2026-12-31", "2028-02-29"].map(|text| {
            let at = civil::moment(text).unwrap();
            assert!(month(at).contains(at) && day(at).contains(at));
            month(at).to_string()
        });
        assert_eq!(
            months,
            [
                "2026-11-01 00:00 to 2026-12-01 00:00 UTC",
                "2026-12-01 00:00 to 2027-01-01 00:00 UTC",
                "2028-02-01 00:00 to 2028-03-01 00:00 UTC"
            ]
        );
        for nanos in [i64::MIN, -1, i64::MAX] {
            let at = Timestamp::from_unix_nanos(nanos);
            assert!(month(at).from() <= at && (0.0..=1.0).contains(&gone(at)));
        }
    }
}
