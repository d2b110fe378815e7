//! Crashes at every operation of many scripts: what was acknowledged comes back, and never anything else.

mod choices;
#[cfg(feature = "encryption")]
mod encrypted;
mod explore;
mod faults;
mod mirror;
mod play;
mod points;
mod script;
mod settings;

use explore::{Effort, Explorer, Tally};
use play::{FORMAT, Play, ROOT};
use script::{Act, Extra, Step, random_script, sealing_script};
use settings::Settings;

use std::path::Path;

use agent_primitives::CheckpointKind;

use crate::Durability;
use crate::fs::sim::{Lie, SimFiles};
use crate::fs::{Access, FileSystem, write_all};

/// A release build is the thorough one.
const IS_THOROUGH: bool = cfg!(not(debug_assertions));

fn effort() -> Effort {
    if IS_THOROUGH {
        Effort {
            states: 24,
            second: 3,
            go_on: 24,
        }
    } else {
        Effort {
            states: 2,
            second: 1,
            go_on: 60,
        }
    }
}

/// A file system with a store whose id is always the same.
fn with_store(sector: usize) -> SimFiles {
    let files = SimFiles::new(sector);
    let root = Path::new(ROOT);
    files.make_folders(root).unwrap();
    let format = files.open(&root.join("FORMAT"), Access::CreateNew).unwrap();
    write_all(&*format, 0, FORMAT).unwrap();
    format.sync_all().unwrap();
    for folder in [root, Path::new("/")] {
        files.sync_folder(folder).unwrap();
    }
    files
}

/// Lets the crash fall on each operation of the script.
fn crash_anywhere(name: &str, files: &SimFiles, settings: Settings, script: &[Step]) -> Tally {
    let seed = blake3::hash(name.as_bytes()).as_bytes()[0];
    files.watch();
    let mut play = Play::new(files, settings).unwrap();
    for step in script {
        play.step(*step)
            .unwrap_or_else(|error| panic!("{name}: {step:?}: {error}"));
    }
    let moments = files.moments();
    let life = random_script(u64::from(seed), 12, Extra::default());
    let mut explorer = Explorer::new(name.to_owned(), effort(), &play, u64::from(seed));
    explorer.explore(&moments, &play.marks, &life);
    Tally {
        under_way: play.under_way,
        ..explorer.tally
    }
}

fn report(what: &str, tally: Tally) {
    println!(
        "crash: {what}: {} distinct states at {} moments ({} in a second crash while recovering, {} went on \
         and crashed again), {} had something to set aside",
        tally.states, tally.moments, tally.second, tally.lives, tally.torn
    );
}

const SETTINGS: Settings = Settings {
    segment_target: 2_000,
    durability: Durability::Synced,
    journal: None,
    seals: false,
    encrypts: false,
};

/// Scripts of sessions that save as durably as this by themselves, until there are states enough.
fn scripts(first: u64, durability: Durability, most: usize) -> Tally {
    let len = if IS_THOROUGH { 40 } else { 16 };
    let mut tally = Tally::default();
    for seed in first.. {
        let sector = if seed % 3 == 2 { 4_096 } else { 512 };
        let settings = Settings {
            durability,
            ..SETTINGS
        };
        let extra = Extra {
            removes: seed % 5 < 2,
            forks: seed % 4 == 0,
            wild: false,
        };
        let script = random_script(seed, len, extra);
        let name = format!("script {seed}");
        let tried = crash_anywhere(&name, &with_store(sector), settings, &script);
        println!("{name}: {} states", tried.states);
        tally += tried;
        if tally.states >= most {
            break;
        }
    }
    tally
}

/// States of each kind of script that are tried at least.
const SYNCED_STATES: usize = if IS_THOROUGH { 22_000 } else { 1 };
const BUFFERED_STATES: usize = if IS_THOROUGH { 13_000 } else { 1 };
const MIRROR_STATES: usize = 10_000;
const WILD_STATES: usize = if IS_THOROUGH { 20_000 } else { 1 };
const JOURNAL_STATES: usize = if IS_THOROUGH { 12_000 } else { 1 };
const SEALING_STATES: usize = if IS_THOROUGH { 8_000 } else { 1 };
/// Segments this long are full after a few saves, so that there is something to seal, in bytes.
const SHORT: usize = 700;

#[test]
fn a_crash_at_any_operation_loses_nothing_acknowledged() {
    let tally = scripts(0, Durability::Synced, SYNCED_STATES);
    report("synced sessions", tally);
}

