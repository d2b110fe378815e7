//! Counting under every order in which threads can meet, by the model checker.
//!
//! Not part of the usual tests:
//!
//! ```text
//! RUSTFLAGS="--cfg agent_model" cargo test --release -p agent-telemetry --no-default-features --lib metrics::model
//! ```

use loom::sync::Arc;
use loom::thread;

use super::counter::Cell;
use super::slot::Taken;

/// As many lanes as a story needs, and one that is shared.
struct Count {
    taken: Taken,
    owned: [Cell; 3],
    shared: Cell,
}

impl Count {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            taken: Taken::none(),
            owned: std::array::from_fn(|_| Cell::new()),
            shared: Cell::new(),
        })
    }

    /// The life of a thread: it takes a lane, counts, and gives the lane back.
    fn live(&self, times: u64) -> usize {
        let lane = self.taken.claim().unwrap();
        (0..times).for_each(|_| self.owned[lane].add_owned(1));
        self.taken.release(lane);
        // What destructors still count.
        self.shared.add_shared(1);
        lane
    }

    fn value(&self) -> u64 {
        let owned = self.owned.iter().map(Cell::value).sum::<u64>();
        owned + self.shared.value()
    }
}

/// Checks `story` under every order of its threads with up to three preemptions.
fn check(story: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(story);
}

#[test]
fn no_addition_is_lost_when_lanes_pass_from_thread_to_thread() {
    check(|| {
        let count = Count::new();
        let others = [1, 2].map(|times| {
            let count = count.clone();
            thread::spawn(move || count.live(times))
        });
        count.live(2);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(count.value(), 5 + 3);
        // All have given theirs back.
        assert_eq!(count.taken.claim(), Some(0));
    });
}

#[test]
fn lane_is_never_owned_twice() {
    check(|| {
        let count = Count::new();
        let other = {
            let count = count.clone();
            thread::spawn(move || count.taken.claim().unwrap())
        };
        let own = count.taken.claim().unwrap();
        assert_ne!(own, other.join().unwrap());
    });
}

#[test]
fn total_never_falls_while_others_count() {
    check(|| {
        let count = Count::new();
        let other = {
            let count = count.clone();
            thread::spawn(move || count.live(2))
        };
        let first = count.value();
        let second = count.value();
        assert!(first <= second && second <= 3, "{first} {second}");
        other.join().unwrap();
        assert_eq!(count.value(), 3);
    });
}
