//! All that the processor knows, under one lock.

use std::time::Duration;

use agent_primitives::{SessionId, Timestamp};

use super::super::delta::{Added, Deltas, DeltasConfig, SeriesKey};
use super::super::hook::{Hooks, Input, InvalidHook};
use super::super::ledger::{Covered, Entry, Ledger, LedgerConfig, SessionCoverage};
use super::super::names::SessionFrom;
use super::super::seen::{Seen, What, Who};
use super::super::wire::{ReadLimits, Room};
use super::figures::{Figures, Points};
use super::identity::Identity;
use super::recent::Recent;
use super::series::{Place, Table};
use crate::{Body, ContextUse, ContextWatch, Mark, Metric, Record, Telemetry};

/// Records that may wait for the recorder. Requests are put off beyond.
pub(super) const OUTBOX: usize = 65_536;
/// Series whose baselines go with one record.
const SERIES_EACH: usize = 1_000;
/// Bytes of marks that go with one record; half of what it may have.
const MARK_BYTES: usize = 512 << 10;
/// Items that are told once, of which the newest are remembered.
const RECENT: usize = 131_072;
/// Resources that are known to tell sessions.
const RESOURCES: usize = 16_384;
/// How far a sender's clock may be ahead of ours.
pub(super) const AHEAD: Duration = Duration::from_secs(86_400);
/// How often series of which nothing was heard for long are forgotten, and how long that is.
const SWEEP: Duration = Duration::from_secs(3_600);
const SERIES_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// What the name of the state of a series begins with.
const SERIES: u8 = b's';

/// Counts the points that a session's metrics had since the last record of that name. Carries the baselines.
pub(super) const POINTS: &str = "otlp.points";

/// What bounds and times it keeps.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) series: usize,
    pub(super) sessions: usize,
    pub(super) hold: Duration,
    pub(super) grace: Duration,
    pub(super) window: Duration,
    pub(super) limits: ReadLimits,
}

impl Default for Settings {
    fn default() -> Self {
        let ledger = LedgerConfig::default();
        Self {
            series: DeltasConfig::default().series,
            sessions: ledger.sessions,
            hold: ledger.hold,
            grace: ledger.grace,
            window: Duration::from_secs(5),
            limits: ReadLimits::default(),
        }
    }
}

pub(super) struct State {
    pub(super) telemetry: Telemetry,
    pub(super) limits: ReadLimits,
    pub(super) identity: Identity,
    pub(super) table: Table,
    pub(super) deltas: Deltas,
    pub(super) ledger: Ledger,
    pub(super) recent: Recent,
    /// Resources whose log records or spans tell sessions of their own.
    pub(super) named: Recent,
    hooks: Hooks,
    pub(super) figures: Figures,
    swept: Timestamp,
    contexts: ContextWatch,
    /// Contexts whose use changed, for the observer.
    filled: Vec<ContextUse>,
    outbox: Vec<Record>,
    /// Of series that were told, with which the account that they went to is to be stored.
    marks: Vec<Mark>,
    pub(super) room: Room,
    pub(super) seen: Vec<Seen>,
    entries: Vec<Entry>,
    pub(super) added: Added,
}

impl State {
    pub(super) fn new(
        telemetry: Telemetry,
        settings: &Settings,
        contexts: ContextWatch,
        secrets: [u64; 2],
    ) -> Self {
        let [identity, seed] = secrets;
        let deltas = DeltasConfig {
            series: settings.series,
            ..DeltasConfig::default()
        };
        let ledger = LedgerConfig {
            sessions: settings.sessions,
            hold: settings.hold,
            grace: settings.grace,
            ..LedgerConfig::default()
        };
        Self {
            telemetry,
            limits: settings.limits,
            identity: Identity::new(identity),
            table: Table::new(settings.series, seed),
            deltas: Deltas::new(deltas),
            ledger: Ledger::new(ledger),
            recent: Recent::new(RECENT),
            named: Recent::new(RESOURCES),
            hooks: Hooks::new(seed),
            figures: Figures::default(),
            swept: Timestamp::UNIX_EPOCH,
            contexts,
            filled: Vec::new(),
            outbox: Vec::new(),
            marks: Vec::new(),
            room: Room::default(),
            seen: Vec::new(),
            entries: Vec::new(),
            added: Added::default(),
        }
    }

