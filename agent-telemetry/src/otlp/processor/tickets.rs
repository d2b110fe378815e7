//! Who waits until what was taken is stored.

use std::collections::BTreeMap;
use std::task::Waker;

/// One for each that waits, in the order in which they came. What was taken before a ticket was issued is stored when
/// the ticket is settled.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    issued: u64,
    open: BTreeMap<u64, Ticket>,
    /// Of the open ones, those of requests that wait without a thread.
    requests: usize,
    finished: bool,
}

#[derive(Debug)]
struct Ticket {
    is_request: bool,
    waker: Option<Waker>,
    /// Whether it was stored, once that is known.
    stored: Option<bool>,
}

impl Tickets {
    pub(super) fn issue(&mut self, is_request: bool) -> u64 {
        self.issued += 1;
        self.requests += usize::from(is_request);
        let ticket = Ticket {
            is_request,
            waker: None,
            stored: None,
        };
        self.open.insert(self.issued, ticket);
        self.issued
    }

    pub(super) const fn requests(&self) -> usize {
        self.requests
    }

    /// The newest one.
    pub(super) const fn issued(&self) -> u64 {
        self.issued
    }

    /// Whether it was stored; `None` where that is not known yet, and `waker` is woken when it is.
    pub(super) fn told(&mut self, number: u64, waker: Option<&Waker>) -> Option<bool> {
        let Some(ticket) = self.open.get_mut(&number) else {
            return Some(false);
        };
        if ticket.stored.is_none() && self.finished {
            return Some(false);
        }
        if let (None, Some(waker)) = (ticket.stored, waker) {
            match &mut ticket.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
        ticket.stored
    }

    /// Nobody waits for it any more.
    pub(super) fn forget(&mut self, number: u64) {
        if let Some(ticket) = self.open.remove(&number) {
            self.requests -= usize::from(ticket.is_request);
        }
    }

    /// Those up to `last` are settled. Who is to be woken.
    pub(super) fn settle(&mut self, last: u64, stored: bool) -> Vec<Waker> {
        let settled = self.open.range_mut(..=last).map(|(_, ticket)| ticket);
        let settled = settled.filter(|it| it.stored.is_none());
        settled
            .filter_map(|ticket| {
                ticket.stored = Some(stored);
                ticket.waker.take()
            })
            .collect()
    }

    /// Nothing is stored any more. Who is to be woken.
    pub(super) fn finish(&mut self) -> Vec<Waker> {
        self.finished = true;
        let open = self.open.values_mut();
        open.filter_map(|it| it.waker.take()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_is_told_once_what_became_of_it() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut tickets = Tickets::default();
        let (first, second) = (tickets.issue(true), tickets.issue(true));
        assert_eq!(tickets.told(first, Some(&waker)), None);
        assert_eq!(tickets.told(second, Some(&waker)), None);
        tickets
            .settle(first, true)
            .into_iter()
            .for_each(Waker::wake);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        // What becomes of later ones is not what became of it.
        let refused = tickets.settle(second, false);
        assert_eq!(refused.len(), 1);
        assert_eq!(tickets.told(first, None), Some(true));
        assert_eq!(tickets.told(second, None), Some(false));
        tickets.forget(first);
        tickets.forget(first);
        assert_eq!(tickets.requests(), 1);
    }

    #[test]
    fn nobody_waits_for_what_has_ended() {
        let waker = Waker::from(Arc::new(Woken::default()));
        let mut tickets = Tickets::default();
        let stored = tickets.issue(false);
        tickets.settle(stored, true);
        let ticket = tickets.issue(false);
        assert_eq!(tickets.told(ticket, Some(&waker)), None);
        assert_eq!(tickets.finish().len(), 1);
        assert_eq!(tickets.told(stored, None), Some(true));
        assert_eq!(tickets.told(ticket, Some(&waker)), Some(false));
        let late = tickets.issue(false);
        assert_eq!(tickets.told(late, Some(&waker)), Some(false));
        assert_eq!(tickets.requests(), 0);
    }
}
