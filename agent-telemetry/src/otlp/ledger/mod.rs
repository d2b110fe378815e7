//! Each request counted once, through whichever channels it is told.
//!
//! Calls are known again by their keys, or else by session, model, tokens and time. The first to arrive is held for a
//! moment, so that what other channels know better gets into the same record. What metrics tell beyond all calls
//! becomes usage without a call after a grace; a call that explains it later is recorded with the rest alone.

mod accounts;
mod amounts;
mod call;
mod coverage;
mod field;
mod key;
mod lives;
mod mark;
mod once;
mod sequence;
mod session;
mod sums;
#[cfg(test)]
mod tests;
mod things;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use agent_primitives::{SessionId, Timestamp, TokenUsage};

pub use coverage::{ByChannel, SessionCoverage, UsageTold};

use super::seen::{Seen, What};
use crate::{Metric, Record};
use mark::Mark;
use once::Once;
use session::{Account, Session};

/// The metric of records that carry states and say nothing else.
pub(crate) const CARRIER: &str = "otlp.points";
/// Bytes of states that one entry is to have at most, about: half of what a record may have is for others.
const HEAVY: usize = 256 << 10;
/// How many more states have changed when it is looked again how many bytes they have.
const LOOK: usize = 32;

/// Bounds and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LedgerConfig {
    /// Sessions, and projects, whose accounts are kept; of more, the one not heard of for longest is closed.
    pub(crate) sessions: usize,
    /// Keys of calls, and of tool calls, that are known again.
    pub(crate) keys: usize,
    /// Calls that are held. Of more, the first is recorded at once.
    pub(crate) held: usize,
    /// How long a call waits for what other channels say of it. With zero, none waits.
    pub(crate) hold: Duration,
    /// How long an amount of a metric waits for the calls that explain it: longer than the interval of exports.
    pub(crate) grace: Duration,
    /// How far apart two channels may see the end of a call that has no key in common.
    pub(crate) window: Duration,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            sessions: 4_096,
            keys: 262_144,
            held: 16_384,
            hold: Duration::from_secs(2),
            grace: Duration::from_secs(90),
            window: Duration::from_secs(2),
        }
    }
}

/// What is to be recorded, with what is to be stored in the same transaction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    /// Of the start of a session: the person, to be hashed.
    pub(crate) user: Option<String>,
    /// Of a call of which the record has less, because metrics told the rest before: all that it used.
    pub(crate) usage: Option<TokenUsage>,
    /// The newest state of each key counts.
    pub(crate) marks: Vec<(u128, Vec<u8>)>,
}

/// What was dropped, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LedgerFigures {
    /// Accounts closed because there were too many.
    pub(crate) sessions_evicted: u64,
    /// Calls and tool calls that are not known again.
    pub(crate) forgotten: u64,
    /// States that could not be read, or for which there was no room.
    pub(crate) marks_refused: u64,
    /// Amounts of metrics beyond those that a model's account has room for.
    pub(crate) amounts_refused: u64,
    /// Numbers of events, and figures of coverage, of sessions that are not known.
    pub(crate) of_no_session: u64,
}

/// What a converter of metrics says of a session's series since it said so last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Covered {
    /// Time that no delta covers.
    pub(crate) uncovered_ns: u64,
    /// Points that were not added up.
    pub(crate) points_lost: u64,
    /// Points that showed a second writer.
    pub(crate) second_writers: u64,
}

/// Something that waits to be recorded.
#[derive(Debug, Clone, Copy)]
enum Held {
    Call(u64),
    Tool(u64),
}

#[derive(Debug)]
struct Waiting {
    held: Held,
    account: Account,
    /// `None` until the clock is known.
    since: Option<Timestamp>,
}

/// What changed since it was stored last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Unsaved {
    Call(u64),
    Tool(u64),
    Session(Account),
    Sums(Account, Box<str>),
    /// What had this mark turned out to be another one.
    Gone(u128),
}

/// Knows what was told, and by whom.
#[derive(Debug)]
pub(crate) struct Ledger {
    config: LedgerConfig,
    calls: Once<super::seen::CallSeen>,
    tools: Once<super::seen::ToolSeen>,
    held: VecDeque<Waiting>,
    sessions: HashMap<Account, Session>,
    /// Those where an amount of a metric waits, and perhaps some where none does any more.
    waiting: BTreeSet<Account>,
    heard: u64,
    unsaved: HashSet<Unsaved>,
    look_at: usize,
    figures: LedgerFigures,
}

