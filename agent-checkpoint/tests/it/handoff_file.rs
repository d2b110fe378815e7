//! A package as a file: what was written is read, and what was not is told apart.

use agent_checkpoint::handoff::{
    Bounds, Limits, Link, Package, PackageError, Piece, Scenario, Tried,
};
use agent_checkpoint::redact::Redaction;
use agent_checkpoint::{
    Artifact, Checkpointer, Decision, McpServer, MemoryStore, Message, ToolCall,
};
use agent_primitives::{AgentId, HandoffReason, SessionId, Timestamp, TokenUsage};
use serde_json::{Value, json};

fn package() -> Package {
    let from = Link::new(
        SessionId::new("s1").unwrap(),
        Timestamp::from_unix_millis(1_234),
    )
    .with_agent(AgentId::new("giver").unwrap());
    let mut package = Package::new(from)
        .with_scenario(Scenario::Quality)
        .with_objective("Fix the build.\n„Bitte“ 🦀");
    package.recent = vec![
        Message::user("x").with_part(json!({"type": "image", "deep": [[[1.5, -0.1, 1e300]]]})),
        Message::assistant("").with_tool_call(ToolCall::new("c1", "read", "{\"a\": 1}")),
    ];
    package.tried.push(Tried::new("make", "no rule"));
    package.facts.push("Python 3.8".into());
    package.left_out.insert(Piece::Recent, 12);
    package.work.add_usage("large", TokenUsage::new(10, 5));
    let decision = Decision::new(Timestamp::UNIX_EPOCH, "a", "b").with_confidence(0.7);
    package.work.decisions.push(decision);
    package.work.artifacts.push(Artifact::of_bytes("p", b"q"));
    package
        .work
        .extra
        .insert("plan".into(), json!({"n": u64::MAX, "m": i64::MIN}));
    package
}

fn file() -> Value {
    serde_json::from_slice(&package().to_vec().unwrap()).unwrap()
}

fn read(file: &Value) -> Result<Package, PackageError> {
    Package::from_slice(&serde_json::to_vec(file).unwrap())
}

/// A file whose content was changed by somebody who made the digest anew.
fn signed(mut file: Value) -> Value {
    let digest = McpServer::config_hash_of(&file["package"]);
    file["digest"] = format!("blake3:{digest}").into();
    file
}

#[test]
fn what_is_written_is_read_whatever_its_white_space_and_order() {
    let package = package();
    let bytes = package.to_vec().unwrap();
    assert_eq!(Package::from_reader(&*bytes).unwrap(), package);
    assert_eq!(read(&file()).unwrap(), package, "without white space");
    let file = file();
    let names: Vec<_> = file.as_object().unwrap().keys().rev().cloned().collect();
    let parts = names
        .iter()
        .map(|name| format!("{}:{}", json!(name), file[name]));
    let turned = format!("{{ {} }}", parts.collect::<Vec<_>>().join(" , "));
    assert_eq!(Package::from_slice(turned.as_bytes()).unwrap(), package);
    assert_eq!(
        (&file["format"], &file["version"]),
        (&json!("agent-handoff"), &json!("1.0"))
    );
}

#[test]
fn every_byte_that_is_cut_or_changed_is_noticed() {
    let bytes = package().to_vec().unwrap();
    let mut read = 0;
    for at in 0..bytes.len() {
        let cut = Package::from_slice(&bytes[..at]);
        // The last byte is the end of the line.
        assert!(
            at + 1 == bytes.len() || cut.unwrap_err().is_damaged(),
            "cut at {at}"
        );
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        match Package::from_slice(&changed) {
            Err(error) => {
                assert!(
                    error.is_damaged() || error.is_foreign() || error.is_newer(),
                    "{at}: {error}"
                );
            }
            // White space that another white space took the place of, or the version's second number.
            Ok(same) => {
                assert_eq!(same, package(), "{at}");
                read += 1;
            }
        }
    }
    assert!(read < 10, "{read} changes go unnoticed");
}

