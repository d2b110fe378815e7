//! Secrets of every family in every place where text can stand: none is in any byte of the store.

mod crashes;
#[cfg(feature = "encryption")]
mod encrypted;
mod left;
mod needles;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use agent_primitives::{AgentId, CheckpointKind, ManualClock, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use needles::Needles;

use super::Redaction;
use super::samples::{Draw, Sample, all};
use crate::format::keys::Keys;
use crate::{
    AgentContext, Artifact, Checkpointer, Codec, Decision, Durability, FileStore, McpServer,
    Message, Mirrored, NextStep, Question, Retention, Sealing, Snapshot, Store, ToolCall, Truncate,
    Workflow,
};

const LITERAL: &str = "tr0ub4dor&3 with a blank";

macro_rules! board {
    ($name:ident, $kind:literal, $codec:expr) => {
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        struct $name {
            rows: Vec<String>,
            named: BTreeMap<String, String>,
        }

        impl Snapshot for $name {
            const KIND: &'static str = $kind;
            const VERSION: u16 = 1;
            const CODEC: Codec = $codec;
        }
    };
}

board!(Plain, "plain", Codec::Json);
#[cfg(feature = "msgpack")]
board!(Packed, "packed", Codec::MessagePack);
#[cfg(feature = "bincode")]
board!(Fixed, "fixed", Codec::Bincode);

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// How sessions are opened.
#[derive(Clone)]
struct Way {
    durability: Durability,
    keys: Keys,
}

impl Way {
    fn plain(durability: Durability) -> Self {
        Self {
            durability,
            keys: Keys::default(),
        }
    }
}

fn open(store: &Arc<dyn Store>, name: &str, way: &Way) -> Checkpointer {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1));
    Checkpointer::builder(Arc::clone(store), id(name))
        .agent(AgentId::new("coder").unwrap())
        .clock(Arc::new(clock))
        .keys(way.keys.clone())
        .durability(way.durability)
        .sealing(Sealing::Never)
        .segment_target(16 << 10)
        .retention(Retention::last(NonZeroUsize::new(4).unwrap()))
        .redaction(Redaction::default().with_literal("crm", LITERAL))
        .open()
        .unwrap()
}

