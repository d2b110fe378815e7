//! Allocations per operation, counted in a process of its own.
//!
//! A counting allocator makes every allocation slower and every reallocation a copy. So the process
//! that takes the times keeps the usual allocator, and `count_allocations` runs the same cases once
//! more under the counting one.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::case::{Broken, Case, Group, Work};
use super::clockwork::warm_up;
use super::effort::Effort;

const LOOP_CALLS: u32 = 1000;
const LOOP_CALLS_BEFORE: u32 = 2000;

/// What a counting allocator saw of the calling thread; other threads' allocations are not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allocated {
    /// Calls of the allocator that gave out memory.
    pub count: u64,
    /// Bytes given out.
    pub bytes: u64,
    /// Most bytes at a time that were given out and not given back.
    pub peak: u64,
}

/// Allocations of one operation of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    pub(crate) group: String,
    pub(crate) case: String,
    pub(crate) threads: usize,
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
    pub(crate) peak: f64,
}

impl Counted {
    /// The group of the case.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Threads that share the case in its group.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The case that was counted.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// Allocations of one operation, the mean of many where it is short.
    pub fn allocations(&self) -> f64 {
        self.allocations
    }
}

/// Runs each case of `group` under `meter` (which runs what it is given and says what was allocated).
///
/// # Errors
/// When a case cannot be run.
pub fn count(
    group: &mut Group,
    effort: Effort,
    meter: fn(&mut dyn FnMut()) -> Allocated,
) -> Result<Vec<Counted>, Broken> {
    let mut counted = Vec::new();
    for case in &mut group.cases {
        let (calls, seen) = metered(case, effort, meter)?;
        counted.push(Counted {
            group: group.name.to_owned(),
            case: case.name.clone(),
            threads: group.threads,
            allocations: per_call(seen.count, calls),
            bytes: per_call(seen.bytes, calls),
            peak: per_call(seen.peak, 1),
        });
    }
    Ok(counted)
}

fn metered(
    case: &mut Case,
    effort: Effort,
    meter: fn(&mut dyn FnMut()) -> Allocated,
) -> Result<(u32, Allocated), Broken> {
    match &mut case.work {
        Work::Loop(work) => {
            let (before, calls) = match effort {
                Effort::Full => (LOOP_CALLS_BEFORE, LOOP_CALLS),
                Effort::Test => (2, 2),
            };
            work(before);
            Ok((calls, meter(&mut || work(calls))))
        }
        Work::Steps(steps) => {
            if effort == Effort::Full {
                warm_up(steps.as_mut())?;
            }
            steps.prepare()?;
            let mut result = Ok(());
            let seen = meter(&mut || result = steps.run());
            result.map(|()| (steps.calls(), seen))
        }
    }
}

fn per_call(total: u64, calls: u32) -> f64 {
    f64::from(u32::try_from(total).unwrap_or(u32::MAX)) / f64::from(calls.max(1))
}

/// Runs `program` with `arguments` and reads what it counted. What it says on its error stream is
/// passed through.
///
/// # Errors
/// When it cannot be started, fails, or writes something else.
pub fn counted_by(
    program: &Path,
    arguments: &[std::ffi::OsString],
) -> Result<Vec<Counted>, Broken> {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(Broken::when("start the counting process"))?;
    if !output.status.success() {
        return Err(Broken::new("count allocations", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(Broken::when("read the counts"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::case::{Kind, Steps};
    use super::*;

    thread_local!(static SEEN: Cell<u64> = const { Cell::new(0) });

    fn pretend(work: &mut dyn FnMut()) -> Allocated {
        SEEN.set(0);
        work();
        Allocated {
            count: SEEN.get(),
            bytes: SEEN.get() * 16,
            peak: SEEN.get() * 8,
        }
    }

    #[test]
    fn looped_case_is_divided_by_its_calls_and_warmed_up_outside() {
        let all = Arc::new(AtomicU64::new(0));
        let calls_seen = Arc::clone(&all);
        let case = Case::looped(Kind::Ours, "boxes", "1", move |calls| {
            calls_seen.fetch_add(u64::from(calls), Ordering::Relaxed);
            SEEN.set(SEEN.get() + 3 * u64::from(calls));
        });
        let counted = count(&mut Group::new("g", vec![case]), Effort::Full, pretend).unwrap();
        assert_eq!((counted[0].allocations, counted[0].bytes), (3.0, 48.0));
        assert_eq!(all.load(Ordering::Relaxed), 3000);
    }

    struct Allocates;
    impl Steps for Allocates {
        fn prepare(&mut self) -> Result<(), Broken> {
            SEEN.set(SEEN.get() + 100);
            Ok(())
        }
        fn calls(&self) -> u32 {
            2
        }
        fn run(&mut self) -> Result<(), Broken> {
            SEEN.set(SEEN.get() + 7);
            Ok(())
        }
    }

    #[test]
    fn preparation_of_a_step_is_not_counted_and_its_calls_share() {
        let case = Case::steps(Kind::Ours, "step", "1", Allocates);
        let counted = count(&mut Group::new("g", vec![case]), Effort::Full, pretend).unwrap();
        assert_eq!((counted[0].allocations, counted[0].bytes), (3.5, 56.0));
        // At a time, so that calls do not share it.
        assert_eq!((counted[0].peak, counted.len()), (56.0, 1));
    }

    #[test]
    fn failing_counter_is_reported() {
        let failed = counted_by(Path::new("/nonexistent/counter"), &[]).unwrap_err();
        assert!(
            failed
                .to_string()
                .starts_with("cannot start the counting process")
        );
    }
}
