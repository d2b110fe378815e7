//! Money: what a call costs, and what may be spent.

mod account;
mod advice;
mod amount;
mod atomics;
mod calendar;
mod charged;
mod config;
mod ledger;
mod meter;
#[cfg(all(test, agent_model))]
mod model;
mod overrun;
mod price;
mod refusal;
mod reservation;
mod session;
mod sessions;
mod snapshot;
mod status;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use agent_primitives::{
    Clock, Event, Observer, SessionId, SpendCrossing, SpendScope, Stamp, SystemClock, Timestamp,
    Usd,
};

use account::{Account, Plans};
use amount::{Unit, Units};
use calendar::Calendar;
use ledger::Accounts;
use overrun::Overrun;
use sessions::Sessions;

pub(crate) use charged::may_have_cost;

pub use advice::SpendAdvice;
pub use amount::Spend;
pub use config::{InvalidSpend, SpendAction, SpendBudgetConfig, SpendCap, SpendThreshold};
pub use price::TokenPrice;
pub use refusal::SpendRefused;
pub use reservation::{OwnedSpendReservation, SpendReservation};
pub use session::SessionBudget;
pub use sessions::SessionsFull;
pub use snapshot::{SessionSpend, SpendSnapshot};
pub use status::{CapStatus, SpendStatus};

/// Caps on money and tokens, for each request, each session and each calendar day, which calls at the
/// same time cannot pass: each reserves what it may cost before it leaves, and settles what it did
/// cost. A handle: clones share the figures.
///
/// A call asks all caps at once and takes from all of them or from none. What it held and did not spend
/// goes back; what it cost beyond its reservation is spent all the same, so that only a call that was
/// estimated too low can lift a sum above its cap, and the next one is refused. A call that ends after
/// midnight is counted in the new day, and what it holds is held in the new day from its first moment:
/// no cap is passed at the turn.
///
/// Each threshold of a cap is told to the observer once in a session, or a day, when so much was
/// *spent*. [Advice](SessionBudget::advice) goes by what is spent *and reserved*, and falls back when
/// reservations do.
///
/// Reserving and settling take no lock; figures are exact to the pico-dollar.
///
/// ```
/// use agent_primitives::{SessionId, SpendAmount, TokenUsage};
/// use agent_resilience::{SpendBudget, SpendBudgetConfig, SpendCap, TokenPrice};
///
/// let config = SpendBudgetConfig::default()
///     .request(SpendCap::usd("0.25".parse()?))
///     .session(SpendCap::usd("2".parse()?).and_tokens(500_000))
///     .day(SpendCap::usd("25".parse()?))
///     .time_zone("CET-1CEST,M3.5.0,M10.5.0/3");
/// let budget = SpendBudget::new(&config)?;
///
/// let session = budget.session(&SessionId::new("fix-login")?)?;
/// let price = TokenPrice::per_million("3".parse()?, "15".parse()?);
/// let mut held = session.reserve(price.spend_estimate(12_000, 4_000))?;
/// held.mark_sent();
/// // … the call …
/// held.settle(price.spend(&TokenUsage::new(12_000, 700)));
///
/// let money = session.status().caps[0];
/// assert_eq!(money.spent, SpendAmount::Usd("0.0465".parse()?));
/// assert_eq!(money.left, SpendAmount::Usd("1.9535".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SpendBudget {
    core: Arc<Core>,
    observer: Option<Arc<dyn Observer>>,
}

/// What the handles of one budget share.
struct Core {
    /// The largest request; all ones where there is no cap.
    request: Units,
    day: Option<Account>,
    calendar: Calendar,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    refused: AtomicU64,
    overrun: Overrun,
}

impl SpendBudget {
    /// A budget of which nothing is spent, with the system's clock and nobody listening.
    ///
    /// # Errors
    /// [`InvalidSpend`] for caps that contradict each other, and for a time zone that is not known.
    pub fn new(config: &SpendBudgetConfig) -> Result<Self, InvalidSpend> {
        Self::with_clock(config, SystemClock)
    }

    /// A budget of which nothing is spent, timed by `clock`'s wall time.
    ///
    /// # Errors
    /// [`InvalidSpend`] for caps that contradict each other, and for a time zone that is not known.
    pub fn with_clock(
        config: &SpendBudgetConfig,
        clock: impl Clock + 'static,
    ) -> Result<Self, InvalidSpend> {
        let calendar = config.check()?;
        let plans = |scope, cap| Plans::new(scope, cap, &config.thresholds);
        let day = plans(SpendScope::Day, config.day);
        let picos = config.request.usd.map(Usd::picos);
        let core = Core {
            request: Units {
                picos: picos.map_or(u64::MAX, |it| u64::try_from(it).unwrap_or(u64::MAX)),
                tokens: config.request.tokens.unwrap_or(u64::MAX),
            },
            day: (!day.is_empty()).then(|| Account::daily(&day)),
            calendar,
            sessions: Sessions::new(
                plans(SpendScope::Session, config.session),
                usize::try_from(config.sessions).unwrap_or(usize::MAX),
            ),
            clock: Arc::new(clock),
            refused: AtomicU64::new(0),
            overrun: Overrun::default(),
        };
        Ok(Self {
            core: Arc::new(core),
            observer: None,
        })
    }

