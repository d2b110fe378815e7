//! From calls that were seen to their records.

use agent_primitives::Timestamp;

use super::super::seen::{CallKeys, CallSeen, Channel, ToolSeen, Who};
use super::accounts::Usage;
use super::amounts::Amounts;
use super::key::Ids;
use super::once::{Found, Told};
use super::session::Account;
use super::{Entry, Held, Ledger, Unsaved, Waiting, call, mark};

impl Ledger {
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
        self.held.push_back(Waiting {
            held,
            account,
            since: None,
        });
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

    pub(super) fn see_call(
        &mut self,
        who: Who,
        at: Timestamp,
        channel: Channel,
        mut call: CallSeen,
        out: &mut Vec<Entry>,
    ) {
        let ids = Ids::of_call(&call.keys, channel);
        call.keys = CallKeys::default();
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
            Found::Known {
                id,
                repeated,
                learned,
                item,
            } => {
                if learned {
                    self.unsaved.insert(Unsaved::Call(id));
                }
                for other in both {
                    // One state has the keys of both from now on.
                    self.unsaved.insert(Unsaved::Call(id));
                    if other.recorded {
                        self.unsaved.extend(mark::key(&other).map(Unsaved::Gone));
                        self.recorded_twice(id, other, out);
                    } else {
                        self.compare(id, &other.what, out);
                    }
                }
                self.compare(id, &item, out);
                repeated
            }
        };
        self.tell(&account, channel, repeated);
    }

    pub(super) fn see_tool(
        &mut self,
        who: Who,
        at: Timestamp,
        channel: Channel,
        tool: ToolSeen,
        out: &mut Vec<Entry>,
    ) {
        let ids = Ids::of_tool(&tool, who.session.as_ref(), channel);
        let account = Account::of(&who);
        let told = Told::new(who, at, channel, ids, tool);
        let mut both = Vec::new();
        match self.tools.see(told, channel, &mut both) {
            Found::New(id) => self.hold(Held::Tool(id), &account, out),
            Found::Known { id, learned, .. } if learned || !both.is_empty() => {
                self.unsaved.insert(Unsaved::Tool(id));
                let recorded = both.iter().filter(|it| it.recorded);
                let gone = recorded.filter_map(mark::key);
                self.unsaved.extend(gone.map(Unsaved::Gone));
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
        let place = Usage {
            who: &who,
            at,
            provider: &call.provider,
            model: &call.model,
        };
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
        if let Some(entry) = out.last_mut().filter(|_| rest != amounts) {
            entry.usage = Some(usage);
        }
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
        let place = Usage {
            who: &who,
            at,
            provider: &provider,
            model: &model,
        };
        self.retract(&account, &place, old.minus(new), is_priced);
        let more = self.count(&account, &place, new.minus(old), is_priced, out);
        self.without_call(&account, &place, more, is_priced, &usage, out);
    }

    /// Two calls that were recorded turn out to be one.
    fn recorded_twice(&mut self, id: u64, other: Told<CallSeen>, out: &mut Vec<Entry>) {
        let Told { who, at, what, .. } = other;
        let account = Account::of(&who);
        self.hear(&account, out);
        let place = Usage {
            who: &who,
            at,
            provider: &what.provider,
            model: &what.model,
        };
        let told = Amounts::new(&what.usage.unwrap_or_default(), what.cost);
        self.retract(&account, &place, told, what.cost.is_some());
        if let Some(session) = self.sessions.get_mut(&account) {
            session.figures.calls = session.figures.calls.saturating_sub(1);
            session.figures.twice += 1;
        }
        self.unsaved.insert(Unsaved::Session(account));
        self.compare(id, &what, out);
    }
}
