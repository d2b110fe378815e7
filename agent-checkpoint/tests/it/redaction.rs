//! What a session writes is masked; what is in memory, what providers verify, and what the work needs stays.

use agent_checkpoint::redact::{Redaction, SignedBlocks};
use agent_checkpoint::{
    AgentContext, Checkpointer, MemoryStore, Message, Snapshot, Store, ToolCall,
};
use agent_primitives::{AgentId, CheckpointKind, SessionId};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Looks like a key of GitHub's, and is none.
const TOKEN: &str = "ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R";

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

fn thinking() -> Value {
    json!({"type": "thinking", "thinking": format!("they gave me {TOKEN}"), "signature": "EuYBCkQYAiJA"})
}

fn signed() -> Vec<Value> {
    vec![
        thinking(),
        json!({"type": "redacted_thinking", "data": format!("EmwK-{TOKEN}")}),
        json!({"type": "reasoning", "id": "rs_1", "summary": [{"text": TOKEN}], "encrypted_content": "gAAAA"}),
        json!({"type": "compaction", "encrypted_content": format!("gAAAA-{TOKEN}")}),
        json!({"text": format!("so {TOKEN}"), "thoughtSignature": "CpgBAVSo"}),
        json!({"reasoningContent": {"reasoningText": {"text": TOKEN, "signature": "Er4C"}}}),
        json!({"type": "reasoning.text", "text": TOKEN, "signature": "EqQB"}),
    ]
}

#[test]
fn signed_blocks_are_written_byte_for_byte() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut message = Message::assistant(format!("use {TOKEN}"));
    message.parts = signed();
    message
        .extra
        .insert("reasoning_details".into(), signed().into());
    let call =
        json!({"functionCall": {"name": "f", "args": {"t": TOKEN}}, "thoughtSignature": "CpgB"});
    message.parts.push(call);
    session.push(message).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let session = open(&store);
    let read = &session.history()[0];
    assert_eq!(read.content, "use [redacted:github-token]");
    assert_eq!(read.parts[..7], signed());
    assert_eq!(read.extra["reasoning_details"], Value::from(signed()));
    let call = json!({"functionCall": {"name": "f", "args": {"t": "[redacted:github-token]"}}, "thoughtSignature": "CpgB"});
    assert_eq!(read.parts[7], call, "the signature alone is verified");
}

#[test]
fn signed_blocks_are_left_out_where_that_is_asked_for() {
    let message = |parts: Vec<Value>| {
        let mut message = Message::assistant("go");
        message.parts = parts;
        message
    };
    let clean = json!({"type": "thinking", "thinking": "hm", "signature": "EuYB"});
    let text = json!({"type": "text", "text": "go"});
    let all = message(vec![clean.clone(), thinking(), text.clone()]);
    let masked = |signed| {
        let redaction = Redaction::default().signed(signed);
        redaction.message(&all).into_owned().parts
    };
    assert_eq!(masked(SignedBlocks::Keep), all.parts);
    assert_eq!(masked(SignedBlocks::KeepClean), [clean, text.clone()]);
    assert_eq!(masked(SignedBlocks::Drop), [text]);
}

#[test]
fn memory_stays_until_the_session_is_opened_again() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user(format!("use {TOKEN}"))).unwrap();
    session.update(|work| work.next_steps.push(TOKEN.into()));
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(session.history()[0].content, format!("use {TOKEN}"));
    assert_eq!(session.state().work.next_steps, [TOKEN]);
    let segments = store.segments(&id()).unwrap();
    assert_eq!(
        session.save(CheckpointKind::Auto).unwrap(),
        session.latest().unwrap().id
    );
    assert_eq!(
        store.segments(&id()).unwrap(),
        segments,
        "nothing new to write"
    );

    // The log's masked message is the one in memory: nothing is written twice.
    session.reopen().unwrap();
    assert!(session.unsaved().is_empty());
    session.push(Message::user("and on")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(session.history()[0].content, format!("use {TOKEN}"));
    drop(session);
    let session = open(&store);
    let read: Vec<_> = session.history().iter().map(|it| &*it.content).collect();
    assert_eq!(read, ["use [redacted:github-token]", "and on"]);
    assert_eq!(session.state().work.next_steps, ["[redacted:github-token]"]);
}

