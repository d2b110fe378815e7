//! Packages of a handoff from somebody else: any bytes as a file, any JSON as a package with a right digest, any
//! JSON as the state of a session that a package is made of.
//!
//! Input: a letter for which of the three; the bytes.
#![no_main]

use agent_checkpoint::handoff::{Bounds, Limits, Link, Package, Receiver};
use agent_checkpoint::history::check;
use agent_checkpoint::redact::Redaction;
use agent_checkpoint::{CountTokens, EstimateTokens, McpServer, Message, SessionState};
use agent_fuzz::Input;
use agent_primitives::{SessionId, Timestamp};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let read = input.pick(&[of_file, of_package, of_state]);
    if let Some(package) = read(input.rest()) {
        check_package(&package);
    }
});

/// Most elements of an input.
const ELEMENTS: u64 = 200;

/// The bytes as they are.
fn of_file(bytes: &[u8]) -> Option<Package> {
    let read = Package::from_slice(bytes);
    let limits = Limits {
        elements: ELEMENTS,
        ..Limits::default()
    };
    match Package::from_reader_within(bytes, &limits) {
        Ok(within) => assert_eq!(read.expect("less is allowed"), within),
        Err(error) => {
            let told = error.to_string();
            assert!(read.is_err() || error.is_too_large(), "{told}");
        }
    }
    Package::from_slice(bytes).ok()
}

/// The bytes as the content of a file whose digest is right.
fn of_package(bytes: &[u8]) -> Option<Package> {
    let package: Value = serde_json::from_slice(bytes).ok()?;
    let digest = McpServer::config_hash_of(&package);
    let file = serde_json::json!({
        "format": "agent-handoff",
        "version": "1.0",
        "digest": format!("blake3:{digest}"),
        "package": package,
    });
    let file = serde_json::to_vec(&file).expect("JSON");
    let read = Package::from_slice(&file);
    if let Err(error) = &read {
        assert!(
            error.is_invalid() || error.is_too_large() || error.is_damaged(),
            "{error}"
        );
    }
    read.ok()
}

/// What is made of a session's state.
fn of_state(bytes: &[u8]) -> Option<Package> {
    let state: SessionState = serde_json::from_slice(bytes).ok()?;
    let id = SessionId::new("s1").expect("an id");
    let package = Package::of_state(&state, Link::new(id, Timestamp::UNIX_EPOCH));
    assert!(
        check(&package.recent).is_empty(),
        "a provider takes the messages"
    );
    Some(package)
}

/// What holds of any package.
fn check_package(package: &Package) {
    let redaction = Redaction::default();
    let receiver = Receiver::new()
        .tools(["sh"])
        .window(500, &EstimateTokens)
        .redaction(&redaction);
    let verdict = package.validate(&receiver);
    assert_eq!(verdict, package.validate(&receiver));
    assert_eq!(verdict.is_ready(), verdict.missing().count() == 0);

    for tokens in [0, 50, 300] {
        let brief = package.brief_within(tokens, &EstimateTokens);
        let count = EstimateTokens.count(&Message::user(&*brief));
        assert!(brief.is_empty() || count <= tokens, "{count} of {tokens}");
    }
    let opening = package.opening();
    assert_eq!(
        opening.len(),
        package.instructions.len() + 1 + package.recent.len()
    );

    let bounds = Bounds {
        entries: 3,
        entry_bytes: 200,
        objective_bytes: 60,
        text_bytes: 60,
        recent_tokens: 100,
    };
    let mut fitted = package.clone();
    fitted.fit(&bounds);
    assert!(fitted.facts.len() <= 3 && fitted.work.decisions.len() <= 3);
    let once = fitted.clone();
    fitted.fit(&bounds);
    assert!(fitted == once, "doing it twice changes something");

    if let Ok(file) = package.to_vec() {
        let read = Package::from_slice(&file).expect("what is written is read");
        let again = read.to_vec().expect("what was written is written");
        assert!(again == file, "what is masked stays as it is");
    }
}
