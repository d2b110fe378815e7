//! What becomes of calls and amounts: records, and the accounts of sessions.

use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage, Usd};

use super::super::seen::{Amount, CallSeen, Channel, ToolSeen, Who};
use super::amounts::Amounts;
use super::key::{self, Ids};
use super::once::{Found, Told};
use super::session::{Account, ModelSums, Session};
use super::sums::Sums;
use super::{Entry, Held, Ledger, Unsaved, Waiting, call};
use crate::{Body, ModelCall, Record};

/// Whose usage it is, and of which model.
struct Usage<'a> {
    who: &'a Who,
    at: Timestamp,
    provider: &'a ProviderId,
    model: &'a ModelId,
}

impl Ledger {
    /// Makes sure that there is an account.
    pub(super) fn hear(&mut self, account: &Account, out: &mut Vec<Entry>) {
        self.heard += 1;
        if let Some(session) = self.sessions.get_mut(account) {
            session.heard = self.heard;
            return;
        }
        if self.sessions.len() >= self.config.sessions {
            let idle = self.sessions.iter().filter(|(_, it)| it.held == 0);
            let oldest = idle.min_by_key(|(_, it)| it.heard);
            if let Some(oldest) = oldest.map(|(account, _)| account.clone()) {
                self.close(&oldest, out);
            }
        }
        let heard = self.heard;
        let session = Session { heard, ..Session::default() };
        self.sessions.insert(account.clone(), session);
    }

    fn close(&mut self, account: &Account, out: &mut Vec<Entry>) {
        self.settle_account(account, &mut Sums::mature_all, out);
        self.sessions.remove(account);
        self.figures.sessions_evicted += 1;
    }

    pub(super) fn push(&mut self, who: &Who, at: Timestamp, body: Body, user: Option<String>, out: &mut Vec<Entry>) {
        let mut record = Record::new(at, body);
        record.project.clone_from(&who.project);
        record.session.clone_from(&who.session);
        record.agent.clone_from(&who.agent);
        if record.agent.is_none() {
            let session = self.sessions.get(&Account::of(who));
            let seat = session.and_then(|it| it.figures.seats.first());
            record.agent = seat.and_then(|it| it.agent.clone());
        }
        let marks = self.take_marks();
        out.push(Entry { record, user, marks });
    }

    fn tell(&mut self, account: &Account, channel: Channel, repeated: bool) {
        if let Some(session) = self.sessions.get_mut(account) {
            let figures = &mut session.figures;
            if repeated {
                figures.repeated.add(channel);
            } else {
                figures.told.add(channel);
            }
            self.unsaved.insert(Unsaved::Session(account.clone()));
        }
    }

    fn hold(&mut self, held: Held, account: &Account, out: &mut Vec<Entry>) {
        if let Some(session) = self.sessions.get_mut(account) {
            session.held += 1;
        }
        let account = account.clone();
        self.held.push_back(Waiting { held, account, since: None });
        if self.config.hold.is_zero() {
            self.record_oldest(out);
        }
    }

    pub(super) fn record_oldest(&mut self, out: &mut Vec<Entry>) {
        let Some(waiting) = self.held.pop_front() else {
            return;
        };
        if let Some(session) = self.sessions.get_mut(&waiting.account) {
            session.held = session.held.saturating_sub(1);
        }
        match waiting.held {
            Held::Call(id) => self.record_call(id, out),
            Held::Tool(id) => self.record_tool(id, out),
        }
    }

    pub(super) fn see_call(&mut self, who: Who, at: Timestamp, channel: Channel, mut call: CallSeen, out: &mut Vec<Entry>) {
        let ids = Ids::of_call(&call.keys, channel);
        call.keys = super::super::seen::CallKeys::default();
        let account = Account::of(&who);
        let mut both = Vec::new();
        let told = Told::new(who, at, channel, ids, call);
        let repeated = match self.calls.see(told, channel, &mut both) {
            Found::New(id) => {
                self.tell(&account, channel, false);
                self.hold(Held::Call(id), &account, out);
                return;
            }
            Found::Joined { repeated } => repeated,
            Found::Known { id, repeated, learned, item } => {
                if learned {
                    self.unsaved.insert(Unsaved::Call(id));
                }
                for other in both {
                    self.recorded_twice(id, other, out);
                }
                self.compare(id, &item, out);
                repeated
            }
        };
        self.tell(&account, channel, repeated);
    }