    /// What was stored with earlier records, those stored first ahead of the others: of too many the newest are kept.
    pub(super) fn restore(&mut self, marks: &[Mark]) {
        for mark in marks {
            match mark.state() {
                [] => {
                    self.recent.insert(mark.key());
                }
                [SERIES, baseline @ ..] => {
                    let refused = self
                        .deltas
                        .restore(SeriesKey(mark.key()), baseline)
                        .is_err();
                    self.figures.marks_refused += u64::from(refused);
                }
                state if Ledger::is_account(state) => {}
                state => self.ledger.restore(mark.key(), state),
            }
        }
        for mark in marks.iter().rev() {
            if Ledger::is_account(mark.state()) {
                self.ledger.restore(mark.key(), mark.state());
            }
        }
    }

    /// Tells what was seen of one item. `once` is the item, if it tells what no other key knows again.
    pub(super) fn see(&mut self, now: Timestamp, once: Option<u128>) {
        let mut keyless = false;
        for mut seen in self.seen.drain(..) {
            seen.at = timely(seen.at, now);
            keyless |= !matches!(seen.what, What::Call(_) | What::Tool(_) | What::Amount(_));
            self.ledger.see(seen, &mut self.entries);
        }
        if let Some(item) = once.filter(|_| keyless)
            && let Some(entry) = self.entries.last_mut()
        {
            entry.marks.push((item, Vec::new()));
        }
        self.emit();
    }

