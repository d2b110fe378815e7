//! The accounts that one call is counted in: all of them or none.

use super::account::Account;
use super::amount::Units;
use super::config::SpendAction;
use super::refusal::SpendRefused;

/// The session's account and the day's, where there are such caps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accounts<'a> {
    pub(super) session: Option<&'a Account>,
    pub(super) day: Option<&'a Account>,
}

impl Accounts<'_> {
    /// Reserves `ask` in all accounts.
    #[inline]
    pub(super) fn take(self, ask: Units) -> Result<(), SpendRefused> {
        loop {
            if self.try_take(ask) {
                return Ok(());
            }
            // Room that came free in between is asked for again.
            if let Some(refused) = self.refusal(ask) {
                return Err(refused);
            }
        }
    }

    #[inline]
    fn try_take(self, ask: Units) -> bool {
        // Looked at before anything is taken, so that a call without room takes nothing that another
        // one then misses. Only a call that loses its room between the two does.
        if !(self.session.is_none_or(|it| it.fits(ask)) && self.day.is_none_or(|it| it.fits(ask))) {
            return false;
        }
        if self.session.is_some_and(|it| !it.take(ask)) {
            return false;
        }
        if self.day.is_some_and(|it| !it.take(ask)) {
            if let Some(session) = self.session {
                session.give_back(ask);
            }
            return false;
        }
        true
    }

    #[cold]
    fn refusal(self, ask: Units) -> Option<SpendRefused> {
        let of_session = self.session.and_then(|it| it.refusal(ask));
        of_session.or_else(|| self.day.and_then(|it| it.refusal(ask)))
    }

    /// Spends `actual` where `held` was reserved. Whether a threshold may have been reached.
    #[inline]
    pub(super) fn settle(self, held: Units, actual: Units) -> bool {
        let of_session = self.session.is_some_and(|it| it.settle(held, actual));
        let of_day = self.day.is_some_and(|it| it.settle(held, actual));
        of_session | of_day
    }

    #[inline]
    pub(super) fn give_back(self, held: Units) {
        if let Some(session) = self.session {
            session.give_back(held);
        }
        if let Some(day) = self.day {
            day.give_back(held);
        }
    }

    /// The strictest thing that a threshold asks for.
    #[inline]
    pub(super) fn action(self) -> Option<SpendAction> {
        let of_session = self.session.and_then(Account::action);
        of_session.max(self.day.and_then(Account::action))
    }
}