#[test]
fn later_versions_are_told_from_what_is_no_package() {
    let with = |name: &str, value: Value| {
        let mut file = file();
        file[name] = value;
        read(&file)
    };
    let newer = with("version", json!("2.0")).unwrap_err();
    assert!(
        newer.is_newer() && newer.to_string().contains("upgrade"),
        "{newer}"
    );
    assert_eq!(with("version", json!("1.7")).unwrap(), package());
    for version in [json!("0.9"), json!("one"), json!(1), Value::Null] {
        assert!(
            with("version", version.clone()).unwrap_err().is_foreign(),
            "{version}"
        );
    }
    assert!(with("format", json!("zip")).unwrap_err().is_foreign());
    assert!(with("digest", json!("blake3:00")).unwrap_err().is_damaged());
    assert!(with("digest", Value::Null).unwrap_err().is_damaged());
    assert!(read(&json!([])).unwrap_err().is_foreign());
    let mut wrong = file();
    wrong["package"]["recent"] = json!("none");
    assert!(read(&wrong).unwrap_err().is_damaged());
    assert!(read(&signed(wrong)).unwrap_err().is_invalid());
}

#[test]
fn fields_and_words_of_later_versions_are_kept() {
    let mut file = file();
    let later = &mut file["package"];
    later["mood"] = json!({"calm": true});
    later["from"]["host"] = json!("h1");
    later["tried"][0]["cost"] = json!(3);
    later["left_out"]["moods"] = json!(1);
    later["scenario"] = json!("eclipse");
    later["reason"] = json!("eclipse");
    later["work"]["artifacts"][0]["licence"] = json!("MIT");
    let read = read(&signed(file)).unwrap();
    assert_eq!(read.extra["mood"], json!({"calm": true}));
    assert_eq!(
        (read.scenario, read.reason),
        (Scenario::Planned, HandoffReason::Other)
    );
    let again: Value = serde_json::from_slice(&read.to_vec().unwrap()).unwrap();
    let package = &again["package"];
    assert_eq!(package["from"]["host"], "h1");
    assert_eq!(package["tried"][0]["cost"], 3);
    assert_eq!(package["left_out"]["moods"], 1);
    assert_eq!(package["work"]["artifacts"][0]["licence"], "MIT");
    assert_eq!(package["mood"], json!({"calm": true}));
}

#[test]
fn what_would_not_read_back_is_not_written() {
    let refused = |change: fn(&mut Package)| {
        let mut package = package();
        change(&mut package);
        let mut written = Vec::new();
        let error = package.to_writer(&mut written).unwrap_err();
        assert!(written.is_empty());
        error
    };
    let error = refused(|package| {
        package.work.decisions[0].confidence = Some(f64::NAN);
    });
    assert!(error.is_unwritable(), "{error}");
    let error = refused(|package| {
        package.extra.insert("objective".into(), json!("another"));
    });
    assert!(error.is_unwritable(), "{error}");
    let error = refused(|package| {
        let deep = (0..200).fold(json!(0), |value, _| json!([value]));
        package.extra.insert("deep".into(), deep);
    });
    assert!(error.is_too_large(), "{error}");
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("gone"))
    }
}

#[test]
fn a_reader_stops_at_its_limits_and_a_broken_one_is_told() {
    let bytes = package().to_vec().unwrap();
    let within = |limits: Limits| Package::from_reader_within(&*bytes, &limits);
    let all = Limits::default();
    let exactly = u64::try_from(bytes.len()).unwrap();
    assert!(
        within(Limits {
            bytes: exactly,
            ..all
        })
        .is_ok()
    );
    assert!(
        within(Limits {
            bytes: exactly - 1,
            ..all
        })
        .unwrap_err()
        .is_too_large()
    );
    assert!(
        within(Limits {
            elements: 20,
            ..all
        })
        .unwrap_err()
        .is_too_large()
    );
    assert!(
        within(Limits { depth: 3, ..all })
            .unwrap_err()
            .is_too_large()
    );
    // One that never ends.
    let endless = std::io::repeat(b' ');
    assert!(Package::from_reader(endless).unwrap_err().is_too_large());

    assert!(Package::from_reader(Broken).unwrap_err().is_unavailable());
}