#[test]
fn a_restore_shows_no_difference_that_is_only_a_mask() {
    let mut session = open(&MemoryStore::new());
    session.push(Message::user(TOKEN)).unwrap();
    session.update(|work| work.next_steps.push(TOKEN.into()));
    let id = session.save(CheckpointKind::Auto).unwrap();
    let plan = session.plan_restore(&id).unwrap();
    assert!(plan.diff().is_empty(), "{}", plan.diff());
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Vault {
    keys: Vec<String>,
    password: String,
    tokens: u64,
}

impl Snapshot for Vault {
    const KIND: &'static str = "vault";
    const VERSION: u16 = 1;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Choice {
    #[serde(rename = "ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R")]
    Only,
}

impl Snapshot for Choice {
    const KIND: &'static str = "choice";
    const VERSION: u16 = 1;
}

#[test]
fn a_component_is_the_hosts_own_until_it_is_read_back() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let vault = Vault {
        keys: vec![TOKEN.into()],
        password: "hunter2".into(),
        tokens: 7,
    };
    session.put(&vault).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(session.component::<Vault>().unwrap().unwrap(), vault);
    drop(session);
    let mut session = open(&store);
    let mask = |family: &str| format!("[redacted:{family}]");
    let read = Vault {
        keys: vec![mask("github-token")],
        password: mask("password"),
        tokens: 7,
    };
    assert_eq!(session.component::<Vault>().unwrap().unwrap(), read);
    // The same value again is not written again.
    let head = session.latest().unwrap().id.clone();
    session.put(&vault).unwrap();
    assert_eq!(session.save(CheckpointKind::Auto).unwrap(), head);
}

#[test]
fn what_would_not_read_back_with_a_mask_is_refused_and_not_told() {
    let mut session = open(&MemoryStore::new());
    let refused = session.put(&Choice::Only).unwrap_err();
    assert!(
        refused.is_unsavable() && !refused.to_string().contains("ghp_"),
        "{refused}"
    );
    let agent = AgentId::new(TOKEN).unwrap();
    session.update(|work| drop(work.agents.insert(agent.clone(), AgentContext::default())));
    let refused = session.save(CheckpointKind::Auto).unwrap_err();
    assert!(
        refused.is_unsavable() && !refused.to_string().contains("ghp_"),
        "{refused}"
    );
    session.update(|work| work.agents.clear());
    session.save(CheckpointKind::Auto).unwrap();

    let named = SessionId::new(TOKEN).unwrap();
    let builder = Checkpointer::builder(MemoryStore::new(), named.clone());
    let refused = builder.open().unwrap_err();
    assert!(
        refused.is_invalid() && !refused.to_string().contains("ghp_"),
        "{refused}"
    );
    let builder = Checkpointer::builder(MemoryStore::new(), id()).agent(agent);
    assert!(builder.open().unwrap_err().is_invalid());
    let allowed = Redaction::default().allow(TOKEN);
    let builder = Checkpointer::builder(MemoryStore::new(), named).redaction(allowed);
    builder.open().unwrap();
    let wrong = Redaction::default().without("no-such-family");
    let builder = Checkpointer::builder(MemoryStore::new(), id()).redaction(wrong);
    assert!(builder.open().unwrap_err().is_invalid());
}

#[test]
fn labels_and_reasons_are_masked_and_found() {
    let mut session = open(&MemoryStore::new());
    session.push(Message::user("go")).unwrap();
    let label = format!("with {TOKEN}");
    let id = session.save_labelled(&label).unwrap();
    assert_eq!(session.by_label(&label).unwrap().id, id);
    assert_eq!(
        session.by_label("with [redacted:github-token]").unwrap().id,
        id
    );
    let taken = session.save_labelled(&label).unwrap_err();
    assert!(
        taken.is_taken() && !taken.to_string().contains("ghp_"),
        "{taken}"
    );
    // Cut to its longest only once it is masked.
    let id = session
        .before_risky(&format!("{}{TOKEN}", "x ".repeat(120)))
        .unwrap();
    let what = session
        .checkpoint(id.as_str())
        .unwrap()
        .what
        .clone()
        .unwrap();
    assert!(!what.contains("ghp_"), "{what}");
    assert!(session.unlabel(&label).unwrap());
}

#[test]
fn two_keys_that_become_one_mask_both_stay() {
    let other = TOKEN.replace("0a1B", "9z8Y");
    let mut value = json!({TOKEN: 1, other: 2});
    assert!(Redaction::default().value(&mut value));
    assert_eq!(value.as_object().unwrap().len(), 2, "{value}");
    let text = format!("{{\"{TOKEN}\":1,\"{TOKEN}x\":2}}");
    let masked: Value = serde_json::from_str(&Redaction::default().json(&text)).unwrap();
    assert_eq!(masked.as_object().unwrap().len(), 2, "{masked}");
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[ -~]{0,24}",
        2 => any::<String>(),
        2 => "(password|token|api_key|secret|Cookie|Authorization)( |\"|')?[=:] ?(\"|'|Bearer )?[A-Za-z0-9+/=.]{0,40}(\"|')?",
        2 => "(ghp_|sk-|AKIA|eyJ|xoxb-|SG\\.|hvs\\.|https://a:)[A-Za-z0-9_.-]{0,60}@?",
        1 => Just(format!("\\n{TOKEN}\\\"")),
        1 => Just("-----BEGIN RSA PRIVATE KEY-----\n".to_owned()),
        1 => Just("-----END RSA PRIVATE KEY-----".to_owned()),
        1 => Just("[redacted:jwt]".to_owned()),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        texts().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(texts(), inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn masking_twice_is_masking_once_and_what_is_found_is_all_that_changes(text in texts()) {
        let redaction = Redaction::default();
        let masked = redaction.text(&text).into_owned();
        prop_assert_eq!(redaction.text(&masked), &*masked);
        let mut expected = String::new();
        let mut done = 0;
        for found in redaction.find(&text) {
            expected += &text[done..found.range.start];
            expected += "[redacted:";
            expected += &found.family;
            expected += "]";
            done = found.range.end;
        }
        expected += &text[done..];
        prop_assert_eq!(masked, expected);
    }

    #[test]
    fn json_stays_json_and_has_what_its_value_has(value in values()) {
        let redaction = Redaction::default();
        let text = value.to_string();
        let masked = redaction.json(&text).into_owned();
        let read: Value = serde_json::from_str(&masked).unwrap();
        let mut whole = value.clone();
        let is_changed = redaction.value(&mut whole);
        prop_assert_eq!(is_changed, masked != text);
        // Names that became the same are numbered, each in its own way.
        if !masked.contains('#') && !whole.to_string().contains('#') {
            prop_assert_eq!(read, whole);
        }
        let mut again = value;
        redaction.value(&mut again);
        prop_assert!(!redaction.value(&mut again), "{}", again);
    }

    #[test]
    fn arguments_that_are_json_stay_it_and_any_bytes_are_taken(value in values(), bytes: Vec<u8>, cut: prop::sample::Index) {
        let redaction = Redaction::default();
        let text = value.to_string();
        let call = |text: &str| Message::assistant("").with_tool_call(ToolCall::new("c", "n", text));
        let masked = redaction.message(&call(&text)).into_owned();
        if value.is_object() || value.is_array() {
            prop_assert!(serde_json::from_str::<Value>(&masked.tool_calls[0].arguments).is_ok());
        }
        let end = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        redaction.message(&call(&text[..end]));
        redaction.json(&String::from_utf8_lossy(&bytes));
    }
}
