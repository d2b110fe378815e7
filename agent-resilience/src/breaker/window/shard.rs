//! Counters that threads do not share, as far as there are cores.

use super::super::atomics::{AtomicU64, Ordering};

/// Slices of a time window. With the count of rejections they fill a shard.
pub(super) const SLICES: usize = 15;

/// What one thread, or a few, count. Two cache lines, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(in super::super) struct Shard {
    pub(super) slices: [AtomicU64; SLICES],
    rejected: AtomicU64,
}

#[derive(Debug)]
pub(in super::super) struct Shards(Box<[Shard]>);

impl Shards {
    pub(in super::super) fn new() -> Self {
        let shard = |_| Shard {
            slices: std::array::from_fn(|_| AtomicU64::new(0)),
            rejected: AtomicU64::new(0),
        };
        Self((0..thread::shards()).map(shard).collect())
    }

    /// That of the calling thread.
    #[inline]
    pub(super) fn own(&self) -> Option<&Shard> {
        self.0.get(thread::index() & (self.0.len().wrapping_sub(1)))
    }

    pub(super) fn all(&self) -> &[Shard] {
        &self.0
    }

    #[inline]
    pub(in super::super) fn reject(&self) {
        if let Some(shard) = self.own() {
            shard.rejected.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(in super::super) fn rejected(&self) -> u64 {
        let each = |shard: &Shard| shard.rejected.load(Ordering::Relaxed);
        self.0.iter().map(each).fold(0, u64::wrapping_add)
    }
}

#[cfg(not(all(test, agent_model)))]
mod thread {
    //! Which shard a thread takes: they take them in turns.

    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::available_parallelism;

    /// 1 KiB a breaker. Where there are more cores, a few threads share a shard.
    const SHARDS_MAX: usize = 8;

    /// A power of two.
    pub(super) fn shards() -> usize {
        static SHARDS: OnceLock<usize> = OnceLock::new();
        *SHARDS.get_or_init(|| {
            let cores = available_parallelism().map_or(1, usize::from);
            cores.clamp(1, SHARDS_MAX).next_power_of_two()
        })
    }

    #[inline]
    pub(super) fn index() -> usize {
        thread_local! {
            static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        INDEX.with(|own| match own.get() {
            usize::MAX => {
                let next = next();
                own.set(next);
                next
            }
            index => index,
        })
    }

    #[cold]
    fn next() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS_MAX
    }
}

/// The model checker looks at threads that share one.
#[cfg(all(test, agent_model))]
mod thread {
    pub(super) fn shards() -> usize {
        1
    }

    pub(super) fn index() -> usize {
        0
    }
}
