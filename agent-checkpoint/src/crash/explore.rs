//! Every state that a crash may leave, opened and compared with what could be counted on.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::choices::choices;
use super::play::{Actor, Expected, Play, ROOT, SESSIONS, Seen};
use super::points::Points;
use super::script::{Dice, Step};
use super::settings::Settings;
use crate::fs::read_bounded;
use crate::fs::sim::{Disk, Moment, SimFiles};
use crate::{Checkpointer, FileStore, Report, Retention};
use agent_primitives::{CheckpointId, CheckpointKind};
use std::collections::BTreeMap;

/// The acts of a second life count from here, so that no name is taken.
const LIVES_FROM: usize = 1_000;

/// How thorough to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// States tried for each operation that a crash may fall on.
    pub(super) states: usize,
    /// As `states`, for each operation of a recovery.
    pub(super) second: usize,
    /// One recovered state of so many goes on with another script.
    pub(super) go_on: usize,
}

/// What was tried.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) moments: usize,
    pub(super) states: usize,
    pub(super) second: usize,
    pub(super) lives: usize,
    /// Recovered states with something set aside.
    pub(super) torn: usize,
    /// Acts that came between the operations of a sealing.
    pub(super) under_way: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.moments += other.moments;
        self.states += other.states;
        self.second += other.second;
        self.lives += other.lives;
        self.torn += other.torn;
        self.under_way += other.under_way;
    }
}