    /// Tells `observer` of each threshold that is reached through this handle, its later clones and
    /// their sessions, as [`Event::Spend`]. Each is told once whatever handle notices it: give all of
    /// them the same observer.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use agent_primitives::{Event, SessionId, Stamp};
    /// use agent_resilience::{Spend, SpendBudget, SpendBudgetConfig, SpendCap};
    ///
    /// let heard = Arc::new(Mutex::new(Vec::new()));
    /// let told = Arc::clone(&heard);
    /// let config = SpendBudgetConfig::default().session(SpendCap::tokens(1_000));
    /// let budget = SpendBudget::new(&config)?.observer(move |_: Stamp<'_>, event: &Event| {
    ///     if let Event::Spend(crossing) = event {
    ///         told.lock().unwrap().push(crossing.percent);
    ///     }
    /// });
    /// let session = budget.session(&SessionId::new("s1")?)?;
    /// session.reserve(Spend::tokens(900))?.settle(Spend::tokens(850));
    /// session.reserve(Spend::tokens(100))?.settle(Spend::tokens(50));
    /// assert_eq!(*heard.lock().unwrap(), [50, 80]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The session called `id`, new if it is not known. Keep the handle: looking it up takes a lock.
    ///
    /// As many sessions are remembered as configured. One more pushes out the session that reserved
    /// nothing for the longest time and that nobody holds a handle or a reservation of; should it come
    /// back, its caps are whole again, and the day's go on.
    ///
    /// # Errors
    /// [`SessionsFull`] when somebody holds a handle of every session.
    pub fn session(&self, id: &SessionId) -> Result<SessionBudget, SessionsFull> {
        let session = self.core.sessions.session(id, || self.now())?;
        Ok(SessionBudget::new(self.clone(), Some(session)))
    }

    /// For calls that belong to no session: they keep the request's cap and the day's.
    pub fn without_session(&self) -> SessionBudget {
        SessionBudget::new(self.clone(), None)
    }

    /// What was spent today of the day's caps; nothing where there are none. The clock is read.
    pub fn spent_today(&self) -> Spend {
        self.begin_day(self.now());
        let day = self.core.day.as_ref().map(|day| day.used()[0].spend());
        day.unwrap_or(Spend::ZERO)
    }

    /// The day's caps. The clock is read.
    pub fn status(&self) -> SpendStatus {
        self.status_at(self.now())
    }

    /// The day's caps at `now`.
    pub fn status_at(&self, now: Timestamp) -> SpendStatus {
        self.begin_day(now);
        SpendStatus::of(&self.core, self.core.day_only())
    }

    /// Which models calls should go to, by the day's caps alone. The clock is read.
    pub fn advice(&self) -> SpendAdvice {
        self.begin_day(self.now());
        self.core.day_only().action().into()
    }

    /// What was spent, to be kept over a restart.
    pub fn snapshot(&self) -> SpendSnapshot {
        let at = self.now();
        self.begin_day(at);
        let [day, day_reserved] = match &self.core.day {
            Some(day) => day.used().map(Units::spend),
            None => [Spend::ZERO; 2],
        };
        SpendSnapshot {
            at,
            day,
            day_reserved,
            sessions: self.core.sessions.snapshot(),
        }
    }

    /// Counts what `snapshot` says as spent, on top of what is counted already: for once, at the start.
    /// Thresholds below it are not told again. A day that is over is left out; of more sessions than
    /// are remembered those used last are taken, and the rest are counted as forgotten.
    pub fn restore(&self, snapshot: &SpendSnapshot) {
        let now = self.now();
        self.begin_day(now);
        if let Some(day) = &self.core.day
            && self.core.calendar.day_of(now).holds(snapshot.at)
        {
            day.seed((snapshot.day + snapshot.day_reserved).into());
        }
        self.core.sessions.restore(&snapshot.sessions);
    }

    #[inline]
    fn now(&self) -> Timestamp {
        self.core.clock.timestamp()
    }

    fn begin_day(&self, now: Timestamp) {
        if let Some(day) = &self.core.day
            && day.is_stale(now)
        {
            self.turn(day, None, now);
        }
    }

    #[cold]
    fn turn(&self, day: &Account, session: Option<&SessionId>, now: Timestamp) {
        let told = day.turn(self.core.calendar.day_of(now));
        self.tell(&told, session, now);
    }

    fn tell(&self, crossings: &[SpendCrossing], session: Option<&SessionId>, now: Timestamp) {
        let Some(observer) = &self.observer else {
            return;
        };
        let stamp = match session {
            Some(session) => Stamp::at(now).of_session(session),
            None => Stamp::at(now),
        };
        for crossing in crossings {
            observer.observe(stamp, &Event::from(*crossing));
        }
    }
}

impl Core {
    #[inline]
    fn check_request(&self, ask: Units) -> Result<(), SpendRefused> {
        if ask.picos > self.request.picos {
            Err(SpendRefused::of_request(
                Unit::Picos,
                ask.picos,
                self.request.picos,
            ))
        } else if ask.tokens > self.request.tokens {
            Err(SpendRefused::of_request(
                Unit::Tokens,
                ask.tokens,
                self.request.tokens,
            ))
        } else {
            Ok(())
        }
    }

    fn day_only(&self) -> Accounts<'_> {
        Accounts {
            session: None,
            day: self.day.as_ref(),
        }
    }

    #[cold]
    fn count_overrun(&self, held: Units, actual: Units) {
        self.overrun.count(held, actual);
    }
}

impl fmt::Debug for SpendBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpendBudget")
            .field("status", &SpendStatus::of(&self.core, self.core.day_only()))
            .finish_non_exhaustive()
    }
}