#[test]
fn a_crash_at_any_operation_of_a_buffered_session_loses_nothing_that_was_synced() {
    let tally = scripts(100, Durability::Buffered, BUFFERED_STATES);
    report("buffered sessions", tally);
}

#[test]
fn a_crash_at_any_operation_loses_nothing_that_only_a_journal_holds() {
    // Short: a journal is one more file with choices of its own at each operation.
    let len = if IS_THOROUGH { 6 } else { 3 };
    let mut tally = Tally::default();
    for seed in 200.. {
        let sector = if seed % 3 == 2 { 4_096 } else { 512 };
        let settings = Settings {
            // Short enough to be begun anew all the time.
            journal: Some(4_096 * (1 + seed % 2)),
            segment_target: if seed % 4 == 0 { 2_000 } else { 8_000 },
            ..SETTINGS
        };
        let extra = Extra {
            removes: seed % 2 == 0,
            forks: seed % 4 == 1,
            wild: seed % 2 == 1,
        };
        let save = Act::Save(CheckpointKind::Auto, Durability::Synced);
        let script: Vec<_> = random_script(seed, len, extra)
            .into_iter()
            .flat_map(|(who, act)| match act {
                Act::Push(_) => vec![(who, act), (who, save)],
                _ => vec![(who, act)],
            })
            .collect();
        let name = format!("journal {seed}");
        let tried = crash_anywhere(&name, &with_store(sector), settings, &script);
        println!("{name}: {} states", tried.states);
        tally += tried;
        if tally.states >= JOURNAL_STATES {
            break;
        }
    }
    report("with a journal", tally);
}

#[test]
fn a_crash_among_takeovers_long_values_and_failed_syncs_loses_nothing_acknowledged() {
    let mut tally = Tally::default();
    for seed in 200.. {
        let extra = Extra {
            removes: seed % 5 == 4,
            forks: seed % 3 == 0,
            wild: true,
        };
        // Each step is many moments here.
        let len = if IS_THOROUGH { 18 } else { 14 };
        let script = random_script(seed, len, extra);
        let settings = Settings {
            segment_target: 8_000,
            durability: if seed % 2 == 0 {
                Durability::Synced
            } else {
                Durability::Buffered
            },
            ..SETTINGS
        };
        tally += crash_anywhere(
            &format!("script {seed}"),
            &with_store(4_096),
            settings,
            &script,
        );
        if tally.states >= WILD_STATES {
            break;
        }
    }
    report("takeovers, long values and failed syncs", tally);
}

#[test]
fn a_crash_while_full_segments_are_sealed_among_saves_loses_nothing_acknowledged() {
    let mut tally = Tally::default();
    let mut under_way = 0;
    for seed in 400.. {
        let script = sealing_script(seed, if IS_THOROUGH { 44 } else { 30 });
        let settings = Settings {
            segment_target: SHORT,
            durability: match seed % 2 {
                0 => Durability::Synced,
                _ => Durability::Buffered,
            },
            seals: true,
            ..SETTINGS
        };
        let files = with_store(if seed % 4 == 1 { 4_096 } else { 512 });
        let tried = crash_anywhere(&format!("script {seed}"), &files, settings, &script);
        under_way += tried.under_way;
        tally += tried;
        if tally.states >= SEALING_STATES {
            break;
        }
    }
    assert!(
        under_way > 0,
        "no act came between the operations of a sealing"
    );
    println!("crash: {under_way} acts came between the operations of a sealing");
    report("sealing among saves", tally);
}

#[test]
fn a_crash_of_a_store_its_mirror_or_both_loses_nothing_replicated() {
    let (saves, effort, most) = if IS_THOROUGH {
        (24, (9, 1), MIRROR_STATES)
    } else {
        (4, (3, 1), 1)
    };
    let mut tally = mirror::Tally::default();
    for seed in 300.. {
        let tried = mirror::crash_either(seed, saves, effort);
        tally.states.extend(tried.states);
        tally.moments += tried.moments;
        tally.second += tried.second;
        if tally.states.len() >= most {
            break;
        }
    }
    println!(
        "crash: a store and its mirror: {} distinct states at {} moments ({} in a second crash while recovering)",
        tally.states.len(),
        tally.moments,
        tally.second
    );
}