    pub(super) fn see_tool(&mut self, who: Who, at: Timestamp, channel: Channel, tool: ToolSeen, out: &mut Vec<Entry>) {
        let ids = Ids::of_tool(&tool, channel);
        let account = Account::of(&who);
        let told = Told::new(who, at, channel, ids, tool);
        match self.tools.see(told, channel, &mut Vec::new()) {
            Found::New(id) => self.hold(Held::Tool(id), &account, out),
            Found::Known { id, learned: true, .. } => {
                self.unsaved.insert(Unsaved::Tool(id));
            }
            _ => {}
        }
    }

    fn record_tool(&mut self, id: u64, out: &mut Vec<Entry>) {
        let Some(told) = self.tools.get_mut(id) else {
            return;
        };
        told.recorded = true;
        let (who, at) = (told.who.clone(), told.at);
        let tool = call::record_tool(&told.what);
        self.hear(&Account::of(&who), out);
        self.start(&who, at - tool.elapsed, out);
        self.unsaved.insert(Unsaved::Tool(id));
        self.push(&who, at, tool.into(), None, out);
    }

    fn record_call(&mut self, id: u64, out: &mut Vec<Entry>) {
        // One that became one with another is gone, or forgotten.
        let Some(told) = self.calls.get_mut(id) else {
            return;
        };
        told.recorded = true;
        let (who, at, call) = (told.who.clone(), told.at, told.what.clone());
        let account = Account::of(&who);
        self.hear(&account, out);
        self.start(&who, at - call.latency.unwrap_or_default(), out);
        let usage = call.usage.unwrap_or_default();
        let amounts = Amounts::new(&usage, call.cost);
        let place = Usage { who: &who, at, provider: &call.provider, model: &call.model };
        let is_priced = call.cost.is_some() || usage.total() == 0;
        let rest = self.count(&account, &place, amounts, is_priced, out);
        let record = if rest == amounts {
            call::record(&call, usage, call.cost)
        } else {
            let is_told = call.cost.is_some() || rest.tokens() == 0;
            call::record(&call, rest.usage(&usage), is_told.then(|| rest.usd()))
        };
        if let Some(session) = self.sessions.get_mut(&account) {
            session.figures.calls += 1;
        }
        self.unsaved.insert(Unsaved::Call(id));
        self.unsaved.insert(Unsaved::Session(account));
        self.push(&who, at, record.into(), None, out);
    }

    /// Counts usage in the account, and in that of the project for those who do not tell their session.
    fn count(
        &mut self,
        account: &Account,
        usage: &Usage<'_>,
        told: Amounts,
        is_priced: bool,
        out: &mut Vec<Entry>,
    ) -> Amounts {
        let mut rest = self.count_in(account, usage, told, is_priced);
        if account.session().is_some() {
            let project = Account::Project(usage.who.project.clone());
            self.hear(&project, out);
            rest = self.count_in(&project, usage, rest, is_priced);
        }
        rest
    }

    fn count_in(&mut self, account: &Account, usage: &Usage<'_>, told: Amounts, is_priced: bool) -> Amounts {
        let Some((key, model)) = self.sums(account, usage) else {
            return told;
        };
        let rest = model.sums.count(told, is_priced);
        self.unsaved.insert(Unsaved::Sums(account.clone(), key));
        rest
    }

    fn sums(&mut self, account: &Account, usage: &Usage<'_>) -> Option<(Box<str>, &mut ModelSums)> {
        let session = self.sessions.get_mut(account)?;
        Some(session.model(key::model(usage.model.as_str()), || ModelSums {
            project: usage.who.project.clone(),
            agent: usage.who.agent.clone(),
            provider: usage.provider.clone(),
            model: usage.model.clone(),
            at: usage.at,
            sums: Sums::default(),
        }))
    }

    pub(super) fn add(&mut self, who: &Who, at: Timestamp, amount: &Amount) {
        let account = Account::of(who);
        let usage = Usage { who, at, provider: &amount.provider, model: &amount.model };
        let Some((key, model)) = self.sums(&account, &usage) else {
            return;
        };
        model.agent = who.agent.clone().or(model.agent.take());
        model.at = model.at.max(at);
        model.sums.add(amount.source, amount.bucket, amount.amount);
        self.unsaved.insert(Unsaved::Sums(account, key));
    }

