//! The end of a window: what series added goes to the accounts, and their baselines to the store.

use std::time::Duration;

use agent_primitives::{SessionId, Timestamp};

use super::super::ledger::Covered;
use super::super::names::SessionFrom;
use super::super::seen::What;
use super::series::Place;
use super::state::{POINTS, State, bytes, timely};
use super::stored;
use crate::{Metric, Record};

/// Series whose baselines go with one record.
const SERIES_EACH: usize = 1_000;
/// Bytes of baselines that go with one record; half of what marks may have, where accounts are the rest.
const MARK_BYTES: usize = 512 << 10;
/// How often series of which nothing was heard for long are forgotten, and how long that is.
const SWEEP: Duration = Duration::from_secs(3_600);
const SERIES_KEPT: Duration = Duration::from_secs(30 * 86_400);

impl State {
    /// A window ends: what series added until now is to go to the accounts.
    pub(super) fn end_window(&mut self, now: Timestamp) {
        self.now = now;
        if now.since(self.swept) >= SWEEP {
            self.swept = now;
            let kept = now - SERIES_KEPT;
            self.deltas
                .evict_older(u64::try_from(kept.unix_nanos()).unwrap_or(0));
        }
        self.table.end_window();
    }

    /// Brings some of it there; whether there is more.
    pub(super) fn tell(&mut self, now: Timestamp) -> bool {
        let due = self.table.take_due(SERIES_EACH);
        for of_one in due.chunk_by(|(one, _), (other, _)| one == other) {
            let mut rest = of_one;
            while let Some((_, first)) = rest.first() {
                let session = self.session_of(*first).cloned();
                let told = self.tell_session(session.as_ref(), rest, now);
                rest = rest.get(told.max(1)..).unwrap_or_default();
            }
        }
        self.table.has_due()
    }

    /// Whose a series is; nobody's where its resource tells an instance, in which sessions follow one another.
    pub(super) fn session_of(&self, place: Place) -> Option<&SessionId> {
        let series = self.table.at(place)?;
        let is_instance = series.meaning.notes().session == SessionFrom::Resource
            && self.named.knows(series.resource);
        series.session().filter(|_| !is_instance)
    }

    /// Tells the first of these series, as far as they are of this session and one record has room for their marks; how
    /// many.
    fn tell_session(
        &mut self,
        session: Option<&SessionId>,
        places: &[(u64, Place)],
        now: Timestamp,
    ) -> usize {
        let (mut told, mut marked, mut is_full) = (0, 0, false);
        let mut points = 0_u32;
        let mut uncovered_ns = 0;
        let mut project = None;
        let mut at = Timestamp::UNIX_EPOCH;
        for (_, place) in places {
            if self.session_of(*place) != session || (told > 0 && is_full) {
                break;
            }
            told += 1;
            let Some(series) = self.table.get(*place) else {
                continue;
            };
            points = points.saturating_add(std::mem::take(&mut series.pending.points));
            // All series of a session miss the same time.
            uncovered_ns = std::mem::take(&mut series.pending.gap_ns).max(uncovered_ns);
            at = at.max(series.pending.last());
            series.pending.tell(&series.meaning, &mut self.seen);
            if session.is_none() {
                // Of any of the sessions that its calls are of.
                for seen in &mut self.seen {
                    seen.who.session = None;
                }
            }
            project.clone_from(&series.meaning.who().project);
            let key = series.key;
            series.marked = now;
            let shape = series.shape;
            let state = self.deltas.mark(key);
            let state = state.or_else(|| self.deltas.mark_of_gone(key, shape));
            let mark = state.and_then(|state| {
                let mark = stored::of_series(key, &state);
                mark.inspect_err(|_| self.figures.marks_refused += 1).ok()
            });
            marked += mark.as_ref().map_or(0, bytes);
            is_full = marked > MARK_BYTES;
            let summed = self
                .seen
                .iter()
                .any(|it| matches!(it.what, What::Amount(_)));
            for mut seen in self.seen.drain(..) {
                seen.at = timely(seen.at, now);
                self.ledger.see(seen, &mut self.entries);
            }
            // An amount is in the account, which the next record brings, unless the last one has it already; anything else
            // is in the last record.
            match (self.entries.last_mut(), mark) {
                (Some(entry), Some(mark)) if !summed || !self.ledger.is_unsaved() => {
                    entry.marks.push((mark.key(), mark.state().to_vec()));
                    self.emit();
                }
                (_, mark) => {
                    self.emit();
                    self.marks.extend(mark);
                }
            }
            is_full |= self.ledger.is_heavy();
        }
        if let Some(session) = session
            && uncovered_ns > 0
        {
            let covered = Covered {
                uncovered_ns,
                ..Covered::default()
            };
            self.ledger.covered(session, covered);
        }
        if !self.marks.is_empty() {
            // Baselines alone have no time.
            let at = if at == Timestamp::UNIX_EPOCH { now } else { at };
            let mut record = Record::new(at, Metric::count(POINTS, points));
            record.session = session.cloned();
            record.project = project;
            let marks = self.ledger.take_marks();
            self.push(record, marks);
        }
        told
    }
}
