//! One session's view of a budget: where calls ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agent_primitives::{SessionId, Timestamp};

use super::SpendBudget;
use super::account::Account;
use super::advice::SpendAdvice;
use super::amount::{Spend, Units};
use super::ledger::Accounts;
use super::refusal::SpendRefused;
use super::reservation::{OwnedSpendReservation, SpendReservation};
use super::status::SpendStatus;

/// What the handles of one session share.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) account: Account,
    /// Nanoseconds since 1970 of the latest reservation.
    used_at: AtomicI64,
}

impl Session {
    pub(super) fn new(id: SessionId, account: Account, now: Timestamp) -> Self {
        Self {
            id,
            account,
            used_at: AtomicI64::new(now.unix_nanos()),
        }
    }

    pub(super) fn used_at(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.used_at.load(Ordering::Relaxed))
    }
}

/// A handle of one session of a [`SpendBudget`]: calls reserve here what they may cost. Clones share the
/// session.
///
/// A reservation asks the caps of the request, the session and the day at once and takes from all of
/// them or from none. It takes no lock and, once the handle is there, no memory.
///
/// ```
/// use agent_primitives::SessionId;
/// use agent_resilience::{Spend, SpendBudget, SpendBudgetConfig, SpendCap};
///
/// let config = SpendBudgetConfig::default()
///     .request(SpendCap::usd("0.50".parse()?))
///     .session(SpendCap::usd("2".parse()?))
///     .day(SpendCap::usd("20".parse()?));
/// let budget = SpendBudget::new(&config)?;
/// let session = budget.session(&SessionId::new("s1")?)?;
/// session.reserve(Spend::usd("0.40".parse()?))?.settle(Spend::usd("0.31".parse()?));
///
/// assert_eq!(session.spent(), Spend::usd("0.31".parse()?));
/// assert!(session.reserve(Spend::usd("0.60".parse()?)).is_err(), "more than one request may");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SessionBudget(Arc<Handle>);

#[derive(Debug)]
pub(super) struct Handle {
    pub(super) budget: SpendBudget,
    pub(super) session: Option<Arc<Session>>,
}