/// Puts the sample in one of the places that a session has for text.
fn plant(session: &mut Checkpointer, sample: &Sample, draw: &mut Draw) {
    let text = format!("note: {}\n", sample.text);
    let long = || {
        format!(
            "{}{text}",
            "what a tool printed, line by line\n".repeat(1_000)
        )
    };
    let extra = |text: &str| {
        let mut message = Message::user("look");
        message
            .extra
            .insert("more".into(), json!({"deep": [{"er": text}]}));
        message
    };
    let message = match draw.below(21) {
        0 => Some(Message::user(&*text)),
        1 => Some(Message::tool("c1", &*text)),
        2 => Some(Message::user("see").with_part(json!({"type": "text", "text": text}))),
        3 => Some(Message::user("see").with_part(json!([{"a": [1, {text: null}]}]))),
        4 => {
            let arguments = json!({"cmd": text, "n": 1}).to_string();
            Some(Message::assistant("").with_tool_call(ToolCall::new("c1", "sh", arguments)))
        }
        5 => Some(Message::assistant("").with_tool_call(ToolCall::new("c1", "sh", &*text))),
        6 => Some(extra(&text)),
        7 => Some(Message::tool("c1", long())),
        8 => Some(Message::user("see").with_part(json!({"text": long()}))),
        9 => {
            let printed = json!({"stdout": text}).to_string();
            Some(Message::tool("c1", printed))
        }
        10 => {
            let mut escaped = String::new();
            for unit in text.encode_utf16() {
                escaped += "\\u";
                for shift in [12, 8, 4, 0] {
                    let digit = u32::from(unit >> shift & 15);
                    escaped.extend(char::from_digit(digit, 16));
                }
            }
            let arguments = [r#"{"cmd":""#, &escaped, r#""}"#].concat();
            Some(Message::assistant("").with_tool_call(ToolCall::new("c1", "sh", arguments)))
        }
        place => {
            elsewhere(session, &text, place);
            None
        }
    };
    if let Some(message) = message {
        session.push(message).unwrap();
    }
}

fn elsewhere(session: &mut Checkpointer, text: &str, place: usize) {
    let owned = text.to_owned();
    match place {
        11 => session.update(|work| work.next_steps.push(NextStep::new(owned))),
        12 => session.update(|work| {
            let at = Timestamp::UNIX_EPOCH;
            let decision = Decision::new(at, "go", owned.clone()).with_alternatives([owned]);
            work.decisions.push(decision);
        }),
        13 => session.update(|work| work.artifacts.push(Artifact::new(owned))),
        14 => session.update(|work| work.questions.push(Question::new(owned))),
        15 => session.update(|work| {
            let memory = json!({"seen": {owned.clone(): [owned]}});
            let agent = AgentId::new("coder").unwrap();
            work.agents.insert(agent, AgentContext::new(memory));
        }),
        16 => session.update(|work| {
            let mut workflow = Workflow::new("release");
            workflow.fail("build", owned);
            work.workflow = Some(workflow);
        }),
        17 => session.update(|work| {
            let server = McpServer::stdio(format!("s{}", work.mcp_servers.len()), owned);
            work.mcp_servers.push(server);
        }),
        18 => session.update(|work| {
            work.extra.insert("notes".into(), Value::from(owned));
        }),
        19 => drop(session.before_risky(text).unwrap()),
        _ => {
            let label: String = text.trim().chars().filter(|it| !it.is_control()).collect();
            // Two that differ in the secret alone are the same once it is masked.
            let label = format!("{} {label}", session.list().len());
            if label.len() <= 100 {
                session.save_labelled(&label).unwrap();
                assert!(session.by_label(&label).is_some());
            }
        }
    }
}

/// Components of each codec, small and large, whole and patched.
fn put(session: &mut Checkpointer, samples: &[Sample], round: usize) {
    let rows = |filler: usize| -> Vec<String> {
        let filler = (0..filler).map(|row| format!("row {row} of a board that changes little"));
        let planted = samples.iter().skip(round).step_by(3);
        filler.chain(planted.map(|it| it.text.clone())).collect()
    };
    let named = BTreeMap::from([("password".to_owned(), format!("correct horse {round}"))]);
    let filler = if round < 2 { 0 } else { 1_500 };
    session
        .put(&Plain {
            rows: rows(filler),
            named: named.clone(),
        })
        .unwrap();
    #[cfg(feature = "msgpack")]
    session
        .put(&Packed {
            rows: rows(filler),
            named: named.clone(),
        })
        .unwrap();
    #[cfg(feature = "bincode")]
    session
        .put(&Fixed {
            rows: rows(filler),
            named: BTreeMap::new(),
        })
        .unwrap();
    let _ = named;
}

/// A session that is saved in every way, with the samples all over it.
fn play(store: &Arc<dyn Store>, way: &Way, samples: &[Sample], seed: u64) {
    let mut draw = Draw(seed);
    let mut session = open(store, "planted", way);
    session.push(Message::user("begin")).unwrap();
    let first = session.save(CheckpointKind::Manual).unwrap();
    session.pin(&first).unwrap();
    for (round, part) in samples.chunks(samples.len() / 4 + 1).enumerate() {
        for (at, sample) in part.iter().enumerate() {
            plant(&mut session, sample, &mut draw);
            if at % 9 == 0 {
                let durability = if draw.below(2) == 0 {
                    Durability::Buffered
                } else {
                    way.durability
                };
                session.save_with(CheckpointKind::Auto, durability).unwrap();
            }
        }
        session
            .push(Message::user(format!("log in as {LITERAL}")))
            .unwrap();
        put(&mut session, samples, round);
        let id = session.save(CheckpointKind::Auto).unwrap();
        // Another change of large components is a patch.
        put(&mut session, &samples[1..], round);
        let summary = Message::assistant(format!("summary: {}", part[0].text));
        session
            .cut_with_summary(Truncate::to(20).without_work(), &|_: &Message| 1, summary)
            .unwrap();
        session.save(CheckpointKind::Auto).unwrap();
        match round {
            0 => session.reopen().unwrap(),
            1 => drop(session.fork(&id, id_of_fork()).unwrap().compact().unwrap()),
            2 => drop(session.plan_restore(&id).unwrap().commit().unwrap()),
            _ => drop(session.seal().unwrap()),
        }
    }
    session.workflow_boundary(&samples[0].text).unwrap();
    session.prune().unwrap();
    session.compact().unwrap();
    // What is in memory was never touched.
    drop(session);
    let session = open(store, "planted", way);
    let log = serde_json::to_string(session.state()).unwrap();
    assert!(log.contains("[redacted:crm]"), "reads back, masked");
    assert!(session.component::<Plain>().unwrap().is_some());
    #[cfg(feature = "msgpack")]
    assert!(session.component::<Packed>().unwrap().is_some());
    #[cfg(feature = "bincode")]
    assert!(session.component::<Fixed>().unwrap().is_some());
}

fn id_of_fork() -> SessionId {
    id("forked")
}

fn needles(samples: &[Sample]) -> Needles {
    Needles::of(samples, &[LITERAL, "correct horse"])
}

/// One of each form, in another order each time.
fn samples(seed: u64) -> Vec<Sample> {
    let mut samples = all(seed);
    let mut draw = Draw(seed);
    for at in (1..samples.len()).rev() {
        let other = draw.below(at + 1);
        samples.swap(at, other);
    }
    samples
}

#[test]
fn no_piece_of_a_secret_is_in_any_byte_on_disk() {
    for seed in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(FileStore::open(folder.path()).unwrap());
        let samples = samples(seed);
        play(&store, &Way::plain(Durability::Synced), &samples, seed);
        let sought = needles(&samples).seek_below(folder.path());
        assert!(sought.files > 8 && sought.frames > 40, "{sought:?}");
        sought.report("a session and its fork");
    }
}

#[test]
fn no_piece_of_a_secret_is_in_a_mirror() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let primary = FileStore::open(folder.path()).unwrap();
    let mirror = FileStore::open_mirror(other.path(), primary.id()).unwrap();
    let store: Arc<dyn Store> = Arc::new(Mirrored::new(primary, mirror).unwrap());
    let samples = samples(3);
    play(&store, &Way::plain(Durability::Replicated), &samples, 3);
    for folder in [folder.path(), other.path()] {
        let sought = needles(&samples).seek_below(folder);
        assert!(sought.files > 4 && sought.frames > 40, "{sought:?}");
        sought.report("a mirror");
    }
}

#[test]
fn the_search_finds_what_is_not_masked() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FileStore::open(folder.path()).unwrap());
    let samples = samples(4);
    let mut session = Checkpointer::builder(store, id("s"))
        .redaction(Redaction::off())
        .open()
        .unwrap();
    let text: String = samples.iter().map(|it| it.text.clone() + "\n").collect();
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let needles = needles(&samples);
    let found = std::panic::catch_unwind(|| needles.seek_below(folder.path()));
    assert!(found.is_err());
}
