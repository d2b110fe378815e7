//! How agents live within their sessions: starts, ends, and what only one channel tells.

use std::time::Duration;

use agent_primitives::{ContextPressure, Timestamp};

use super::super::seen::{Channel, Who};
use super::session::{Account, task};
use super::{Entry, Ledger, Unsaved};
use crate::{Body, Metric, Outcome, SessionEnd, Unit};

impl Ledger {
    /// Records that an agent is at work, if that is not recorded yet.
    pub(super) fn start(&mut self, who: &Who, at: Timestamp, out: &mut Vec<Entry>) -> bool {
        self.sit(who, at, Body::SessionStart(task(who)), out)
    }

    fn sit(&mut self, who: &Who, at: Timestamp, body: Body, out: &mut Vec<Entry>) -> bool {
        let account = Account::of(who);
        if account.session().is_none() {
            return false;
        }
        let session = self.sessions.entry(account.clone()).or_default();
        let (_, is_new) = session.seat(who.agent.as_ref());
        if is_new {
            self.unsaved.insert(Unsaved::Session(account));
            self.push(who, at, body, who.user.clone(), out);
        }
        is_new
    }

    pub(super) fn began(
        &mut self,
        who: &Who,
        at: Timestamp,
        channel: Channel,
        resumed: bool,
        out: &mut Vec<Entry>,
    ) {
        if !resumed {
            self.start(who, at, out);
            return;
        }
        let account = Account::of(who);
        if account.session().is_none() {
            return;
        }
        // Seated by what it says first: that it resumed.
        let session = self.sessions.entry(account.clone()).or_default();
        let (seat, _) = session.seat(who.agent.as_ref());
        if seat.is_some_and(|it| it.resumed.is_new(channel)) {
            self.unsaved.insert(Unsaved::Session(account));
            self.push(
                who,
                at,
                Body::SessionResume(task(who)),
                who.user.clone(),
                out,
            );
        }
    }

    pub(super) fn ended(
        &mut self,
        who: &Who,
        at: Timestamp,
        channel: Channel,
        outcome: Outcome,
        elapsed: Duration,
        out: &mut Vec<Entry>,
    ) {
        let account = Account::of(who);
        let Some(session) = self.sessions.get_mut(&account) else {
            return;
        };
        let (seat, _) = session.seat(who.agent.as_ref());
        if account.session().is_some() && seat.is_some_and(|it| it.ended.is_new(channel)) {
            self.unsaved.insert(Unsaved::Session(account));
            self.push(who, at, SessionEnd::new(outcome, elapsed).into(), None, out);
        }
    }

    pub(super) fn compacted(
        &mut self,
        who: &Who,
        at: Timestamp,
        channel: Channel,
        (before, after): (Option<u64>, Option<u64>),
        automatic: bool,
        out: &mut Vec<Entry>,
    ) {
        let account = Account::of(who);
        let Some(session) = self.sessions.get_mut(&account) else {
            return;
        };
        let (seat, _) = session.seat(who.agent.as_ref());
        if !seat.is_some_and(|it| it.compacted.is_new(channel)) {
            return;
        }
        self.unsaved.insert(Unsaved::Session(account));
        let name = if automatic {
            "compaction_automatic"
        } else {
            "compaction_manual"
        };
        self.push(who, at, Metric::count(name, 1).into(), None, out);
        for (name, tokens) in [("compaction_before", before), ("compaction_after", after)] {
            #[expect(clippy::cast_precision_loss, reason = "contexts are below 2^53 tokens")]
            let metric = tokens.and_then(|it| Metric::new(name, it as f64, Unit::Tokens).ok());
            if let Some(metric) = metric {
                self.push(who, at, metric.into(), None, out);
            }
        }
    }

    pub(super) fn context(
        &mut self,
        who: &Who,
        at: Timestamp,
        used: u64,
        window: u64,
        out: &mut Vec<Entry>,
    ) {
        let account = Account::of(who);
        let Some(session) = self.sessions.get_mut(&account) else {
            return;
        };
        let (seat, _) = session.seat(who.agent.as_ref());
        let Some(seat) = seat.filter(|it| it.context != Some((used, window))) else {
            return;
        };
        seat.context = Some((used, window));
        self.push(
            who,
            at,
            ContextPressure::new(used, window).into(),
            None,
            out,
        );
    }

    pub(super) fn other(&mut self, who: &Who, at: Timestamp, body: Body, out: &mut Vec<Entry>) {
        self.start(who, at, out);
        self.push(who, at, body, None, out);
    }
}
