//! Runs one case so that a tool outside can see nothing but its work.

use super::case::{Broken, Group, Work};

/// What [`perform`] spends its counted instructions in, for a tool that filters by function.
pub const COUNTED: &str = "*::harness::perform::counted*";

/// Runs the case called `case` about `calls` times, after `before` calls that fill caches and make lazy parts, and
/// says how often it did: a case of several calls a step makes whole steps. Only what runs inside of functions
/// that [`COUNTED`] names belongs to the case.
///
/// # Errors
/// When there is no such case or it cannot be run.
///
/// ```
/// use agent_benches::harness::{Case, Group, Kind, perform};
///
/// let add = |calls| { std::hint::black_box((0..calls).sum::<u32>()); };
/// let mut group = Group::new("sum", vec![Case::looped(Kind::Ours, "add", "1.0.0", add)]);
/// assert_eq!(perform(&mut group, "add", 50, 200)?, 50);
/// assert!(perform(&mut group, "subtract", 50, 200).is_err());
/// # Ok::<(), agent_benches::harness::Broken>(())
/// ```
pub fn perform(group: &mut Group, case: &str, calls: u32, before: u32) -> Result<u32, Broken> {
    let name = group.name;
    let found = group.cases.iter_mut().find(|one| one.name == case);
    let Some(found) = found else {
        let why = format!("the group {name:?} has no case of that name");
        return Err(Broken::new(format!("run {case:?}"), why));
    };
    match &mut found.work {
        Work::Loop(work) => {
            work(before);
            counted_calls(work.as_ref(), calls);
            Ok(calls)
        }
        Work::Steps(steps) => {
            let of_step = steps.calls().max(1);
            for _ in 0..before.div_ceil(of_step) {
                steps.prepare()?;
                steps.run()?;
            }
            let count = calls.div_ceil(of_step);
            for _ in 0..count {
                steps.prepare()?;
                counted_step(steps.as_mut())?;
            }
            Ok(count * of_step)
        }
    }
}

/// Stays a function of its own, and one that is returned from: a tool recognises it by that.
#[inline(never)]
fn counted_calls(work: &dyn Fn(u32), calls: u32) {
    work(calls);
    std::hint::black_box(calls);
}

#[inline(never)]
fn counted_step(steps: &mut dyn super::case::Steps) -> Result<(), Broken> {
    std::hint::black_box(steps.run())
}

#[cfg(test)]
mod tests {
    use super::super::case::{Case, Kind, Steps};
    use super::*;

    #[derive(Default)]
    struct Six {
        prepared: u32,
        run: u32,
    }

    impl Steps for Six {
        fn prepare(&mut self) -> Result<(), Broken> {
            self.prepared += 1;
            Ok(())
        }
        fn calls(&self) -> u32 {
            6
        }
        fn run(&mut self) -> Result<(), Broken> {
            self.run += 1;
            // 200 calls before are 34 steps, 50 are 9.
            let planned = self.prepared == self.run && self.run <= 34 + 9;
            planned
                .then_some(())
                .ok_or_else(|| Broken::new("step", "one too many"))
        }
    }

    #[test]
    fn steps_of_several_calls_are_rounded_up_and_each_is_prepared() {
        let case = Case::steps(Kind::Ours, "six", "1", Six::default());
        let performed = perform(&mut Group::new("g", vec![case]), "six", 50, 200);
        assert_eq!(performed.unwrap(), 54);
    }
}
