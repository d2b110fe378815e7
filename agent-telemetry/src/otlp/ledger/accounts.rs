//! The accounts of sessions: what is recorded of usage that calls and metrics tell.

use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage, Usd};

use super::super::seen::{Amount, Who};
use super::amounts::Amounts;
use super::key;
use super::session::{Account, ModelSums, Session};
use super::sums::Sums;
use super::{Entry, Ledger, Unsaved};
use crate::{Body, ModelCall, Record};

/// Whose usage it is, and of which model.
pub(super) struct Usage<'a> {
    pub(super) who: &'a Who,
    pub(super) at: Timestamp,
    pub(super) provider: &'a ProviderId,
    pub(super) model: &'a ModelId,
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
        let session = Session {
            heard,
            ..Session::default()
        };
        self.sessions.insert(account.clone(), session);
    }

    fn close(&mut self, account: &Account, out: &mut Vec<Entry>) {
        self.settle_account(account, &mut Sums::mature_all, out);
        self.sessions.remove(account);
        self.waiting.remove(account);
        self.figures.sessions_evicted += 1;
    }

    pub(super) fn push(
        &mut self,
        who: &Who,
        at: Timestamp,
        body: Body,
        user: Option<String>,
        out: &mut Vec<Entry>,
    ) {
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
        out.push(Entry {
            record,
            user,
            usage: None,
            marks,
        });
    }

    /// Counts usage in the account, and in that of the project for those who do not tell their session.
    pub(super) fn count(
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

    fn count_in(
        &mut self,
        account: &Account,
        usage: &Usage<'_>,
        told: Amounts,
        is_priced: bool,
    ) -> Amounts {
        let Some((key, model)) = self.sums(account, usage) else {
            return told;
        };
        let rest = model.sums.count(told, is_priced);
        self.unsaved.insert(Unsaved::Sums(account.clone(), key));
        rest
    }

    fn sums(&mut self, account: &Account, usage: &Usage<'_>) -> Option<(Box<str>, &mut ModelSums)> {
        let session = self.sessions.get_mut(account)?;
        Some(
            session.model(key::model(usage.model.as_str()), || ModelSums {
                project: usage.who.project.clone(),
                agent: usage.who.agent.clone(),
                provider: usage.provider.clone(),
                model: usage.model.clone(),
                at: usage.at,
                sums: Sums::default(),
            }),
        )
    }

    pub(super) fn add(&mut self, who: &Who, at: Timestamp, amount: &Amount) {
        let account = Account::of(who);
        let usage = Usage {
            who,
            at,
            provider: &amount.provider,
            model: &amount.model,
        };
        let Some((key, model)) = self.sums(&account, &usage) else {
            return;
        };
        model.agent = who.agent.clone().or(model.agent.take());
        model.at = model.at.max(at);
        let known = model.sums.add(amount.source, amount.bucket, amount.amount);
        self.figures.amounts_refused += u64::from(!known);
        if !self.waiting.contains(&account) {
            self.waiting.insert(account.clone());
        }
        self.unsaved.insert(Unsaved::Sums(account, key));
    }

    /// Takes back what was counted, which stays recorded. Of what its session takes back, its project is told nothing: it
    /// knows what sessions recorded.
    pub(super) fn retract(
        &mut self,
        account: &Account,
        usage: &Usage<'_>,
        told: Amounts,
        is_priced: bool,
    ) {
        let project = Account::Project(usage.who.project.clone());
        let accounts = [Some(account), account.session().map(|_| &project)];
        let mut left = told;
        for account in accounts.into_iter().flatten() {
            if let Some((key, model)) = self.sums(account, usage) {
                left = left.minus(model.sums.retract(left, is_priced));
                self.unsaved.insert(Unsaved::Sums(account.clone(), key));
            }
        }
    }

    pub(super) fn without_call(
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
        call.cost = is_priced
            .then(|| amounts.usd())
            .or((amounts.tokens() == 0).then_some(Usd::ZERO));
        if let Some(session) = self.sessions.get_mut(account) {
            session.figures.unexplained += 1;
        }
        self.unsaved.insert(Unsaved::Session(account.clone()));
        self.push(place.who, place.at, call.into(), None, out);
    }

    pub(super) fn settle_sums(
        &mut self,
        now: Timestamp,
        mut mature: impl FnMut(&mut Sums) -> bool,
        out: &mut Vec<Entry>,
    ) {
        // Sessions before projects, which are told what sessions recorded.
        for account in std::mem::take(&mut self.waiting) {
            self.settle_account(&account, &mut mature, out);
            self.lighten(now, out);
            let session = self.sessions.get(&account);
            let mut models = session.into_iter().flat_map(|it| it.models.values());
            if models.any(|it| it.sums.is_waiting()) {
                self.waiting.insert(account);
            }
        }
    }

    fn settle_account(
        &mut self,
        account: &Account,
        mature: &mut dyn FnMut(&mut Sums) -> bool,
        out: &mut Vec<Entry>,
    ) {
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
            let place = Usage {
                who: &who,
                at: model.at,
                provider: &model.provider,
                model: &model.model,
            };
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
