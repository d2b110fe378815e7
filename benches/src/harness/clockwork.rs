//! Times the cases of a group in turns, so that drift of the machine hits all alike.

use std::time::{Duration, Instant};

use super::case::{Broken, Case, Group, Steps, Work};
use super::effort::Effort;
use super::spread::Spread;
use super::together::{together, undisturbed};

/// Short enough for many rounds, long enough that the clock and the start of a thread do not show.
const BATCH: Duration = Duration::from_millis(4);
/// Between threads, short enough to fit between two turns of another process.
const BATCH_TOGETHER: Duration = Duration::from_millis(1);
const WARM_UP: Duration = Duration::from_millis(12);
/// Timings of single steps that are thrown away first: the first ones fill caches and extend files.
const WARM_UP_STEPS: usize = 3;
/// Enough of them where one takes so long that its first time is like any other.
const WARM_UP_STEPS_FOR: Duration = Duration::from_millis(500);
/// Rounds of a group end early after this, on a slow disk, and never before `ROUNDS_MIN` of them: a
/// dozen groups have three minutes.
const ROUNDS_FOR: Duration = Duration::from_secs(8);
const ROUNDS_MIN: usize = 3;
const CALLS_MAX: u32 = 1 << 30;

/// The timings of each case of `group`, in its order; `None` for a case that took none because the
/// run is only a test.
pub(crate) fn time(group: &mut Group, effort: Effort) -> Result<Vec<Option<Spread>>, Broken> {
    if effort == Effort::Test {
        for case in &mut group.cases {
            once(case, group.threads)?;
        }
        return Ok(vec![None; group.cases.len()]);
    }
    let mut turns = Vec::new();
    for case in &mut group.cases {
        turns.push(Turn::warmed_up(case, group.threads, group.samples)?);
    }
    let start = Instant::now();
    for round in 0..group.samples {
        if round >= ROUNDS_MIN && start.elapsed() >= ROUNDS_FOR {
            break;
        }
        // Another one begins each round: nobody always runs in the wake of the same neighbour.
        let count = turns.len();
        for offset in 0..count {
            if let Some(turn) = turns.get_mut((round + offset) % count) {
                turn.take()?;
            }
        }
    }
    Ok(turns
        .into_iter()
        .map(|turn| Spread::of(turn.nanos))
        .collect())
}

fn once(case: &mut Case, threads: usize) -> Result<(), Broken> {
    match &mut case.work {
        Work::Loop(work) => {
            together(work.as_ref(), threads, 2)?;
            Ok(())
        }
        Work::Steps(steps) => {
            steps.prepare()?;
            steps.run()
        }
    }
}

struct Turn<'a> {
    case: &'a mut Case,
    threads: usize,
    calls: u32,
    nanos: Vec<f64>,
}

impl<'a> Turn<'a> {
    fn warmed_up(case: &'a mut Case, threads: usize, samples: usize) -> Result<Self, Broken> {
        let calls = match &mut case.work {
            Work::Loop(work) => calibrate(batch_of(threads), |calls| {
                Ok(together(work.as_ref(), threads, calls)?.took)
            })?,
            Work::Steps(steps) => {
                warm_up(steps.as_mut())?;
                steps.calls().max(1)
            }
        };
        Ok(Self {
            case,
            threads,
            calls,
            nanos: Vec::with_capacity(samples),
        })
    }

    fn take(&mut self) -> Result<(), Broken> {
        let took = match &mut self.case.work {
            Work::Loop(work) => undisturbed(work.as_ref(), self.threads, self.calls)?,
            Work::Steps(steps) => step(steps.as_mut())?,
        };
        self.nanos.push(nanos(took) / f64::from(self.calls));
        Ok(())
    }
}

/// Runs a case of single steps until it runs as it will go on.
pub(super) fn warm_up(steps: &mut dyn Steps) -> Result<(), Broken> {
    let mut spent = Duration::ZERO;
    for _ in 0..WARM_UP_STEPS {
        if spent < WARM_UP_STEPS_FOR {
            spent += step(steps)?;
        }
    }
    Ok(())
}

fn step(steps: &mut dyn Steps) -> Result<Duration, Broken> {
    steps.prepare()?;
    let start = Instant::now();
    steps.run()?;
    Ok(start.elapsed())
}

fn batch_of(threads: usize) -> Duration {
    if threads > 1 { BATCH_TOGETHER } else { BATCH }
}

/// Calls that fill `batch`, found after `WARM_UP` of running; `run` says how long so many calls take.
fn calibrate(
    batch: Duration,
    mut run: impl FnMut(u32) -> Result<Duration, Broken>,
) -> Result<u32, Broken> {
    let mut calls = 1;
    let mut spent = Duration::ZERO;
    loop {
        let took = run(calls)?;
        spent += took;
        if spent >= WARM_UP || calls >= CALLS_MAX {
            return Ok(fill(batch, calls, took));
        }
        if took < batch {
            calls = (calls * 2).min(CALLS_MAX);
        }
    }
}

fn fill(batch: Duration, calls: u32, took: Duration) -> u32 {
    let wanted = u128::from(calls) * batch.as_nanos() / took.as_nanos().max(1);
    u32::try_from(wanted)
        .unwrap_or(CALLS_MAX)
        .clamp(1, CALLS_MAX)
}

pub(crate) fn nanos(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::super::case::Kind;
    use super::*;

    #[test]
    fn calibration_fills_a_batch_with_calls_of_known_length() {
        let calls = calibrate(BATCH, |calls| Ok(Duration::from_nanos(40) * calls)).unwrap();
        assert_eq!(calls, 100_000);
    }

    #[test]
    fn calls_longer_than_a_batch_are_made_one_at_a_time() {
        let calls = calibrate(BATCH, |calls| Ok(Duration::from_secs(1) * calls)).unwrap();
        assert_eq!(calls, 1);
    }

    #[test]
    fn calls_that_take_no_time_do_not_calibrate_for_ever() {
        assert_eq!(calibrate(BATCH, |_| Ok(Duration::ZERO)).unwrap(), CALLS_MAX);
    }

    struct Noted(char, Rc<RefCell<String>>);

    impl Steps for Noted {
        fn prepare(&mut self) -> Result<(), Broken> {
            self.1.borrow_mut().push('.');
            Ok(())
        }
        fn run(&mut self) -> Result<(), Broken> {
            self.1.borrow_mut().push(self.0);
            Ok(())
        }
    }

    fn noted(order: &Rc<RefCell<String>>) -> Group {
        let case = |name: char| Case::steps(Kind::Peer, name, "1", Noted(name, Rc::clone(order)));
        Group::new("order", vec![case('a'), case('b'), case('c')]).samples(3)
    }

    #[test]
    fn rounds_go_in_turns_and_each_begins_with_another_case() {
        let order = Rc::new(RefCell::new(String::new()));
        let spreads = time(&mut noted(&order), Effort::Full).unwrap();
        let order = order.borrow().replace('.', "");
        assert_eq!(order, "aaabbbccc abcbcacab".replace(' ', ""));
        let samples: Vec<usize> = spreads.into_iter().flatten().map(|s| s.samples).collect();
        assert_eq!(samples, [3, 3, 3]);
    }

    #[test]
    fn test_effort_runs_each_case_once_and_reports_no_time() {
        let order = Rc::new(RefCell::new(String::new()));
        let spreads = time(&mut noted(&order), Effort::Test).unwrap();
        assert_eq!(*order.borrow(), ".a.b.c");
        assert_eq!(spreads, [None, None, None]);
    }
}