#[test]
fn a_crash_where_one_segment_takes_over_from_another_loses_nothing_acknowledged() {
    use Durability::{Buffered, Synced};
    let save = |durability| Act::Save(CheckpointKind::Manual, durability);
    let alone = |acts: &[Act]| acts.iter().map(|act| (0, *act)).collect::<Vec<Step>>();
    let (few, many) = (Act::Push(30), Act::Push(700));
    // Full ones, of which nobody asked for a sync until the last save.
    let mut full = [few, save(Buffered)].repeat(9);
    full.extend([few, save(Synced)]);
    // One that failed, and takes back what it may hold of a save.
    let failed = [
        [many, save(Synced), few, Act::FailSync],
        [few, save(Buffered), many, Act::FailSync],
        [few, save(Synced), few, Act::FailSync],
    ];
    let scripts = [
        ("full segments", SHORT, alone(&full)),
        ("failed segments", 8_000, alone(&failed.concat())),
    ];
    for (name, segment_target, script) in scripts {
        let settings = Settings {
            segment_target,
            ..SETTINGS
        };
        report(
            name,
            crash_anywhere(name, &with_store(512), settings, &script),
        );
    }
}

/// What these tests would notice in the store.
fn crash_with(lie: Lie) {
    let files = with_store(512);
    files.lie(lie);
    let save = Act::Save(CheckpointKind::Auto, Durability::Synced);
    let script = [
        (0, Act::Push(30)),
        (0, save),
        (0, Act::Push(700)),
        (0, save),
    ];
    crash_anywhere("a lie", &files, SETTINGS, &script);
}

#[test]
#[should_panic(expected = "can be counted on")]
fn a_device_that_does_not_sync_files_is_noticed() {
    crash_with(Lie::Files);
}

#[test]
#[should_panic(expected = "can be counted on")]
fn a_device_that_does_not_sync_folders_is_noticed() {
    crash_with(Lie::Folders);
}

#[test]
fn a_crash_while_a_store_is_made_leaves_one_that_opens() {
    let save = Act::Save(CheckpointKind::Auto, Durability::Synced);
    let script = [
        (0, Act::Push(30)),
        (0, save),
        (1, Act::Push(3)),
        (1, save),
        (0, Act::Remove),
    ];
    let tally = crash_anywhere("new store", &SimFiles::new(512), SETTINGS, &script);
    report("a new store", tally);
}

/// Between them they do all that a session can do; each is short, since it runs once for each of its calls.
fn scripts_that_fail() -> [(&'static str, Durability, Vec<Step>); 3] {
    use Durability::{Buffered, Synced};
    let auto = |durability| Act::Save(CheckpointKind::Auto, durability);
    let alone = |acts: Vec<Act>| acts.into_iter().map(|act| (0, act)).collect::<Vec<_>>();
    let sealed = alone(vec![
        Act::Push(700),
        auto(Synced),
        Act::Push(700),
        Act::Label,
        Act::Push(3_000),
        auto(Synced),
        Act::Seal,
        Act::Push(30),
        auto(Buffered),
        Act::Pin(1),
        Act::Push(3),
        auto(Synced),
        Act::MoveLabel(1),
        Act::Prune,
    ]);
    let mut forked = alone(vec![
        Act::Push(700),
        auto(Buffered),
        Act::Update,
        auto(Synced),
        Act::Put,
        auto(Buffered),
        Act::Fork,
        Act::Push(3_000),
        Act::Restore(1),
        Act::Compact,
    ]);
    forked.extend([(1, Act::Push(30)), (1, auto(Synced))]);
    let removed = alone(vec![
        Act::Push(3),
        auto(Synced),
        Act::Close,
        Act::Push(3_000),
        auto(Buffered),
        Act::Reopen,
        Act::Cut,
        auto(Synced),
        Act::Remove,
        Act::Push(30),
        auto(Synced),
    ]);
    [
        ("seal and prune", Synced, sealed),
        ("fork, restore and compact", Buffered, forked),
        ("reopen and remove", Synced, removed),
    ]
}

#[test]
fn an_error_at_any_call_is_told_and_the_next_save_goes_through() {
    let stride = if IS_THOROUGH { 1 } else { 37 };
    let short = Some(4 << 10);
    for (name, durability, script) in scripts_that_fail() {
        for (lasting, journal) in [(false, None), (true, None), (false, short), (true, short)] {
            if journal.is_some() && !IS_THOROUGH && lasting {
                continue;
            }
            let settings = Settings {
                durability,
                journal,
                ..SETTINGS
            };
            let done = faults::fail_anywhere(
                name,
                || with_store(512),
                settings,
                &script,
                (stride, lasting),
            );
            println!(
                "errors: {name}, lasting {lasting}: {} runs, {} where every step went through, {:?}, opened again {} times",
                done.runs, done.went_through, done.errors, done.reopened
            );
        }
    }
}