/// What opening one session gave, on one disk and on those that a crash meanwhile left.
#[derive(Debug, Clone, Default)]
struct Outcome {
    /// Whether crashes fell on its recovery.
    is_deep: bool,
    /// One for each disk, the same ones once.
    found: Vec<Came>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
struct Came {
    /// After which steps the state was just so.
    steps: Vec<usize>,
    points: Points,
    is_clean: bool,
}

pub(super) struct Explorer<'a> {
    pub(super) name: String,
    pub(super) effort: Effort,
    pub(super) settings: Settings,
    pub(super) dice: Dice,
    saves: [&'a [Seen]; 2],
    points: [&'a [Option<Points>]; 2],
    known: [&'a BTreeMap<CheckpointId, Seen>; 2],
    /// By session, and by all of the disk but the other session.
    outcomes: HashMap<(usize, [u8; 32]), Outcome>,
    distinct: HashSet<[u8; 32]>,
    /// The sessions began with a sound log, or none.
    is_sound: bool,
    pub(super) tally: Tally,
}

impl<'a> Explorer<'a> {
    pub(super) fn new(name: String, effort: Effort, play: &'a Play, seed: u64) -> Self {
        let [a, b] = &play.actors;
        Self {
            name,
            effort,
            // What opens again seals nothing behind its back.
            settings: Settings {
                seals: false,
                ..play.settings
            },
            dice: Dice(seed),
            saves: [&a.saves, &b.saves],
            points: [&a.points, &b.points],
            known: [&a.known, &b.known],
            outcomes: HashMap::new(),
            distinct: HashSet::new(),
            is_sound: true,
            tally: Tally::default(),
        }
    }

    pub(super) fn explore(&mut self, moments: &[Moment], marks: &[[Expected; 2]], life: &[Step]) {
        let mut last = None;
        for moment in moments {
            self.tally.moments += 1;
            let expected = marks[moment.mark];
            let killed = expected.map(|e| Expected {
                synced: e.acknowledged,
                ..e
            });
            // Marks are set between operations of the store.
            let is_between = last.replace(moment.mark) != Some(moment.mark);
            let disk = moment.disk.after_kill();
            self.visit(&disk, killed, life);
            self.check_clean(&disk, killed, is_between);
            for chosen in choices(&moment.disk, self.effort.states, &mut self.dice) {
                let disk = moment.disk.after_power_cut(&chosen);
                self.visit(&disk, expected, life);
                self.check_clean(&disk, expected, is_between);
            }
        }
        self.tally.states = self.distinct.len();
    }

    /// One state after a crash: recovers, with a crash at each operation of that as well, and goes on.
    fn visit(&mut self, disk: &Disk, expected: [Expected; 2], life: &[Step]) {
        let keys = keys(disk);
        let is_fresh = keys.map(|key| !self.outcomes.get(&key).is_some_and(|known| known.is_deep));
        for (who, key) in keys.into_iter().enumerate() {
            if !is_fresh[who] {
                // The same bytes give the same: what may come back is another question.
                self.check_outcome(key, expected[who]);
            }
        }
        if is_fresh == [false, false] {
            return;
        }
        let is_new = self.distinct.insert(disk.digest());
        let (is_torn, moments) = self.recover(disk, expected, is_fresh);
        self.tally.torn += usize::from(is_torn && is_new);
        let mut later: [Vec<Came>; 2] = Default::default();
        for moment in moments {
            for chosen in choices(&moment.disk, self.effort.second, &mut self.dice) {
                let again = moment.disk.after_power_cut(&chosen);
                let seconds = self::keys(&again);
                let is_new = seconds.map(|key| !self.outcomes.contains_key(&key));
                if is_new != [false, false] {
                    let (is_torn, _) = self.recover(&again, expected, is_new);
                    if self.distinct.insert(again.digest()) {
                        self.tally.second += 1;
                        self.tally.torn += usize::from(is_torn);
                    }
                }
                for (who, key) in seconds.into_iter().enumerate() {
                    self.check_outcome(key, expected[who]);
                    let found = self.outcomes[&key].found[0].clone();
                    if is_fresh[who] && !later[who].contains(&found) {
                        later[who].push(found);
                    }
                }
            }
        }
        for (who, key) in keys.into_iter().enumerate() {
            if is_fresh[who] {
                let outcome = self.outcomes.get_mut(&key).unwrap();
                outcome.is_deep = true;
                outcome.found.append(&mut later[who]);
            }
        }
        if self.dice.is_one_in(self.effort.go_on) && !life.is_empty() {
            self.tally.lives += 1;
            let found = keys.map(|key| self.outcomes[&key].found[0].clone());
            self.live(disk, found, life);
        }
    }

    /// Goes on after a crash, and lets the next one fall anywhere.
    fn live(&mut self, disk: &Disk, found: [Came; 2], script: &[Step]) {
        let files = SimFiles::from_disk(disk.clone());
        let is_sound = found.iter().all(|came| came.is_clean);
        let mut at = 0;
        let actors = found.map(|came| {
            let who = at;
            at += 1;
            Actor {
                saves: vec![self.saves[who][came.steps[0]].clone()],
                points: vec![Some(came.points)],
                known: self.known[who].clone(),
                ..Actor::default()
            }
        });
        let mut play = Play::from(&files, self.settings, actors).unwrap();
        play.counter = LIVES_FROM;
        for who in 0..2 {
            // What came back is as durable as the next sync makes it.
            play.session(who).unwrap();
        }
        files.watch();
        for step in script {
            play.step(*step)
                .unwrap_or_else(|error| panic!("{}: {step:?}: {error}", self.name));
        }
        let effort = Effort {
            states: self.effort.second,
            second: 1,
            go_on: usize::MAX,
        };
        let mut next = Explorer::new(
            format!("{}, second life", self.name),
            effort,
            &play,
            self.dice.0,
        );
        next.is_sound = is_sound;
        next.explore(&files.moments(), &play.marks, &[]);
        self.distinct.extend(next.distinct.iter().copied());
    }

    /// Opens these sessions on what a crash left. Whether something was lost, and the disk after each operation.
    fn recover(
        &mut self,
        disk: &Disk,
        expected: [Expected; 2],
        which: [bool; 2],
    ) -> (bool, Vec<Moment>) {
        let files = SimFiles::from_disk(disk.clone());
        files.watch();
        let store = self.store(&files);
        let mut found = Vec::new();
        for who in (0..2).filter(|who| which[*who]) {
            let session = self.open(&store, who);
            let seen = Seen::of(&session);
            let saves = self.saves[who].iter().enumerate();
            let same = saves.filter(|(_, save)| **save == seen);
            let came = Came {
                steps: same.map(|(step, _)| step).collect(),
                points: Points::of(&session),
                is_clean: session.report().is_clean(),
            };
            self.check(who, expected[who], &came);
            self.check_report(
                &SimFiles::from_disk(disk.clone()),
                &files,
                who,
                session.report(),
            );
            let report = session.report().clone();
            found.push((who, seen, came, report));
        }
        let moments = files.moments();
        let is_torn = found.iter().any(|(_, _, came, _)| !came.is_clean);
        let keys = keys(disk);
        let store = self.store(&files);
        for (who, seen, came, first) in &found {
            let session = self.open(&store, *who);
            assert_eq!(Seen::of(&session), *seen, "{}: opened again", self.name);
            assert_eq!(
                Points::of(&session),
                came.points,
                "{}: opened again",
                self.name
            );
            self.check_again(first, session.report());
            let before = files.disk().digest();
            drop(session);
            let third = self.open(&store, *who).report().clone();
            let again = files.disk().digest();
            assert_eq!(
                before, again,
                "{}: opening twice changes what lies there",
                self.name
            );
            drop(third);
            let outcome = self.outcomes.entry(keys[*who]).or_default();
            if outcome.found.is_empty() {
                outcome.found.push(came.clone());
            }
        }
        for (who, seen, ..) in &found {
            if self.dice.is_one_in(8) {
                self.check_readers(&store, *who, seen);
            }
            if self.dice.is_one_in(16) {
                self.check_list(&store, *who);
            }
        }
        (is_torn, moments)
    }

    fn store(&self, files: &SimFiles) -> FileStore {
        FileStore::open_on(Arc::new(files.clone()), ROOT)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn open(&self, store: &FileStore, who: usize) -> Checkpointer {
        self.settings
            .open(store, who)
            .unwrap_or_else(|error| panic!("{}: session {who}: {error}", self.name))
    }

    /// Where nothing was under way, nothing is lost, and nothing is said to be.
    fn check_clean(&self, disk: &Disk, expected: [Expected; 2], is_between: bool) {
        for key in keys(disk)
            .into_iter()
            .filter(|_| is_between && self.is_sound)
        {
            let Expected { synced, begun, .. } = expected[key.0];
            if synced == begun {
                let came = &self.outcomes[&key].found[0];
                assert!(came.is_clean, "{}: {came:?}, {expected:?}", self.name);
            }
        }
    }

    /// All that came back from this disk may be what comes back.
    fn check_outcome(&self, (who, key): (usize, [u8; 32]), expected: Expected) {
        for came in &self.outcomes[&(who, key)].found {
            self.check(who, expected, came);
        }
    }

    /// What came back is what one of the steps left, none before the last that was acknowledged.
    fn check(&self, who: usize, expected: Expected, came: &Came) {
        let points = self.points[who];
        let later = points[expected.synced..=expected.begun].iter().flatten();
        let is_right = |step: &usize| {
            let is_within = (expected.synced..=expected.begun).contains(step);
            let is_listed = match (&points[*step], &points[expected.synced]) {
                (Some(listed), _) if came.is_clean => listed.is_shown_of(&came.points),
                (_, Some(durable)) => came.points.keeps(durable, later.clone()),
                _ => true,
            };
            is_within && is_listed
        };
        if came.steps.iter().any(is_right) {
            return;
        }
        panic!(
            "{}: session {who} came back as {came:?} where {expected:?} can be counted on, and {:#?} were listed, of \
             {:#?}",
            self.name,
            &points[expected.synced..=expected.begun],
            self.saves[who]
        );
    }

    /// The report tells of each byte that is set aside, and the copies are those bytes.
    fn check_report(&self, before: &SimFiles, after: &SimFiles, who: usize, report: &Report) {
        let copied: u64 = report.quarantined.iter().map(|copy| copy.len).sum();
        assert_eq!(
            (report.lost_bytes, report.unmended_bytes),
            (copied, 0),
            "{}",
            self.name
        );
        let folder = Path::new(ROOT).join("sessions").join(SESSIONS[who]);
        let read =
            |files: &SimFiles, path: PathBuf| read_bounded(files, &path, usize::MAX).unwrap();
        for copy in &report.quarantined {
            let segment = folder.join(format!("seg-{:06}.ckl", copy.at.segment));
            let from = usize::try_from(copy.at.offset).unwrap();
            let len = usize::try_from(copy.len).unwrap();
            let bytes = &read(before, segment)[from..from + len];
            let kept = read(after, folder.join("quarantine").join(&copy.copy));
            assert_eq!(kept, bytes, "{}: {}", self.name, copy.copy);
        }
        let mut last = 0;
        for range in &report.missing {
            assert!(
                last <= range.start && range.start < range.end,
                "{}: {report:?}",
                self.name
            );
            last = range.end;
        }
    }

    /// A torn tail is told of once, a hole each time.
    fn check_again(&self, first: &Report, again: &Report) {
        assert_eq!(first.head, again.head, "{}", self.name);
        assert_eq!(first.missing, again.missing, "{}", self.name);
        assert_eq!(first.degraded, again.degraded, "{}", self.name);
        assert_eq!(first.frames, again.frames, "{}", self.name);
        for copy in &again.quarantined {
            assert!(first.quarantined.contains(copy), "{}: {copy:?}", self.name);
        }
    }

    /// Whoever reads without writing, or no more than the end, finds the same.
    fn check_readers(&self, store: &FileStore, who: usize, seen: &Seen) {
        let reader = self.settings.reader(store, who).unwrap();
        let state = reader.state().unwrap();
        assert_eq!(state, seen.state, "{}: a reader of {who}", self.name);
        let last = self.settings.open_last(store, who, 2);
        let last = last.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let all = &seen.state.conversation;
        let end = &all[all.len().saturating_sub(2)..];
        let is_whole = last.skipped() == 0 && last.history() == all;
        assert!(
            is_whole || last.history() == end,
            "{}: the end of {who}: {:?}",
            self.name,
            last.history()
        );
    }

    /// Each checkpoint that is listed gives back what was saved under its id.
    fn check_list(&self, store: &FileStore, who: usize) {
        // Going back makes checkpoints, which must push none of the others out.
        let opened = self.settings.open_keeping(store, who, Retention::all());
        let mut session = opened.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let ids: Vec<_> = session.list().into_iter().map(|one| one.id).collect();
        for id in ids {
            let Some(saved) = self.known[who].get(&id) else {
                // Its save was not acknowledged, so that nobody knows it by name.
                continue;
            };
            session
                .restore(&id)
                .unwrap_or_else(|error| panic!("{}: {error}", self.name));
            assert_eq!(Seen::of(&session), *saved, "{}: {id}", self.name);
        }
        session.save(CheckpointKind::Manual).unwrap();
    }
}

/// What each session's recovery depends on: all of the disk but the other session.
fn keys(disk: &Disk) -> [(usize, [u8; 32]); 2] {
    [0, 1].map(|who| (who, disk.digest_without(SESSIONS[1 - who])))
}