#[cfg(all(unix, feature = "fs"))]
#[test]
fn a_file_is_its_owners_and_replaced_whole() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s1.handoff.json");
    let target = folder.path().join("target");
    std::fs::write(&target, "mine").unwrap();
    symlink(&target, &path).unwrap();
    package().write_file(&path).unwrap();
    assert_eq!(Package::read_file(&path).unwrap(), package());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine");
    let found = std::fs::symlink_metadata(&path).unwrap();
    assert!(found.is_file());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);

    let mut bad = package();
    bad.work.decisions[0].confidence = Some(f64::INFINITY);
    assert!(bad.write_file(&path).unwrap_err().is_unwritable());
    assert_eq!(Package::read_file(&path).unwrap(), package());
    assert!(
        Package::read_file(folder.path())
            .unwrap_err()
            .is_unavailable()
    );
    let nowhere = folder.path().join("no/such");
    assert!(package().write_file(nowhere).unwrap_err().is_unavailable());
}

#[cfg(feature = "fs")]
#[test]
fn of_several_who_write_at_once_each_writes_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s1.handoff.json");
    std::thread::scope(|scope| {
        for writer in 0..4_usize {
            let path = &path;
            scope.spawn(move || {
                let mut own = package();
                own.summary = Some("word ".repeat(2_000 * writer));
                for _ in 0..8 {
                    own.write_file(path).unwrap();
                    let read = Package::read_file(path).unwrap();
                    assert_eq!(read.objective, own.objective);
                }
            });
        }
    });
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn no_secret_goes_into_a_file_with_what_is_said_of_sessions() {
    let key = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let mut own = package();
    own.from.extra.insert("by".into(), json!({"deep": [key]}));
    own.earlier.push(own.from.clone());
    own.extra.insert("more".into(), json!(key));
    let text = String::from_utf8(own.to_vec().unwrap()).unwrap();
    assert!(!text.contains(&key[4..]), "{text}");
    assert_eq!(text.matches("[redacted:github-token]").count(), 3, "{text}");
}

#[test]
fn the_newest_requests_are_kept() {
    let mut own = package();
    own.requests = (0..9).map(|n| format!("request {n}")).collect();
    own.fit(&Bounds {
        entries: 2,
        ..Bounds::default()
    });
    assert_eq!(own.requests, ["request 7", "request 8"]);
    assert_eq!(own.left_out[&Piece::Requests], 7);
}

#[test]
fn no_secret_goes_into_a_file_and_none_is_masked_in_memory() {
    let key = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let own = "correct-horse-battery";
    let redaction = Redaction::default().with_literal("crm-key", own);
    let store = MemoryStore::new();
    let id = SessionId::new("s1").unwrap();
    let builder = Checkpointer::builder(store, id).redaction(redaction);
    let mut session = builder.open().unwrap();
    for message in [
        Message::system(format!("Use {key}.")),
        Message::user(format!("Log in as {own} with {key}.")),
        Message::assistant("").with_tool_call(ToolCall::new(
            "c1",
            "sh",
            format!(r#"{{"command":"crm {own}"}}"#),
        )),
        Message::tool("c1", format!("error: {key} is refused")),
        Message::user(format!("Then try {own} once more.")),
        Message::assistant("").with_tool_call(ToolCall::new(
            "c2",
            "login",
            r#"{"password":"hunter2!x"}"#,
        )),
    ] {
        session.push(message).unwrap();
    }
    session.update(|work| {
        let at = Timestamp::UNIX_EPOCH;
        work.decisions
            .push(Decision::new(at, format!("keep {key}"), own));
        work.next_steps.push(format!("rotate {key}").into());
        work.extra.insert("vault".into(), json!({"api_key": key}));
    });
    let mut package = Package::of(&session);
    package.facts.push(format!("{own} is the account"));
    package.summary = Some(format!("{key} was tried"));
    package.extra.insert("password".into(), json!("hunter2!x"));
    let file = String::from_utf8(package.to_vec().unwrap()).unwrap();
    for secret in [&*key, own, "hunter2!x"] {
        assert!(!file.contains(secret), "{secret}");
    }
    assert!(file.contains("[redacted:crm-key]") && file.contains("[redacted:github-token]"));
    assert!(
        package.objective.as_ref().unwrap().contains(own),
        "memory is untouched"
    );
    let read = Package::from_slice(file.as_bytes()).unwrap();
    assert_eq!(
        read.open_calls[0].arguments,
        r#"{"password":"[redacted:password]"}"#
    );
    assert_eq!(
        read.to_vec().unwrap(),
        file.as_bytes(),
        "what is masked stays as it is"
    );
    let open = package.with_redaction(Redaction::off());
    assert!(
        String::from_utf8(open.to_vec().unwrap())
            .unwrap()
            .contains(own)
    );
}