    /// Tells what a hook said.
    pub(super) fn hook(
        &mut self,
        read: Result<(Who, Input<'_>), InvalidHook>,
        now: Timestamp,
    ) -> Result<(), InvalidHook> {
        let (who, input) = read.inspect_err(|_| self.hooks.invalid())?;
        self.hooks.see(&input, who, now, &mut self.seen);
        self.see(now, None);
        Ok(())
    }

    /// A window ends: what series added goes to the accounts.
    pub(super) fn tell(&mut self, now: Timestamp) {
        if now.since(self.swept) >= SWEEP {
            self.swept = now;
            let kept = now - SERIES_KEPT;
            self.deltas
                .evict_older(u64::try_from(kept.unix_nanos()).unwrap_or(0));
        }
        let dirty = self.table.take_dirty();
        let mut rest = dirty.as_slice();
        while let Some(first) = rest.first() {
            let session = self.table.session(*first).cloned();
            let same = rest
                .iter()
                .take(SERIES_EACH)
                .take_while(|it| self.table.session(**it) == session.as_ref());
            let (these, later) = rest.split_at(same.count().max(1));
            self.tell_session(session.as_ref(), these, now);
            rest = later;
        }
    }

    fn tell_session(&mut self, session: Option<&SessionId>, places: &[Place], now: Timestamp) {
        let mut points = 0_u32;
        let mut uncovered_ns = 0;
        let mut project = None;
        let mut at = Timestamp::UNIX_EPOCH;
        for place in places {
            let Some(series) = self.table.get(*place) else {
                continue;
            };
            points = points.saturating_add(std::mem::take(&mut series.pending.points));
            // All series of a session miss the same time.
            uncovered_ns = std::mem::take(&mut series.pending.gap_ns).max(uncovered_ns);
            at = at.max(series.pending.last());
            series.pending.tell(&series.meaning, &mut self.seen);
            if series.meaning.notes().session == SessionFrom::Resource
                && self.named.knows(series.resource)
            {
                // Of any of the sessions that its calls are of.
                for seen in &mut self.seen {
                    seen.who.session = None;
                }
            }
            project.clone_from(&series.meaning.who().project);
            let key = series.key;
            series.marked = now;
            let state = self.deltas.mark(key);
            let mark = state.and_then(|state| {
                let state = [&[SERIES], state.as_slice()].concat();
                Mark::new(key.0, state).ok()
            });
            let summed = self
                .seen
                .iter()
                .any(|it| matches!(it.what, What::Amount(_)));
            for mut seen in self.seen.drain(..) {
                seen.at = timely(seen.at, now);
                self.ledger.see(seen, &mut self.entries);
            }
            // An amount is in the account, which the next record brings; anything else is in the last record.
            match (self.entries.last_mut(), mark) {
                (Some(entry), Some(mark)) if !summed => {
                    entry.marks.push((mark.key(), mark.state().to_vec()));
                    self.emit();
                }
                (_, mark) => {
                    self.emit();
                    self.marks.extend(mark);
                }
            }
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
    }

    /// Records what waited long enough.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.ledger.settle(now, &mut self.entries);
        self.emit();
    }

    /// Records the calls that wait for what other channels know of them.
    pub(super) fn record_held(&mut self) {
        self.ledger.record_held(&mut self.entries);
        self.emit();
    }

    /// Records all that waits.
    pub(super) fn finish(&mut self, now: Timestamp) {
        self.tell(now);
        self.ledger.flush(&mut self.entries);
        self.emit();
    }

    fn emit(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        for entry in entries.drain(..) {
            let mut record = entry.record;
            if let (Some(user), Body::SessionStart(task) | Body::SessionResume(task)) =
                (&entry.user, &mut record.body)
            {
                task.user = Some(self.telemetry.user(user));
            }
            self.push(record, entry.marks);
        }
        self.entries = entries;
    }

    /// Puts a record into the outbox, with the marks that wait and its own.
    fn push(&mut self, record: Record, marks: Vec<(u128, Vec<u8>)>) {
        if let Some(filled) = self.contexts.add(&record) {
            self.filled.push(filled);
        }
        let mut all = std::mem::take(&mut self.marks);
        for (key, state) in marks {
            match Mark::new(key, state) {
                Ok(mark) => all.push(mark),
                Err(_) => self.figures.marks_refused += 1,
            }
        }
        // More than one record may have: those ahead carry nothing else.
        while bytes(&all) > MARK_BYTES && all.len() > 1 {
            let half = all.split_off(all.len() / 2);
            let mut carrier = Record::new(record.at, Metric::count(POINTS, 0));
            carrier.session.clone_from(&record.session);
            carrier.project.clone_from(&record.project);
            self.out(carrier, all);
            all = half;
        }
        self.out(record, all);
    }

    fn out(&mut self, record: Record, marks: Vec<Mark>) {
        self.figures.records += 1;
        if let Ok(marked) = record.clone().with_marks(marks) {
            self.outbox.push(marked);
        } else {
            self.figures.marks_refused += 1;
            self.outbox.push(record);
        }
    }

    /// Whether requests are to be put off.
    pub(super) fn is_full(&self) -> bool {
        self.outbox.len() >= OUTBOX
    }

    /// Whether anything waits for time to pass.
    pub(super) fn waits(&self) -> bool {
        self.table.is_dirty() || self.ledger.waits()
    }

    pub(super) fn has_news(&self) -> bool {
        !self.outbox.is_empty() || !self.filled.is_empty()
    }

    pub(super) fn take(&mut self) -> (Vec<Record>, Vec<ContextUse>) {
        let outbox = std::mem::take(&mut self.outbox);
        (outbox, std::mem::take(&mut self.filled))
    }

    pub(super) fn contexts(&self) -> Vec<ContextUse> {
        self.contexts.contexts().collect()
    }

    pub(super) fn coverage(&self) -> Vec<SessionCoverage> {
        self.ledger.sessions().collect()
    }

    pub(super) fn figures(&self) -> Figures {
        let ledger = self.ledger.figures();
        let taken = &self.deltas.figures().points;
        let points = Points {
            added: taken.added,
            nothing: taken.nothing,
            baselines: taken.baselines,
            gauges: taken.gauges,
            late: taken.late,
            duplicates: taken.duplicates,
            forgotten: taken.forgotten,
            no_recorded_value: taken.no_recorded_value,
            invalid: taken.rejected_points(),
            resets_without_start: taken.resets_without_start,
            second_writers: taken.second_writer,
            ..self.figures.points
        };
        Figures {
            points,
            series: self.table.len() as u64,
            series_forgotten: self.table.forgotten(),
            sessions_forgotten: ledger.sessions_evicted,
            marks_refused: self.figures.marks_refused + ledger.marks_refused,
            hooks: self.hooks.figures(),
            ..self.figures.clone()
        }
    }
}

/// When something happened, by a sender's clock that may be wrong: what has no time, or one far ahead, happened now.
fn timely(at: Timestamp, now: Timestamp) -> Timestamp {
    if at <= Timestamp::UNIX_EPOCH || at > now + AHEAD {
        now
    } else {
        at
    }
}

fn bytes(marks: &[Mark]) -> usize {
    marks.iter().map(|it| it.state().len() + 64).sum()
}
