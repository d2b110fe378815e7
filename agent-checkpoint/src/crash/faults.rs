//! Each operation fails in each way: the save says so or goes through, memory stays, and the next save works.

use std::collections::BTreeMap;

use agent_primitives::CheckpointKind;

use super::explore::{Effort, Explorer};
use super::play::{Play, SESSIONS, Seen};
use super::script::{Act, Step};
use super::settings::Settings;
use crate::fs::sim::{Fault, SimFiles};
use crate::{Durability, Error};

/// What became of the steps.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) runs: usize,
    pub(super) went_through: usize,
    /// Names of errors, and how often they came.
    pub(super) errors: BTreeMap<&'static str, usize>,
    pub(super) reopened: usize,
}

/// Runs the script once for each operation and each way to fail; `lasting` ones stay until a step says so.
pub(super) fn fail_anywhere(
    name: &str,
    store: impl Fn() -> SimFiles,
    settings: Settings,
    script: &[Step],
    (stride, lasting): (usize, bool),
) -> Outcome {
    let files = store();
    let mut play = Play::new(&files, settings).unwrap();
    let first = files.calls();
    for step in script {
        play.step(*step).unwrap();
    }
    let last = files.calls();
    let mut outcome = Outcome::default();
    for fault in Fault::ALL {
        for call in (first..last).step_by(stride) {
            let name = format!("{name}, call {call}, {fault:?}, lasting {lasting}");
            let files = store();
            let mut play = Play::new(&files, settings).unwrap();
            let until = if lasting { u64::MAX } else { call + 1 };
            // A call that is interrupted for ever is tried for ever.
            if lasting && fault == Fault::Interrupted {
                continue;
            }
            files.fail(call..until, fault);
            outcome.runs += 1;
            let mut failures = 0;
            for step in script {
                if let Err(error) = attempt(&mut play, *step, &name, &mut outcome) {
                    failures += 1;
                    let hits = files.heal();
                    assert!(
                        hits > 0,
                        "{name}: {step:?}: {error}, and nothing had failed"
                    );
                    check_kind(&error, fault, &name);
                    recover(&mut play, *step, &name, &mut outcome);
                }
            }
            files.heal();
            outcome.went_through += usize::from(failures == 0);
            finish(&mut play, &name);
        }
    }
    outcome
}

/// Does a step; when it fails, memory is as it was.
fn attempt(play: &mut Play, step: Step, name: &str, outcome: &mut Outcome) -> Result<(), Error> {
    let (who, act) = step;
    let before = play.actors[who].session.as_ref().map(Seen::of);
    let Err(error) = play.step(step) else {
        return Ok(());
    };
    if let (Some(before), Some(session)) = (before, &play.actors[who].session) {
        assert_eq!(
            Seen::of(session),
            before,
            "{name}: {act:?} failed and changed memory"
        );
    }
    *outcome.errors.entry(kind(&error)).or_default() += 1;
    Err(error)
}

/// The cause is gone: the same step works, after opening again at the latest.
fn recover(play: &mut Play, step: Step, name: &str, outcome: &mut Outcome) {
    let (who, _) = step;
    let Err(error) = play.step(step) else {
        return;
    };
    assert!(
        error.is_poisoned() || error.is_conflict(),
        "{name}: {step:?} again: {error}"
    );
    outcome.reopened += 1;
    let session = play.actors[who].session.as_mut().unwrap();
    let before = Seen::of(session);
    session
        .reopen()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(
        Seen::of(session),
        before,
        "{name}: opening again changed memory"
    );
    play.step(step)
        .unwrap_or_else(|error| panic!("{name}: {step:?} after opening again: {error}"));
}

/// A last save of each session survives a power cut, with all that came before it.
fn finish(play: &mut Play, name: &str) {
    for who in 0..SESSIONS.len() {
        let save = Act::Save(CheckpointKind::Manual, Durability::Synced);
        if let Err(error) = play.step((who, save)) {
            panic!("{name}: the last save: {error}");
        }
    }
    play.files.watch();
    let last = play.marks.len() - 1;
    play.files.mark(last);
    let moments = play.files.moments();
    let effort = Effort {
        states: 3,
        second: 0,
        go_on: usize::MAX,
    };
    Explorer::new(name.to_owned(), effort, play, 1).explore(&moments[1..], &play.marks, &[]);
}

fn kind(error: &Error) -> &'static str {
    if error.is_disk_full() {
        "disk full"
    } else if error.is_read_only() {
        "read only"
    } else if error.is_permission_denied() {
        "permission denied"
    } else if error.is_poisoned() {
        "poisoned"
    } else if error.is_unavailable() {
        "unavailable"
    } else {
        "other"
    }
}

fn check_kind(error: &Error, fault: Fault, name: &str) {
    let found = kind(error);
    let right: &[&str] = match fault {
        Fault::Io => &["unavailable", "poisoned"],
        Fault::Full => &["disk full", "poisoned"],
        Fault::ReadOnly => &["read only", "poisoned"],
        Fault::Denied => &["permission denied", "poisoned"],
        Fault::Short | Fault::Interrupted => &[],
    };
    assert!(right.contains(&found), "{name}: {found}: {error}");
}
