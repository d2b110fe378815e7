//! Restarts of the process over a real file: nothing is told twice, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use agent_primitives::ManualClock;
use agent_telemetry::Telemetry;
use agent_telemetry::alert::{Alerting, FileState, Notification, Rules, Status};
use proptest::prelude::*;

use super::deliver::{SOON, burst, busy, noon};
use super::restart::{event, of_each_kind, record};
use super::seconds;

/// A process, as far as alerts go.
struct Process {
    alerting: Alerting,
    told: Receiver<Notification>,
}

impl Process {
    fn start(path: &Path, rules: Rules, clock: &ManualClock) -> Self {
        let (sender, told) = channel();
        let builder = Alerting::builder(rules)
            .store(FileState::open(path).unwrap())
            .callback(move |it| {
                let _ = sender.send(it.clone());
            });
        let alerting = builder.clock(clock.clone()).start().unwrap();
        Self { alerting, told }
    }

    /// What was heard since the last time.
    fn heard(&self) -> Vec<Notification> {
        assert!(self.alerting.flush(SOON));
        self.told.try_iter().collect()
    }

    /// Ends as a process that is killed: nothing is written any more.
    fn kill(self, path: &Path) {
        let left = fs::read(path).unwrap();
        drop(self);
        fs::write(path, left).unwrap();
    }
}

#[test]
fn neither_a_restart_nor_a_kill_repeats_what_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.json");
    let clock = noon();
    let start = || Process::start(&path, busy(), &clock);
    let run = |process: &Process| {
        let sink = agent_telemetry::MemorySink::new();
        let telemetry = Telemetry::builder(process.alerting.around(sink))
            .clock(std::sync::Arc::new(clock.clone()))
            .start()
            .unwrap();
        telemetry.record(burst(1));
        telemetry.flush(SOON).unwrap();
        process.heard()
    };
    let first = start();
    let told = run(&first);
    assert_eq!((told.len(), told[0].status), (1, Status::Firing));
    first.kill(&path);

    let second = start();
    assert!(run(&second).is_empty(), "it fires and was told");
    drop(second);

    clock.advance(seconds(61));
    let third = start();
    let ended = third.heard();
    assert_eq!((ended.len(), ended[0].status), (1, Status::Resolved));
    third.kill(&path);
    assert!(start().heard().is_empty());
}

#[cfg(unix)]
#[test]
fn link_that_somebody_has_put_beside_the_file_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.json");
    let other = folder.path().join("other");
    fs::write(&other, "theirs").unwrap();
    std::os::unix::fs::symlink(&other, folder.path().join("alerts.json.new")).unwrap();
    let process = Process::start(&path, busy(), &noon());
    process.heard();
    let health = process.alerting.health();
    assert!(health.saved > 0 && health.failed_saves == 0, "{health:?}");
    assert_eq!(fs::read_to_string(&other).unwrap(), "theirs");
}

/// Everything that was heard, with ends of the process before the steps of these numbers; where `true`, it is killed.
fn run(steps: &[(i64, u8)], ends: &BTreeMap<usize, bool>) -> Vec<Notification> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.json");
    let clock = noon();
    let start = || Process::start(&path, of_each_kind(), &clock);
    let (mut process, mut heard, mut now) = (start(), Vec::new(), 0);
    for (number, (wait, kind)) in steps.iter().enumerate() {
        heard.extend(process.heard());
        let passes = seconds(wait.unsigned_abs());
        if let Some(is_killed) = ends.get(&number) {
            if *is_killed {
                process.kill(&path);
            } else {
                drop(process);
            }
            clock.advance(passes);
            process = start();
        } else {
            clock.advance(passes);
        }
        now += wait;
        process.alerting.tick();
        process.alerting.observe(&[record(now, *kind)]);
    }
    clock.advance(seconds(500));
    process.alerting.tick();
    heard.extend(process.heard());
    heard
}

fn ids(heard: &[Notification]) -> BTreeSet<String> {
    heard.iter().map(|it| it.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn ends_of_the_process_change_nothing_of_what_is_heard_over_a_file(
        steps in prop::collection::vec(event(), 1..15),
        ends in prop::collection::btree_set(0_usize..15, 0..4),
    ) {
        let without = run(&steps, &BTreeMap::new());
        let restarts: BTreeMap<_, _> = ends.iter().map(|step| (*step, false)).collect();
        let with = run(&steps, &restarts);
        prop_assert_eq!(ids(&with), ids(&without));
        prop_assert_eq!(with.len(), without.len(), "told twice");
        // One that is killed may have forgotten the last records, and nothing of what it has told.
        let kills: BTreeMap<_, _> = ends.iter().map(|step| (*step, true)).collect();
        let killed = run(&steps, &kills);
        prop_assert_eq!(ids(&killed).len(), killed.len(), "told twice");
    }
}
