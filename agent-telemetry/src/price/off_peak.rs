//! Hours at which a provider asks less.

use agent_primitives::Timestamp;

use super::Item;
use super::rate::Rate;

/// Prices that hold within certain hours of the week.
#[derive(Debug, Clone, Default)]
pub(super) struct OffPeak {
    pub(super) rates: Vec<(Item, Rate)>,
    pub(super) windows: Vec<Window>,
    /// What the weekday's calendar is ahead of UTC.
    pub(super) weekday_offset_hours: i64,
}

/// Minutes of a UTC day on some weekdays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Bit 0 is Monday.
    pub(super) weekdays: u8,
    pub(super) start: u16,
    pub(super) end: u16,
}

pub(super) const EVERY_DAY: u8 = 0b111_1111;
const DAY_SECONDS: i64 = 86_400;

impl OffPeak {
    pub(super) fn rate(&self, item: Item) -> Option<Rate> {
        self.rates
            .iter()
            .find(|(it, _)| *it == item)
            .map(|(_, rate)| *rate)
    }

    pub(super) fn is_open(&self, at: Timestamp) -> bool {
        let seconds = at.unix_seconds();
        let minute = u16::try_from(seconds.rem_euclid(DAY_SECONDS) / 60).unwrap_or(0);
        let local = seconds.saturating_add(self.weekday_offset_hours * 3_600);
        // The first day of Unix time was a Thursday.
        let weekday = (local.div_euclid(DAY_SECONDS) + 3).rem_euclid(7);
        self.windows
            .iter()
            .any(|it| it.weekdays >> weekday & 1 == 1 && it.covers(minute))
    }
}

impl Window {
    /// `"16:30-00:30"`: the start belongs to it, the end does not; equal ends mean the whole day.
    pub(super) fn parse(hours: &str, weekdays: u8) -> Option<Self> {
        let (start, end) = hours.split_once('-')?;
        let (start, end) = (minute(start)?, minute(end)?);
        Some(Self {
            weekdays,
            start,
            end,
        })
    }

    const fn covers(&self, minute: u16) -> bool {
        if self.start < self.end {
            self.start <= minute && minute < self.end
        } else {
            minute >= self.start || minute < self.end
        }
    }
}

fn minute(clock: &str) -> Option<u16> {
    let (hour, minute) = clock.trim().split_once(':')?;
    let number = |text: &str, below: u16| {
        let digits =
            !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits
            .then(|| text.parse::<u16>().ok())?
            .filter(|it| *it < below)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

/// A weekday's bit from its number (Monday is 1) or English name.
pub(super) fn weekday_bit(number: u64) -> Option<u8> {
    (1..=7).contains(&number).then(|| 1 << (number - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64, hour: i64, minute: i64) -> Timestamp {
        // 2026-11-16 was a Monday.
        Timestamp::from_unix_seconds(1_794_787_200 + ((day * 24 + hour) * 60 + minute) * 60)
    }

    #[test]
    fn window_holds_from_its_start_to_before_its_end_on_its_days() {
        let mut hours = OffPeak {
            windows: vec![Window::parse("22:00-06:00", 0b1_1111).unwrap()],
            ..OffPeak::default()
        };
        assert!(!hours.is_open(at(0, 21, 59)));
        assert!(hours.is_open(at(0, 22, 0)));
        assert!(hours.is_open(at(1, 5, 59)));
        assert!(!hours.is_open(at(1, 6, 0)));
        assert!(!hours.is_open(at(5, 23, 0)), "Saturday");
        assert!(hours.is_open(at(4, 23, 0)), "Friday");
        hours.weekday_offset_hours = 8;
        assert!(!hours.is_open(at(4, 23, 0)), "already Saturday there");
        assert!(hours.is_open(at(6, 23, 0)), "already Monday there");
    }

    #[test]
    fn malformed_windows_are_refused() {
        for hours in [
            "",
            "1:00",
            "24:00-01:00",
            "01:60-02:00",
            "+1:00-02:00",
            "a-b",
        ] {
            assert_eq!(Window::parse(hours, EVERY_DAY), None, "{hours}");
        }
        let whole_day = Window::parse("00:00-00:00", EVERY_DAY).unwrap();
        assert!(whole_day.covers(0) && whole_day.covers(1_439));
    }
}
