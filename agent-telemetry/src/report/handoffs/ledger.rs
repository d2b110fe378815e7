//! All handoffs, kept so that any period is told at once.

use agent_primitives::Handoff;

use super::days::{Days, Handed};
use super::lines::most_frequent;
use super::told::Told;
use super::{HandoffsLeftOut, HandoffsReport, SCHEMA};
use crate::{Body, Period, Record, Span};

/// Handoffs that are kept, so that memory is bounded.
const HANDOFFS: u64 = 1 << 22;

/// Every handoff that it was told of, and what came after, summed up by hour and day: the report of any period
/// is had without a look at the records, and more records may be told at any time.
///
/// It keeps a million sessions and four million handoffs at most. How long a report takes grows with the days
/// that it is about, and with what was told since the last one.
///
/// ```
/// use agent_primitives::{Handoff, HandoffReason, ProviderId, SessionId, Timestamp};
/// use agent_telemetry::{HandoffLedger, HandoffsReport, Period, Record};
///
/// let [claude, groq] = [ProviderId::new("claude")?, ProviderId::new("groq")?];
/// let session = SessionId::new("s1")?;
/// let handoff = Handoff::automatic(claude, groq, HandoffReason::Overloaded);
/// let record = Record::new(Timestamp::UNIX_EPOCH, handoff).of_session(session);
///
/// let mut ledger = HandoffLedger::default();
/// ledger.add(&record);
/// let report = ledger.report(Period::ALL);
/// assert_eq!(report, HandoffsReport::of(Period::ALL, [&record]));
/// ledger.add(&record);
/// assert_eq!(ledger.report(Period::ALL).handoffs, 2);
/// # Ok::<(), agent_primitives::InvalidId>(())
/// ```
#[derive(Debug, Default)]
pub struct HandoffLedger {
    told: Told,
    days: Days,
    /// Records so far.
    records: u64,
    handoffs: u64,
    /// The only time that is asked about, where that is known: the bound of handoffs is for those in it.
    only: Option<Period>,
}

impl HandoffLedger {
    /// For the report of that period alone.
    pub(super) fn only(period: Period) -> Self {
        Self {
            only: Some(period.outward(Span::Minute)),
            ..Self::default()
        }
    }

    /// One more record. They are to be told in the order of recording, all of a session; those that say nothing
    /// of handoffs are passed over.
    pub fn add(&mut self, record: &Record) {
        self.records += 1;
        match &record.body {
            Body::Handoff(handoff) => self.give(record, handoff),
            Body::SessionStart(task) => {
                let Some(place) = self.told.place(record) else {
                    return;
                };
                if let Some(parent) = &task.parent {
                    self.told.tell_parent(&parent.session, place, record);
                }
                self.tell(place, record);
            }
            Body::SessionResume(_)
            | Body::SessionEnd(_)
            | Body::ModelCall(_)
            | Body::Attempt(_) => {
                if let Some(place) = self.told.place(record) {
                    self.tell(place, record);
                }
            }
            _ => {}
        }
    }

    fn tell(&mut self, place: usize, record: &Record) {
        if let Some(began) = self.told.tell(place, record) {
            self.days.begin(began, place);
        }
    }

    fn give(&mut self, record: &Record, handoff: &Handoff) {
        let place = self.told.place(record);
        if let Some(place) = place {
            self.told.mark(place);
        }
        let mut handed = Handed::new(record.at, self.records, handoff);
        handed.path = self.told.path(handoff);
        handed.has_session = record.session.is_some();
        if let (Some(path), Some(place)) = (handed.path, place) {
            handed.line = self.told.give(place, path, record.at, handoff);
        }
        if self.only.is_some_and(|it| !it.contains(record.at)) {
            return;
        }
        self.handoffs = self.handoffs.saturating_add(1);
        if self.handoffs <= HANDOFFS {
            self.days.add(handed);
        }
    }

    /// The report on the handoffs in `period`, by all that it was told.
    pub fn report(&mut self, period: Period) -> HandoffsReport {
        let Self { told, days, .. } = self;
        told.look(|at| days.forget(at));
        let period = period.outward(Span::Minute);
        let mut cell = days.sum(period, told);
        let mut all = std::mem::take(&mut cell.others);
        let left_out = HandoffsLeftOut {
            paths: all.handoffs,
            chains: 0,
            no_session: cell.no_session,
            beyond: cell.beyond + self.handoffs.saturating_sub(HANDOFFS),
        };
        for on_path in cell.paths.values() {
            all.absorb(&on_path.counted);
        }
        let (paths, beyond) = most_frequent(&mut cell, told);
        let (chains, chains_left_out) = cell.chains.finish(told);
        let (automatic, manual) = all.initiators();
        HandoffsReport {
            schema: SCHEMA,
            period,
            handoffs: all.handoffs,
            automatic,
            manual,
            sessions: cell.sessions,
            paths,
            reasons: all.reasons(),
            chains,
            left_out: HandoffsLeftOut {
                paths: left_out.paths + beyond,
                chains: chains_left_out,
                ..left_out
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::{HandoffReason, ProviderId, Timestamp};

    use super::*;

    #[test]
    fn handoffs_outside_of_the_only_period_take_no_place_of_those_in_it() {
        let [from, to] = ["x", "y"].map(|name| ProviderId::new(name).unwrap());
        let handoff = Handoff::automatic(from, to, HandoffReason::Overloaded);
        let at = Timestamp::from_unix_seconds;
        let period = Period::new(at(130), at(190));
        let mut ledger = HandoffLedger::only(period);
        ledger.handoffs = HANDOFFS - 2;
        // Whole minutes count: from 120 up to 240.
        for second in [0, 119, 120, 239, 240] {
            ledger.add(&Record::new(at(second), handoff.clone()));
        }
        let report = ledger.report(period);
        assert_eq!((report.handoffs, report.left_out.beyond), (2, 0));
        ledger.add(&Record::new(at(150), handoff));
        let report = ledger.report(period);
        assert_eq!((report.handoffs, report.left_out.beyond), (2, 1));
    }
}
