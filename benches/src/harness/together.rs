//! Runs a case on several threads at once, and knows whether they really ran at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::case::Broken;
use super::clockwork::nanos;

/// The share of a batch that was shared is never all of it: one thread begins and ends first.
const GOOD: f64 = 0.85;
/// Cases that put threads to sleep never reach it, so the best of a few tries has to do.
const TRIES: usize = 6;

/// One batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    /// How long one thread took, the mean over all.
    pub(super) took: Duration,
    /// The part of the time in which all threads ran, 0 to 1. A contended figure from threads that
    /// took turns is the figure of one thread.
    quality: f64,
}

/// How long one thread takes for `calls` calls while `threads` threads make as many each, from the
/// first batch that nobody cut into, or the least disturbed one.
pub(super) fn undisturbed(
    work: &(dyn Fn(u32) + Send + Sync),
    threads: usize,
    calls: u32,
) -> Result<Duration, Broken> {
    best(|| together(work, threads, calls))
}

fn best(mut run: impl FnMut() -> Result<Batch, Broken>) -> Result<Duration, Broken> {
    let mut best = run()?;
    for _ in 1..TRIES {
        if best.quality >= GOOD {
            break;
        }
        let next = run()?;
        if next.quality > best.quality {
            best = next;
        }
    }
    Ok(best.took)
}

pub(super) fn together(
    work: &(dyn Fn(u32) + Send + Sync),
    threads: usize,
    calls: u32,
) -> Result<Batch, Broken> {
    if threads <= 1 {
        let start = Instant::now();
        work(calls);
        return Ok(Batch {
            took: start.elapsed(),
            quality: 1.0,
        });
    }
    let arrived = AtomicUsize::new(0);
    let runs = thread::scope(|scope| {
        let runners: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start_line(&arrived, threads);
                    Run::of(work, calls)
                })
            })
            .collect();
        // All are joined before one of them is looked at, or the scope panics in turn.
        let ended: Vec<_> = runners.into_iter().map(ScopedJoinHandle::join).collect();
        ended.into_iter().collect::<Result<Vec<_>, _>>()
    });
    let runs =
        runs.map_err(|_| Broken::new("run a case on several threads", "one of them panicked"))?;
    Ok(Batch {
        took: runs.iter().map(Run::took).sum::<Duration>() / u32::try_from(threads).unwrap_or(1),
        quality: quality(&runs),
    })
}

/// One thread's part.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: Instant,
    end: Instant,
    /// Processor time in it; `None` where the system does not tell.
    busy: Option<Duration>,
}

impl Run {
    fn of(work: &(dyn Fn(u32) + Send + Sync), calls: u32) -> Self {
        let before = processor_time();
        let start = Instant::now();
        work(calls);
        let end = Instant::now();
        let after = processor_time();
        Self {
            start,
            end,
            busy: before.zip(after).map(|(from, to)| to.saturating_sub(from)),
        }
    }

    fn took(&self) -> Duration {
        self.end.saturating_duration_since(self.start)
    }
}

fn quality(runs: &[Run]) -> f64 {
    let starts = runs.iter().map(|run| run.start);
    let ends = runs.iter().map(|run| run.end);
    let Some((first, last)) = starts.clone().min().zip(ends.clone().max()) else {
        return 0.0;
    };
    let shared = match (starts.max(), ends.min()) {
        (Some(start), Some(end)) => end.saturating_duration_since(start),
        _ => Duration::ZERO,
    };
    let busy = runs
        .iter()
        .filter_map(|run| Some(share(run.busy?, run.took())))
        .fold(1.0, f64::min);
    share(shared, last.saturating_duration_since(first)) * busy
}

fn share(part: Duration, whole: Duration) -> f64 {
    nanos(part) / nanos(whole).max(1.0)
}

/// Processor time of the calling thread.
#[cfg(target_os = "linux")]
fn processor_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).ok()
}

#[cfg(not(target_os = "linux"))]
fn processor_time() -> Option<Duration> {
    None
}

/// Waits for the others awake, so that all begin within a cache miss of each other.
fn start_line(arrived: &AtomicUsize, threads: usize) {
    arrived.fetch_add(1, Ordering::AcqRel);
    let mut spins = 0_u32;
    while arrived.load(Ordering::Acquire) < threads {
        spins += 1;
        if spins.is_multiple_of(4096) {
            thread::yield_now();
        }
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn every_thread_makes_every_call() {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let work = move |calls: u32| {
            for _ in 0..calls {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        };
        together(&work, 2, 50).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn panic_on_one_thread_breaks_the_case() {
        let broken = together(&|_| panic!("on purpose"), 2, 1).unwrap_err();
        let says = broken.to_string();
        assert!(says.contains("one of them panicked"), "{says}");
    }

    fn run(origin: Instant, from: u64, to: u64, busy: u64) -> Run {
        Run {
            start: origin + Duration::from_millis(from),
            end: origin + Duration::from_millis(to),
            busy: Some(Duration::from_millis(busy)),
        }
    }

    #[test]
    fn quality_is_the_shared_time_less_what_the_processor_was_away() {
        let origin = Instant::now();
        let shown = |runs: &[Run]| format!("{:.2}", quality(runs));
        let shares = [
            shown(&[run(origin, 0, 10, 10), run(origin, 0, 10, 10)]),
            // Half of it side by side.
            shown(&[run(origin, 0, 10, 10), run(origin, 5, 10, 5)]),
            // One after the other.
            shown(&[run(origin, 0, 10, 10), run(origin, 10, 20, 10)]),
            // Side by side, one of them without a processor for a quarter.
            shown(&[run(origin, 0, 20, 15), run(origin, 0, 20, 20)]),
        ];
        assert_eq!(shares, ["1.00", "0.50", "0.00", "0.75"]);
    }

    #[test]
    fn batch_is_taken_again_until_it_is_good_and_the_best_counts() {
        let tried = |qualities: &[f64]| {
            let mut left = qualities.iter();
            let took = best(|| {
                let quality = *left.next().unwrap();
                Ok(Batch {
                    took: Duration::from_secs_f64(quality),
                    quality,
                })
            });
            (took.unwrap().as_secs_f64(), left.len())
        };
        assert_eq!(tried(&[0.5, 0.9, 0.1]), (0.9, 1));
        assert_eq!(tried(&[0.5, 0.25, 0.75, 0.5, 0.5, 0.5, 0.9]), (0.75, 1));
    }
}
