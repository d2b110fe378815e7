//! What of a recorded session survives when another agent goes on with it.
//!
//! `facts` says what must survive; it reads the recording by itself and shares nothing with the library but the
//! types. `giver` plays the host of the session. Here each recording is handed over at many places: package, file,
//! package, new session, saved, opened again. Then each fact is looked for, in the state and in the brief.

#![allow(clippy::print_stdout, reason = "the figures are for people")]

mod facts;
mod giver;

use std::path::PathBuf;

use agent_checkpoint::handoff::{Bounds, Package, Piece, Receiver, Scenario, Terms};
use agent_checkpoint::{Checkpointer, MemoryStore};
use agent_primitives::SessionId;
use facts::{Fact, facts};
use giver::giver;
use serde_json::Value;
use support::{Message, Recording, Role};

/// How many of the facts were found.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    facts: u32,
    in_state: u32,
    in_brief: u32,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.facts += other.facts;
        self.in_state += other.in_state;
        self.in_brief += other.in_brief;
    }

    fn share(found: u32, of: u32) -> f64 {
        f64::from(found) / f64::from(of.max(1))
    }
}

/// Hands over after the first `cut` messages; the facts that were found, and those that were not.
fn hand_over(messages: &[Message], cut: usize, recent_tokens: u64) -> (Found, Vec<Fact>) {
    let messages = messages.get(..cut).expect("a place in the recording");
    let facts = facts(messages);
    let mut session = giver(messages);
    let bounds = Bounds {
        recent_tokens,
        ..Bounds::default()
    };
    let terms = Terms::new(Scenario::ContextFull).with_bounds(bounds);
    let package = session.hand_off(&terms).expect("a package");
    let file = package.to_vec().expect("a file");
    let package = Package::from_slice(&file).expect("the package again");

    let store = MemoryStore::new();
    let builder = || Checkpointer::builder(store.clone(), SessionId::new("taker").expect("an id"));
    drop(package.begin(builder()).expect("a session"));
    let taker = builder().open().expect("the session again");
    assert!(taker.report().is_clean());
    assert!(
        agent_checkpoint::history::check(taker.history()).is_empty(),
        "a provider takes the messages"
    );
    let state = serde_json::to_value(taker.state()).expect("the state");
    let mut texts = Vec::new();
    gather(&state, &mut texts);
    let brief = package.brief();
    let mut found = Found::default();
    let mut lost = Vec::new();
    for fact in facts {
        let is_kept = texts.iter().any(|text| text.contains(&fact.text));
        found.facts += 1;
        found.in_state += u32::from(is_kept);
        // An entry of several lines is indented there.
        let in_brief =
            brief.contains(&fact.text) || brief.contains(&fact.text.replace('\n', "\n  "));
        found.in_brief += u32::from(in_brief);
        if !is_kept {
            lost.push(fact);
        }
    }
    (found, lost)
}

/// Every text in the value, names included.
fn gather<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| gather(value, texts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                texts.push(name);
                gather(value, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The recorded trajectories by name; the committed session where nobody has put them beside the project.
fn recordings() -> Vec<(String, Recording)> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/data/trajectories"
    );
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!(
            "SKIPPED recorded trajectories: none beside the project; the committed session instead"
        );
        return vec![("session.json".to_owned(), Recording::sample())];
    };
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|end| end == "traj"));
    let load = |path: PathBuf| {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let recording = Recording::load(&path).expect("a recorded session");
        (name.unwrap_or_default(), recording)
    };
    let mut recordings: Vec<_> = paths.map(load).collect();
    recordings.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(!recordings.is_empty(), "{folder} has no trajectories");
    recordings
}

/// Hands over at every third place of the recording and at its end.
fn survey(name: &str, recording: &Recording, recent_tokens: u64) -> Found {
    let messages = recording.messages();
    let mut all = Found::default();
    let places = (3..messages.len()).step_by(3).chain([messages.len()]);
    for cut in places {
        let (found, lost) = hand_over(messages, cut, recent_tokens);
        all.add(found);
        for fact in lost.iter().take(3) {
            println!("  lost at {cut}: {fact:?}");
        }
    }
    let (state, brief) = (
        100.0 * Found::share(all.in_state, all.facts),
        100.0 * Found::share(all.in_brief, all.facts),
    );
    println!(
        "{name}, {recent_tokens} tokens of messages: {} facts, {state:.1} % in the state, {brief:.1} % in the brief",
        all.facts
    );
    all
}

fn assert_kept(name: &str, recording: &Recording) -> [Found; 2] {
    [Bounds::default().recent_tokens, 0].map(|recent_tokens| {
        let found = survey(name, recording, recent_tokens);
        assert!(found.facts > 0, "{name} has facts");
        let kept = Found::share(found.in_state, found.facts);
        assert!(
            kept >= 0.99,
            "{name}: {kept} with {recent_tokens} tokens of messages"
        );
        found
    })
}

#[test]
fn the_facts_of_the_committed_session_survive() {
    assert_kept("session.json", &Recording::sample());
}

#[test]
fn the_facts_of_every_recorded_trajectory_survive() {
    let recordings = recordings();
    let mut all = [Found::default(); 2];
    for (name, recording) in recordings {
        let found = assert_kept(&name, &recording);
        all.iter_mut()
            .zip(found)
            .for_each(|(all, found)| all.add(found));
    }
    assert!(
        all.iter().all(|all| all.facts > 0),
        "nothing was handed over"
    );
    for (all, recent) in all.iter().zip(["with messages", "without messages"]) {
        println!(
            "all, {recent}: {} of {} facts in the state, {} in the brief",
            all.in_state, all.facts, all.in_brief
        );
    }
}

/// All recordings of one kind as one session: the tasks behind the first are requests of the user.
#[test]
fn the_facts_of_a_long_session_survive() {
    let recordings = recordings();
    let mut sessions = 0;
    for calls_tools in [true, false] {
        let mut messages: Vec<Message> = Vec::new();
        for (_, recording) in &recordings {
            if recording.tool_names().is_empty() != calls_tools {
                let rest = recording.messages().iter();
                messages.extend(rest.filter(|m| m.role != Role::System).cloned());
            }
        }
        if messages.is_empty() {
            continue;
        }
        sessions += 1;
        let recent_tokens = Bounds::default().recent_tokens;
        let (found, lost) = hand_over(&messages, messages.len(), recent_tokens);
        let kept = Found::share(found.in_state, found.facts);
        println!(
            "{} messages in a row: {} facts, {} in the state, {} in the brief, {} characters of text",
            messages.len(),
            found.facts,
            found.in_state,
            found.in_brief,
            messages.iter().map(|m| m.content.len()).sum::<usize>(),
        );
        assert!(found.facts > 0 && kept >= 0.99, "{lost:?}");
    }
    assert!(sessions > 0, "no session was handed over");
}

#[test]
fn the_verdict_on_a_recorded_session_names_what_is_missing() {
    let recording = Recording::sample();
    // The agent has called two tools, and no result is there.
    let messages = recording.messages().get(..16).expect("enough messages");
    let package = giver(messages)
        .hand_off(&Terms::default())
        .expect("a package");
    let verdict = package.validate(&Receiver::new().tools(["replace"]));
    let missing: Vec<_> = verdict.missing().map(|missing| &missing.piece).collect();
    assert_eq!(missing, [&Piece::OpenCalls]);
    assert!(
        verdict
            .to_string()
            .contains("the tool run, which is not there"),
        "{verdict}"
    );
    assert!(
        package
            .validate(&Receiver::new().tools(["replace", "run"]))
            .is_ready()
    );
}
