//! What is found again after a restart, and how far back all of it is.

use agent_primitives::Timestamp;

use super::super::delta::SeriesKey;
use super::super::ledger::Ledger;
use super::identity::Identity;
use super::state::State;
use crate::{InvalidMark, Mark};

/// What the states of marks begin with. Those of the ledger begin otherwise.
const SERIES: u8 = b's';
const HOUR: u8 = b'h';
const NAMED: u8 = b'n';

const AN_HOUR: i64 = 3_600_000_000_000;
/// So many hours are told apart.
const HOURS: i64 = 1_024;
/// The part of the key of the mark that is stored before all others, and never again.
const FIRST: u64 = 1;

/// Says with marks, hour by hour, that those stored since are there: stores remove the oldest ones.
///
/// Of what was stored before the oldest of these, some may be gone, unless the very first is there.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// The store has marks of this processor.
    began: bool,
    /// The last hour that was told.
    told: Option<i64>,
}

impl Hours {
    /// What is to be stored now, together with other marks.
    fn tell(&mut self, now: Timestamp, identity: &mut Identity) -> [Option<Mark>; 2] {
        let hour = now.unix_nanos().div_euclid(AN_HOUR);
        let first = !std::mem::replace(&mut self.began, true);
        // One that was told says that all stored since is there, so it is not to be stored anew.
        if self.told.is_some_and(|told| hour <= told) {
            return [None, None];
        }
        self.told = Some(hour);
        let mut mark = |hour: i64, part: u64| {
            let key = identity.of_item(
                HOUR,
                u128::from(hour.rem_euclid(HOURS).unsigned_abs()),
                part,
            );
            let time = now.unix_nanos().to_le_bytes();
            let state: Vec<u8> = [&[HOUR], time.as_slice()].concat();
            Mark::new(key, state).ok()
        };
        [first.then(|| mark(0, FIRST)).flatten(), mark(hour, 0)]
    }
}

/// The state of a baseline.
pub(super) fn of_series(key: SeriesKey, state: &[u8]) -> Result<Mark, InvalidMark> {
    Mark::new(key.0, [&[SERIES], state].concat())
}

/// The state of a resource whose items tell their sessions.
pub(super) fn of_named(resource: u128) -> Option<Mark> {
    Mark::new(resource, [NAMED]).ok()
}

impl State {
    /// What was stored with earlier records, those stored first ahead of the others: of too many the newest are kept.
    pub(super) fn restore(&mut self, marks: &[Mark], now: Timestamp) {
        let first = self.identity.of_item(HOUR, 0, FIRST);
        let refused = self.marks_refused();
        let (mut items, mut is_whole, mut oldest) = (0, false, None::<Timestamp>);
        for mark in marks {
            match mark.state() {
                [] => {
                    // One of a host has no state either.
                    items += 1;
                    self.recent.insert(mark.key());
                }
                [NAMED] => {
                    self.named.insert(mark.key());
                }
                [SERIES, baseline @ ..] => {
                    let key = SeriesKey(mark.key());
                    let refused = self.deltas.restore(key, baseline).is_err();
                    self.figures.marks_refused += u64::from(refused);
                }
                [HOUR, time @ ..] => {
                    let Ok(time) = time.try_into() else {
                        self.figures.marks_refused += 1;
                        continue;
                    };
                    is_whole |= mark.key() == first;
                    let time = Timestamp::from_unix_nanos(i64::from_le_bytes(time)).min(now);
                    oldest = Some(oldest.map_or(time, |it| it.min(time)));
                }
                state if Ledger::is_account(state) => {}
                state => self.ledger.restore(state),
            }
        }
        for mark in marks.iter().rev() {
            if Ledger::is_account(mark.state()) {
                self.ledger.restore(mark.state());
            }
        }
        // Those of others are refused.
        self.hours.began = marks.len() as u64 > items + self.marks_refused() - refused;
        if self.hours.began && !is_whole {
            let until = oldest.unwrap_or(now).unix_nanos();
            self.deltas.forgot_until(u64::try_from(until).unwrap_or(0));
        }
    }

    /// Adds what says until when marks are there, to those that are stored now.
    pub(super) fn tell_hour(&mut self, marks: &mut Vec<Mark>) {
        if !marks.is_empty() {
            let hour = self.hours.tell(self.now, &mut self.identity);
            marks.extend(hour.into_iter().flatten());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hour_is_told_once_and_the_first_one_twice() {
        let (mut hours, mut identity) = (Hours::default(), Identity::new(7));
        let mut told = Vec::new();
        for minute in 0..240 {
            let now = Timestamp::from_unix_seconds(1_795_132_800 + 60 * minute);
            told.extend(hours.tell(now, &mut identity).into_iter().flatten());
        }
        assert_eq!(told.len(), 5);
        assert_eq!(told[0].key(), identity.of_item(HOUR, 0, FIRST));
        told.sort_by_key(Mark::key);
        told.dedup_by_key(|it| it.key());
        assert_eq!(told.len(), 5, "none takes the place of another");
        // A large request is told at the time when it came.
        for second in [-5, 5, -5] {
            let now = Timestamp::from_unix_seconds(1_795_132_800 + 14_400 + second);
            told.extend(hours.tell(now, &mut identity).into_iter().flatten());
        }
        assert_eq!(told.len(), 6);
    }
}