    /// What is said of a call that is recorded: if it is more, the difference is usage without a call.
    fn compare(&mut self, id: u64, item: &CallSeen, out: &mut Vec<Entry>) {
        let Some(told) = self.calls.get_mut(id) else {
            return;
        };
        let known = &mut told.what;
        let before = known.usage.unwrap_or_default();
        let Some(usage) = item.usage.filter(|it| it.total() > before.total()) else {
            return;
        };
        let is_priced = known.cost.is_some() || (before.total() == 0 && item.cost.is_some());
        let old = Amounts::new(&before, known.cost);
        if is_priced {
            known.cost = known.cost.max(item.cost);
        }
        known.usage = Some(usage);
        let new = Amounts::new(&usage, known.cost);
        let (who, at) = (told.who.clone(), told.at);
        let (provider, model) = (known.provider.clone(), known.model.clone());
        self.unsaved.insert(Unsaved::Call(id));
        let account = Account::of(&who);
        self.hear(&account, out);
        let place = Usage { who: &who, at, provider: &provider, model: &model };
        self.retract(&account, &place, old.minus(new), is_priced);
        let more = self.count(&account, &place, new.minus(old), is_priced, out);
        self.without_call(&account, &place, more, is_priced, &usage, out);
    }

    fn retract(&mut self, account: &Account, usage: &Usage<'_>, told: Amounts, is_priced: bool) {
        let project = Account::Project(usage.who.project.clone());
        let accounts = [Some(account), account.session().map(|_| &project)];
        for account in accounts.into_iter().flatten() {
            if let Some((key, model)) = self.sums(account, usage) {
                model.sums.retract(told, is_priced);
                self.unsaved.insert(Unsaved::Sums(account.clone(), key));
            }
        }
    }

    /// Two calls that were recorded turn out to be one.
    fn recorded_twice(&mut self, id: u64, other: Told<CallSeen>, out: &mut Vec<Entry>) {
        let Told { who, at, what, .. } = other;
        let account = Account::of(&who);
        self.hear(&account, out);
        let place = Usage { who: &who, at, provider: &what.provider, model: &what.model };
        let told = Amounts::new(&what.usage.unwrap_or_default(), what.cost);
        self.retract(&account, &place, told, what.cost.is_some());
        if let Some(session) = self.sessions.get_mut(&account) {
            session.figures.calls = session.figures.calls.saturating_sub(1);
            session.figures.twice += 1;
        }
        self.unsaved.insert(Unsaved::Session(account));
        self.compare(id, &what, out);
    }

    fn without_call(
        &mut self,
        account: &Account,
        place: &Usage<'_>,
        amounts: Amounts,
        is_priced: bool,
        like: &TokenUsage,
        out: &mut Vec<Entry>,
    ) {
        if amounts.tokens() == 0 && amounts.cost == 0 {
            return;
        }
        let mut call = ModelCall::new(place.provider.clone(), place.model.clone())
            .usage(amounts.usage(like))
            .attempts(0);
        call.cost = is_priced.then(|| amounts.usd()).or((amounts.tokens() == 0).then_some(Usd::ZERO));
        if let Some(session) = self.sessions.get_mut(account) {
            session.figures.unexplained += 1;
        }
        self.unsaved.insert(Unsaved::Session(account.clone()));
        self.push(place.who, place.at, call.into(), None, out);
    }

    pub(super) fn settle_sums(&mut self, mut mature: impl FnMut(&mut Sums) -> bool, out: &mut Vec<Entry>) {
        let waits = |session: &Session| session.models.values().any(|it| it.sums.is_waiting());
        let waiting = self.sessions.iter().filter(|(_, session)| waits(session));
        let mut waiting: Vec<Account> = waiting.map(|(account, _)| account.clone()).collect();
        // Sessions before projects, which are told what sessions recorded.
        waiting.sort_unstable();
        for account in waiting {
            self.settle_account(&account, &mut mature, out);
        }
    }

    fn settle_account(&mut self, account: &Account, mature: &mut dyn FnMut(&mut Sums) -> bool, out: &mut Vec<Entry>) {
        let Some(session) = self.sessions.get_mut(account) else {
            return;
        };
        let mut due = Vec::new();
        for (key, model) in &mut session.models {
            if mature(&mut model.sums) {
                let excess = model.sums.excess();
                due.push((key.clone(), model.clone(), excess));
            }
        }
        for (key, model, excess) in due {
            self.unsaved.insert(Unsaved::Sums(account.clone(), key));
            let who = Who {
                project: model.project,
                session: account.session().cloned(),
                agent: model.agent,
                ..Who::default()
            };
            let place = Usage { who: &who, at: model.at, provider: &model.provider, model: &model.model };
            let is_priced = model.sums.tells_cost();
            let mut rest = excess;
            if account.session().is_some() && excess != Amounts::default() {
                let project = Account::Project(place.who.project.clone());
                if self.sessions.contains_key(&project) {
                    rest = self.count_in(&project, &place, excess, is_priced);
                }
            }
            self.without_call(account, &place, rest, is_priced, &TokenUsage::ZERO, out);
        }
    }
}
