//! All that the processor knows, under one lock.

use std::time::Duration;

use agent_primitives::{Timestamp, TokenUsage};

use super::super::delta::{Added, Deltas, DeltasConfig};
use super::super::hook::{Hooks, Input, InvalidHook};
use super::super::ledger::{CARRIER, Entry, Ledger, LedgerConfig, SessionCoverage};
use super::super::seen::{Seen, What, Who};
use super::super::wire::{ReadLimits, Room};
use super::figures::{Figures, Points};
use super::identity::Identity;
use super::load::Load;
use super::recent::Recent;
use super::series::Table;
use super::stored::Hours;
use crate::record::RECORD_BYTES;
use crate::{Body, ContextUse, ContextWatch, Mark, Metric, Record, Telemetry};

/// Items that are told once, of which the newest are remembered.
const RECENT: usize = 131_072;
/// Resources that are known to tell sessions.
const RESOURCES: usize = 16_384;
/// How far a sender's clock may be ahead of ours.
pub(super) const AHEAD: Duration = Duration::from_secs(86_400);

/// Counts the points that a session's metrics had since the last record of that name. Carries the baselines.
pub(super) const POINTS: &str = CARRIER;

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
    pub(super) swept: Timestamp,
    contexts: ContextWatch,
    /// Contexts whose use changed, for the observer.
    filled: Vec<ContextUse>,
    outbox: Vec<Record>,
    load: Load,
    /// Of series that were told, with which the account that they went to is to be stored.
    pub(super) marks: Vec<Mark>,
    pub(super) hours: Hours,
    /// When something was taken last, by the clock.
    pub(super) now: Timestamp,
    pub(super) room: Room,
    pub(super) seen: Vec<Seen>,
    pub(super) entries: Vec<Entry>,
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
            load: Load::default(),
            marks: Vec::new(),
            hours: Hours::default(),
            now: Timestamp::UNIX_EPOCH,
            room: Room::default(),
            seen: Vec::new(),
            entries: Vec::new(),
            added: Added::default(),
        }
    }

    /// Tells what was seen of one item. `once` is the item, if it tells what no other key knows again.
    pub(super) fn see(&mut self, now: Timestamp, once: Option<u128>) {
        self.now = now;
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
        self.ledger.lighten(now, &mut self.entries);
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

    /// Records all that waits, once it was told.
    pub(super) fn finish(&mut self, now: Timestamp) {
        self.ledger.flush(now, &mut self.entries);
        self.emit();
    }

    pub(super) fn emit(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        for entry in entries.drain(..) {
            let mut record = entry.record;
            if record.project.is_none() {
                record.project = self.telemetry.project().cloned();
            }
            self.fill(&record, entry.usage);
            if let (Some(user), Body::SessionStart(task) | Body::SessionResume(task)) =
                (&entry.user, &mut record.body)
            {
                task.user = Some(self.telemetry.user(user));
            }
            self.push(record, entry.marks);
        }
        self.entries = entries;
    }

    /// Looks at how full a call left its context: with all that it used, where metrics told a part of it before.
    fn fill(&mut self, record: &Record, used: Option<TokenUsage>) {
        let filled = match (&record.body, used) {
            (Body::ModelCall(_), Some(used)) => {
                let mut whole = record.clone();
                if let Body::ModelCall(call) = &mut whole.body {
                    call.usage = used;
                }
                self.contexts.add(&whole)
            }
            _ => self.contexts.add(record),
        };
        self.filled.extend(filled);
    }

    /// Puts a record into the outbox, with the marks that wait and its own.
    pub(super) fn push(&mut self, record: Record, marks: Vec<(u128, Vec<u8>)>) {
        let mut all = std::mem::take(&mut self.marks);
        for (key, state) in marks {
            match Mark::new(key, state) {
                Ok(mark) => all.push(mark),
                Err(_) => self.figures.marks_refused += 1,
            }
        }
        self.tell_hour(&mut all);
        // More than one record may have, which is seen to before: those ahead carry nothing else.
        while let Some(later) = beyond_one_record(&mut all) {
            let mut carrier = Record::new(record.at, Metric::count(POINTS, 0));
            carrier.session.clone_from(&record.session);
            carrier.project.clone_from(&record.project);
            self.figures.marks_apart += 1;
            self.out(carrier, std::mem::replace(&mut all, later));
        }
        self.out(record, all);
    }

    fn out(&mut self, record: Record, marks: Vec<Mark>) {
        self.figures.records += 1;
        let record = record.clone().with_marks(marks).unwrap_or_else(|_| {
            self.figures.marks_refused += 1;
            record
        });
        self.load = self.load.and(Load::of(&record));
        self.outbox.push(record);
    }

    /// What waits to be taken.
    pub(super) const fn load(&self) -> Load {
        self.load
    }

    /// Whether anything waits for time to pass.
    pub(super) fn waits(&self) -> bool {
        self.table.is_dirty() || self.ledger.waits()
    }

    pub(super) fn has_news(&self) -> bool {
        !self.outbox.is_empty() || !self.filled.is_empty()
    }

    pub(super) fn take(&mut self) -> (Vec<Record>, Vec<ContextUse>) {
        self.load = Load::default();
        let outbox = std::mem::take(&mut self.outbox);
        (outbox, std::mem::take(&mut self.filled))
    }

    pub(super) fn contexts(&self) -> Vec<ContextUse> {
        self.contexts.contexts().collect()
    }

    pub(super) fn coverage(&self) -> Vec<SessionCoverage> {
        self.ledger.sessions().collect()
    }

    pub(super) fn marks_refused(&self) -> u64 {
        self.figures.marks_refused + self.ledger.figures().marks_refused
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
            marks_refused: self.marks_refused(),
            hooks: self.hooks.figures(),
            ..self.figures.clone()
        }
    }
}

/// When something happened, by a sender's clock that may be wrong: what has no time, or one far ahead, happened now.
pub(super) fn timely(at: Timestamp, now: Timestamp) -> Timestamp {
    if at <= Timestamp::UNIX_EPOCH || at > now + AHEAD {
        now
    } else {
        at
    }
}

/// Takes off the marks for which one record has no room.
fn beyond_one_record(marks: &mut Vec<Mark>) -> Option<Vec<Mark>> {
    let mut sum = 0;
    let fit = marks.iter().take_while(|mark| {
        sum += bytes(mark);
        sum <= RECORD_BYTES
    });
    let fit = fit.count().max(1);
    (fit < marks.len()).then(|| marks.split_off(fit))
}

pub(super) fn bytes(mark: &Mark) -> usize {
    mark.state().len() + 64
}
