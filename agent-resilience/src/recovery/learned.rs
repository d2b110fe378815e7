//! The context limits of models, learned and bounded in number.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_primitives::{ModelId, Monotonic};

use super::measure::Measure;

#[derive(Debug)]
pub(super) struct Limits {
    /// How many there are, so that a request costs one load while there are none.
    known: AtomicUsize,
    capacity: usize,
    by_model: Mutex<HashMap<ModelId, Known>>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    measure: Measure,
    until: Monotonic,
}

impl Limits {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            known: AtomicUsize::new(0),
            capacity,
            by_model: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ModelId, Known>> {
        self.by_model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None is known of any model.
    pub(super) fn is_empty(&self) -> bool {
        self.known.load(Ordering::Relaxed) == 0
    }

    pub(super) fn of(&self, model: &ModelId, now: Monotonic) -> Option<Measure> {
        if self.is_empty() {
            return None;
        }
        let mut map = self.lock();
        let known = *map.get(model)?;
        if known.until <= now {
            map.remove(model);
            self.known.store(map.len(), Ordering::Relaxed);
            return None;
        }
        Some(known.measure)
    }

    pub(super) fn learn(&self, model: &ModelId, measure: Measure, until: Monotonic) {
        let mut map = self.lock();
        if map.len() >= self.capacity && !map.contains_key(model) {
            let oldest = map.iter().min_by_key(|(_, known)| known.until);
            if let Some(oldest) = oldest.map(|(model, _)| model.clone()) {
                map.remove(&oldest);
            }
        }
        map.insert(model.clone(), Known { measure, until });
        self.known.store(map.len(), Ordering::Relaxed);
    }

    pub(super) fn forget(&self, model: &ModelId) {
        let mut map = self.lock();
        map.remove(model);
        self.known.store(map.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn limits_are_bounded_in_number_and_end_after_their_time() {
        let (limits, start) = (Limits::new(2), Monotonic::from_nanos(0));
        let hour = Duration::from_secs(3_600);
        let model = |number: u32| ModelId::new(format!("m{number}")).unwrap();
        let at = |second: u64| start + Duration::from_secs(second);
        assert!(limits.is_empty());
        for number in 0..5 {
            let measure = Measure::of_limit(u64::from(number) + 1);
            limits.learn(&model(number), measure, at(number.into()) + hour);
        }
        let limit = |number, now| limits.of(&model(number), now).map(|it| it.limit);
        assert_eq!(
            [0, 1, 2, 3, 4].map(|n| limit(n, at(9))),
            [None, None, None, Some(4), Some(5)]
        );
        assert_eq!(limit(3, at(3) + hour), None);
        assert_eq!(limits.lock().len(), 1);
        limits.forget(&model(4));
        assert!(limits.is_empty());
    }
}