impl Handle {
    #[inline]
    pub(super) fn accounts(&self) -> Accounts<'_> {
        Accounts {
            session: self.session.as_ref().map(|session| &session.account),
            day: self.budget.core.day.as_ref(),
        }
    }

    #[inline]
    fn take(&self, ask: Units, now: Timestamp) -> Result<(), SpendRefused> {
        let core = &*self.budget.core;
        let taken = core.check_request(ask).and_then(|()| {
            self.begin_day(now);
            self.accounts().take(ask)
        });
        if let Err(refused) = taken {
            core.refused.fetch_add(1, Ordering::Relaxed);
            return Err(refused);
        }
        if let Some(session) = &self.session {
            session.used_at.store(now.unix_nanos(), Ordering::Relaxed);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn settle(&self, held: Units, actual: Units, now: Timestamp) {
        self.begin_day(now);
        if self.accounts().settle(held, actual) {
            self.tell_crossings(now);
        }
        if actual.picos > held.picos || actual.tokens > held.tokens {
            self.budget.core.count_overrun(held, actual);
        }
    }

    #[inline]
    fn begin_day(&self, now: Timestamp) {
        if let Some(day) = &self.budget.core.day
            && day.is_stale(now)
        {
            self.budget.turn(day, self.id(), now);
        }
    }

    #[cold]
    fn tell_crossings(&self, now: Timestamp) {
        let Accounts { session, day } = self.accounts();
        for account in [session, day].into_iter().flatten() {
            self.budget.tell(&account.crossings(), self.id(), now);
        }
    }

    fn id(&self) -> Option<&SessionId> {
        self.session.as_ref().map(|session| &session.id)
    }
}

impl SessionBudget {
    pub(super) fn new(budget: SpendBudget, session: Option<Arc<Session>>) -> Self {
        Self(Arc::new(Handle { budget, session }))
    }

    /// Reserves `estimate`: what the call costs at most, or is expected to cost. The clock is read.
    ///
    /// # Errors
    /// [`SpendRefused`] by the first cap without room; then nothing is reserved.
    #[inline]
    pub fn reserve(&self, estimate: Spend) -> Result<SpendReservation<'_>, SpendRefused> {
        self.reserve_at(estimate, self.0.budget.now())
    }

    /// Reserves `estimate` at `now`.
    ///
    /// # Errors
    /// [`SpendRefused`] by the first cap without room; then nothing is reserved.
    #[inline]
    pub fn reserve_at(
        &self,
        estimate: Spend,
        now: Timestamp,
    ) -> Result<SpendReservation<'_>, SpendRefused> {
        let ask = Units::from(estimate);
        self.0.take(ask, now)?;
        Ok(SpendReservation::new(&self.0, ask))
    }

    /// Reserves `estimate` for a task that outlives this handle. The clock is read.
    ///
    /// # Errors
    /// [`SpendRefused`] by the first cap without room; then nothing is reserved.
    pub fn reserve_owned(&self, estimate: Spend) -> Result<OwnedSpendReservation, SpendRefused> {
        self.reserve_owned_at(estimate, self.0.budget.now())
    }

    /// Reserves `estimate` at `now` for a task that outlives this handle.
    ///
    /// # Errors
    /// [`SpendRefused`] by the first cap without room; then nothing is reserved.
    #[inline]
    pub fn reserve_owned_at(
        &self,
        estimate: Spend,
        now: Timestamp,
    ) -> Result<OwnedSpendReservation, SpendRefused> {
        let ask = Units::from(estimate);
        self.0.take(ask, now)?;
        Ok(OwnedSpendReservation::new(Arc::clone(&self.0), ask))
    }

    /// Which models calls should go to, by what is spent and reserved of the session's caps and the
    /// day's. The clock is read.
    pub fn advice(&self) -> SpendAdvice {
        self.advice_at(self.0.budget.now())
    }

    /// Which models calls should go to at `now`.
    ///
    /// ```
    /// use agent_primitives::{SessionId, Timestamp};
    /// use agent_resilience::{Spend, SpendAdvice, SpendBudget, SpendBudgetConfig, SpendCap};
    ///
    /// let config = SpendBudgetConfig::default().session(SpendCap::tokens(1_000));
    /// let session = SpendBudget::new(&config)?.session(&SessionId::new("s1")?)?;
    /// let now = Timestamp::from_unix_seconds(0);
    /// let held = session.reserve_at(Spend::tokens(810), now)?;
    /// assert_eq!(session.advice_at(now), SpendAdvice::PreferCheap, "80 % are reserved");
    /// held.settle_at(Spend::tokens(100), now);
    /// assert_eq!(session.advice_at(now), SpendAdvice::Any);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn advice_at(&self, now: Timestamp) -> SpendAdvice {
        self.0.begin_day(now);
        self.0.accounts().action().into()
    }

    /// What the session has spent of its caps; nothing where it has none.
    pub fn spent(&self) -> Spend {
        match &self.0.session {
            Some(session) => session.account.used()[0].spend(),
            None => Spend::ZERO,
        }
    }

    /// The session, unless this is [without one](SpendBudget::without_session).
    pub fn id(&self) -> Option<&SessionId> {
        self.0.id()
    }

    /// The budget.
    pub fn budget(&self) -> &SpendBudget {
        &self.0.budget
    }

    /// Every cap that a call of this session has to keep. The clock is read.
    pub fn status(&self) -> SpendStatus {
        self.status_at(self.0.budget.now())
    }

    /// Every cap that a call of this session has to keep, at `now`.
    pub fn status_at(&self, now: Timestamp) -> SpendStatus {
        self.0.begin_day(now);
        SpendStatus::of(&self.0.budget.core, self.0.accounts())
    }
}