impl Ledger {
    pub(crate) fn new(config: LedgerConfig) -> Self {
        Self {
            calls: Once::new(config.keys, config.window),
            tools: Once::new(config.keys, config.window),
            held: VecDeque::new(),
            sessions: HashMap::new(),
            waiting: BTreeSet::new(),
            heard: 0,
            unsaved: HashSet::new(),
            look_at: LOOK,
            figures: LedgerFigures::default(),
            config: LedgerConfig {
                // None that is held is forgotten, however many keys it has.
                held: config.held.min(config.keys / once::KEYS),
                // One of a session, and that of its project.
                sessions: config.sessions.max(2),
                ..config
            },
        }
    }

    /// One more thing that was seen. What is to be recorded of it and others now goes to `out`.
    pub(crate) fn see(&mut self, seen: Seen, out: &mut Vec<Entry>) {
        let Seen {
            who,
            at,
            channel,
            what,
        } = seen;
        self.hear(&Account::of(&who), out);
        match what {
            What::Call(call) => self.see_call(who, at, channel, *call, out),
            What::Tool(tool) => self.see_tool(who, at, channel, tool, out),
            What::Amount(amount) => {
                self.start(&who, at, out);
                self.add(&who, at, &amount);
            }
            What::Began { resumed } => self.began(&who, at, channel, resumed, out),
            What::Ended { outcome, elapsed } => {
                self.start(&who, at - elapsed, out);
                self.ended(&who, at, channel, outcome, elapsed, out);
            }
            What::Compacted {
                before,
                after,
                automatic,
            } => {
                self.start(&who, at, out);
                self.compacted(&who, at, channel, (before, after), automatic, out);
            }
            What::Context { used, window } => {
                self.start(&who, at, out);
                self.context(&who, at, used, window, out);
            }
            What::Metric(it) => self.other(&who, at, it.into(), out),
            What::Violation(it) => self.other(&who, at, it.into(), out),
            What::Decision(it) => self.other(&who, at, (*it).into(), out),
            What::Files(it) => self.other(&who, at, it.into(), out),
            What::Handoff(it) => self.other(&who, at, it.into(), out),
        }
        while self.held.len() > self.config.held {
            self.record_oldest(out);
        }
    }

    /// Records the calls that waited long enough, and what metrics told that no call explained. To be called each
    /// second or so; times of waiting are counted from the first of these calls on.
    pub(crate) fn settle(&mut self, now: Timestamp, out: &mut Vec<Entry>) {
        for waiting in self.held.iter_mut().rev() {
            if waiting.since.is_some() {
                break;
            }
            waiting.since = Some(now);
        }
        while let Some(Waiting {
            since: Some(since), ..
        }) = self.held.front()
            && now.since(*since) >= self.config.hold
        {
            self.record_oldest(out);
        }
        let grace = self.config.grace;
        self.settle_sums(now, |sums| sums.mature(now, grace), out);
    }

    /// Whether anything waits for time to pass.
    pub(crate) fn waits(&self) -> bool {
        !self.held.is_empty() || !self.waiting.is_empty()
    }

    /// Records the calls that wait, whatever other channels may know of them.
    pub(crate) fn record_held(&mut self, out: &mut Vec<Entry>) {
        while !self.held.is_empty() {
            self.record_oldest(out);
        }
    }

    /// Records all that waits: at shutdown.
    pub(crate) fn flush(&mut self, now: Timestamp, out: &mut Vec<Entry>) {
        self.record_held(out);
        self.settle_sums(now, sums::Sums::mature_all, out);
    }

    /// Puts the states that changed into an entry of their own where they are many: those that belong together would
    /// not fit into one later. To be called where all is told that belongs together.
    pub(crate) fn lighten(&mut self, now: Timestamp, out: &mut Vec<Entry>) {
        if self.is_heavy() {
            let marks = self.take_marks();
            out.push(Entry {
                record: Record::new(now, Metric::count(CARRIER, 0)),
                user: None,
                usage: None,
                marks,
            });
        }
    }

    /// Whether states changed that no entry has.
    pub(crate) fn is_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Whether the states that changed are as many as one entry is to have.
    pub(crate) fn is_heavy(&mut self) -> bool {
        if self.unsaved.len() < self.look_at {
            return false;
        }
        self.look_at = self.unsaved.len() + LOOK;
        let bytes = self.unsaved.iter().map(|it| match it {
            Unsaved::Call(_) => 1_024,
            Unsaved::Tool(_) => 512,
            Unsaved::Gone(_) => 64,
            Unsaved::Session(account) => self.sessions.get(account).map_or(0, Session::weight),
            Unsaved::Sums(account, model) => {
                let models = self.sessions.get(account).map(|it| &it.models);
                let model = models.and_then(|it| it.get(model));
                model.map_or(0, |it| it.sums.weight())
            }
        });
        bytes.sum::<usize>() > HEAVY
    }

    /// The number that a sender gave one of its events.
    pub(crate) fn sequence(&mut self, session: &SessionId, sequence: u64) {
        if let Some(session) = self.quietly(session) {
            session.figures.sequences.see(sequence);
        }
    }

    /// Adds what a converter of metrics found.
    pub(crate) fn covered(&mut self, session: &SessionId, covered: Covered) {
        if let Some(session) = self.quietly(session) {
            let figures = &mut session.figures;
            let add = |sum: &mut u64, more| *sum = sum.saturating_add(more);
            add(&mut figures.uncovered_ns, covered.uncovered_ns);
            add(&mut figures.lost_points, covered.points_lost);
            add(&mut figures.writers, covered.second_writers);
        }
    }

    fn quietly(&mut self, session: &SessionId) -> Option<&mut Session> {
        let account = Account::Session(session.clone());
        let room = self.sessions.len() < self.config.sessions;
        if !room && !self.sessions.contains_key(&account) {
            self.figures.of_no_session += 1;
            return None;
        }
        self.unsaved.insert(Unsaved::Session(account.clone()));
        Some(self.sessions.entry(account).or_default())
    }

    #[cfg(test)]
    pub(crate) fn coverage(&self, session: &SessionId) -> Option<SessionCoverage> {
        let account = Account::Session(session.clone());
        SessionCoverage::new(&account, self.sessions.get(&account)?)
    }

    /// Of all sessions that are known, in no order.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = SessionCoverage> {
        let sessions = self.sessions.iter();
        sessions.filter_map(|(account, session)| SessionCoverage::new(account, session))
    }

    pub(crate) fn figures(&self) -> LedgerFigures {
        LedgerFigures {
            forgotten: self.calls.forgotten + self.tools.forgotten,
            ..self.figures
        }
    }

    /// The states that changed since the last entry: what a batch of amounts that calls explain changes makes no
    /// record. They belong in the same transaction as the baselines of the converter that the amounts came from.
    pub(crate) fn take_marks(&mut self) -> Vec<(u128, Vec<u8>)> {
        let unsaved = std::mem::take(&mut self.unsaved);
        self.look_at = LOOK;
        unsaved.iter().filter_map(|it| self.mark(it)).collect()
    }

    fn mark(&self, unsaved: &Unsaved) -> Option<(u128, Vec<u8>)> {
        let (key, mark) = match unsaved {
            Unsaved::Call(id) => {
                let call = self.calls.get(*id)?;
                (mark::key(call)?, mark::of_call(call))
            }
            Unsaved::Tool(id) => {
                let tool = self.tools.get(*id)?;
                (mark::key(tool)?, mark::of_tool(tool))
            }
            Unsaved::Session(account) => {
                let session = account.session()?;
                let figures = &self.sessions.get(account)?.figures;
                let key = key::of_session(session.as_str());
                (key, mark::of_session(session, figures))
            }
            Unsaved::Sums(account, model) => {
                let sums = self.sessions.get(account)?.models.get(model)?;
                let (session, project) = match account {
                    Account::Session(session) => (Some(session.as_str()), None),
                    Account::Project(project) => {
                        (None, project.as_ref().map(crate::ProjectId::as_str))
                    }
                };
                let key = key::of_scope(session, project, model);
                (key, mark::of_sums(account, model, sums))
            }
            Unsaved::Gone(key) => (*key, mark::of_gone()),
        };
        Some((key, mark))
    }

    /// Whether a state is of an account, of which the newest are wanted where there are too many: they are to be taken
    /// back newest first, and all others oldest first.
    pub(crate) fn is_account(state: &[u8]) -> bool {
        Mark::is_account(state)
    }

    /// Takes back what was stored with an entry. To be called before anything is seen.
    pub(crate) fn restore(&mut self, state: &[u8]) {
        let room = |sessions: &HashMap<Account, Session>, account: &Account| {
            sessions.len() < self.config.sessions || sessions.contains_key(account)
        };
        match Mark::read(state) {
            Some(Mark::Call(call)) => {
                self.calls.insert(call);
            }
            Some(Mark::Tool(tool)) => {
                self.tools.insert(tool);
            }
            Some(Mark::Gone) => {}
            Some(Mark::Session(session, figures))
                if room(&self.sessions, &Account::Session(session.clone())) =>
            {
                let session = self.sessions.entry(Account::Session(session)).or_default();
                session.figures = figures;
            }
            Some(Mark::Sums(account, model, mut sums)) if room(&self.sessions, &account) => {
                sums.sums.resume();
                if sums.sums.is_waiting() {
                    self.waiting.insert(account.clone());
                }
                let session = self.sessions.entry(account).or_default();
                session.models.insert(model, sums);
            }
            _ => self.figures.marks_refused += 1,
        }
    }
}
