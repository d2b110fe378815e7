//! Sessions of other agents, read from samples of their files.

use std::path::Path;

use agent_checkpoint::import::{
    self, BranchKind, ImportError, Imported, Limits, Omission, Reason, Source,
};
use agent_checkpoint::{Checkpointer, MemoryStore, Message, Role, export, history};
use agent_primitives::{CheckpointKind, SessionId, TokenUsage};
use serde_json::{Value, json};

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import");
    std::fs::read(folder.join(name)).unwrap()
}

fn read(name: &str) -> Imported {
    import::any(sample(name).as_slice(), &Limits::default()).unwrap()
}

/// A message in one line: who, what, how many parts, which calls.
fn told(message: &Message) -> String {
    let mut told = vec![format!("{:?} {:?}", message.role, message.content)];
    if !message.parts.is_empty() {
        let kinds = message
            .parts
            .iter()
            .filter_map(|part| part["type"].as_str());
        told.push(format!("{:?}", kinds.collect::<Vec<_>>()));
    }
    let calls = message.tool_calls.iter();
    told.extend(calls.map(|call| format!("{}({})", call.name, call.id)));
    told.extend(message.tool_call_id.iter().map(|id| format!("<- {id}")));
    told.join(" ")
}

fn all_told(messages: &[Message]) -> Vec<String> {
    messages.iter().map(told).collect()
}

fn omission(imported: &Imported, reason: Reason, what: &str) -> Omission {
    let list = imported.left_out.list();
    let found = list.iter().find(|o| o.reason == reason && o.what == what);
    found
        .unwrap_or_else(|| panic!("no {reason:?} {what:?} in {list:#?}"))
        .clone()
}

fn about(imported: &Imported) -> Value {
    Value::Object(imported.about().unwrap().clone())
}

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[test]
fn a_rollout_becomes_a_conversation_that_goes_on_from_its_compaction() {
    let imported = read("codex.jsonl");
    assert_eq!(imported.source, Source::Codex);
    assert_eq!(
        imported.id.as_deref(),
        Some("0195a3c0-7d1e-7a52-9b1f-3f2a6c1d8e01")
    );
    let history = &imported.state.conversation;
    assert_eq!(
        all_told(&history[3..]),
        [
            r#"User "The chart is empty. Find out why." ["input_image"]"#,
            r#"Assistant "" ["reasoning"] exec_command(call_a) exec_command(call_b)"#,
            r#"Tool "src/load.py:7:def load(path):\n" <- call_a"#,
            r#"Tool "day,degrees\n" <- call_b"#,
            r#"Assistant "The file has a head and no rows; I add the rows." apply_patch(call_c)"#,
            r#"Tool "Success" ["input_image"] <- call_c"#,
            r#"Assistant "The chart has a row now." ["web_search_call"]"#,
            r#"Assistant "" ["compaction"]"#,
            r#"User "Now add the test.""#,
            r#"Assistant "Added tests/test_load.py." ["hologram"]"#,
            "User \"Thanks \u{fffd}\"",
        ]
    );
    assert_eq!(told(&history[0]), r#"System "You are a coding agent.""#);
    assert_eq!(history[1].role, Role::System);
    assert_eq!(history[1].extra["codex"]["role"], "developer");
    assert_eq!(
        imported.context,
        Some(vec![2..4, 10..14]),
        "what was embedded again is referred to"
    );
    assert!(imported.repaired().repairs.is_empty());
    assert!(history::check(history).is_empty());
}

#[test]
fn arguments_and_reasoning_stay_byte_for_byte() {
    let codex = read("codex.jsonl").state.conversation;
    let arguments = "{\"cmd\": \"rg -n  load src\",\n \"yield_time_ms\":1000}";
    assert_eq!(codex[4].tool_calls[0].arguments, arguments);
    assert_eq!(codex[4].tool_calls[0].extra["codex"], json!({"id": "fc_1"}));
    assert!(
        codex[7].tool_calls[0]
            .arguments
            .ends_with("+1,20\n*** End Patch")
    );
    assert_eq!(
        codex[4].parts[0],
        json!({
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "**Looking at the loader**"}],
            "encrypted_content": "gAAAAABm-7Zr+/q==  two  spaces",
        })
    );
    assert_eq!(
        codex[3].parts[0],
        json!({"type": "input_image", "image_url": PNG})
    );
    assert_eq!(codex[3].extra["layout"], json!([33, "part"]));

    let claude = read("claude_code.jsonl").state.conversation;
    let call = &claude[1].tool_calls[0];
    assert_eq!(
        call.arguments,
        r#"{"file_path": "src/load.py",  "limit":40}"#
    );
    assert_eq!(
        claude[1].parts,
        [json!({
            "type": "thinking",
            "thinking": "The loader  may skip\trows.",
            "signature": "EqQBCkYIBhgCKkD+/sig==",
        })]
    );
    let goose = read("goose_1_9.jsonl").state.conversation;
    assert_eq!(
        goose[1].tool_calls[0].arguments,
        r#"{"command":"ls -l \"a b\""}"#
    );
    let goose = read("goose.json").state.conversation;
    let thought = json!({"type": "thinking", "thinking": "The loader  may skip\trows.", "signature": "sig+/=="});
    assert_eq!(goose[1].parts, [thought]);
}

#[test]
fn what_a_rollout_tells_of_the_session_is_kept() {
    let imported = read("codex.jsonl");
    let about = about(&imported);
    for (name, value) in [
        ("source", json!("codex")),
        ("started_by", json!("cli")),
        ("title", json!("empty chart")),
        ("cwd", json!("/home/ada/weather")),
        ("version", json!("0.128.0")),
        ("model_provider", json!("openai")),
        ("started", json!("2026-03-02T09:00:00.000Z")),
        ("from", json!("2026-03-02T09:00:01.000Z")),
        ("to", json!("2026-03-02T09:00:29.000Z")),
    ] {
        assert_eq!(about[name], value, "{name}");
    }
    assert_eq!(about["git"]["branch"], "chart");
    let work = &imported.state.work;
    // The figures are totals, and one of them comes twice.
    let all = TokenUsage::from_inclusive(12_900, 9_200, 0, 460).unwrap();
    assert_eq!(work.usage, all.with_reasoning(150).unwrap());
    assert_eq!(work.usage_by_model["gpt-5.2"], TokenUsage::new(1_000, 50));
    let agent = work.agents.values().next().unwrap();
    assert_eq!(agent.model.as_deref(), Some("gpt-5.2"));
    let history = &imported.state.conversation;
    assert_eq!(history[4].extra["model"], "gpt-5.2-codex");
    assert_eq!(history[4].extra["at"], "2026-03-02T09:00:08.000Z");
}

#[test]
fn lines_that_are_left_out_are_counted_by_reason() {
    let codex = read("codex.jsonl");
    assert_eq!(omission(&codex, Reason::Malformed, "").lines, [31]);
    assert_eq!(omission(&codex, Reason::CutOff, "").lines, [33]);
    assert_eq!(
        omission(&codex, Reason::Unknown, "weather_report").lines,
        [30]
    );
    assert_eq!(omission(&codex, Reason::HalfCharacter, "").lines, [32]);
    assert_eq!(omission(&codex, Reason::Repeated, "compacted").lines, [23]);
    assert_eq!(
        omission(&codex, Reason::Bookkeeping, "token_count").lines,
        [13, 14, 21, 28]
    );
    assert_eq!(codex.left_out.losses(), 4);

    let claude = read("claude_code.jsonl");
    assert_eq!(omission(&claude, Reason::Malformed, "").lines, [30]);
    assert_eq!(omission(&claude, Reason::CutOff, "").lines, [32]);
    assert_eq!(omission(&claude, Reason::Unknown, "hologram").lines, [29]);
    assert_eq!(omission(&claude, Reason::Repeated, "assistant").lines, [27]);
    assert_eq!(
        omission(&claude, Reason::Repeated, "toolUseResult").count,
        3
    );
    assert_eq!(
        omission(&claude, Reason::Bookkeeping, "file-history-snapshot").lines,
        [2]
    );
    assert_eq!(claude.left_out.losses(), 3);
    let shown = claude.left_out.to_string();
    assert!(
        shown.starts_with(
            "1 malformed (line 30), 1 cut off (line 32), 1 unknown (line 29), 4 repeated,"
        ),
        "{shown}"
    );

    let goose = read("goose.json");
    assert_eq!(omission(&goose, Reason::Malformed, "message").lines, [8]);
    assert_eq!(goose.left_out.losses(), 1);
    let older = read("goose_1_9.jsonl");
    assert_eq!(omission(&older, Reason::Unknown, "").lines, [5]);
    assert_eq!(omission(&older, Reason::CutOff, "").lines, [6]);
}

#[test]
fn turns_that_were_taken_back_stand_beside_the_conversation() {
    let imported = read("codex_rolled_back.jsonl");
    assert_eq!(imported.id.as_deref(), Some("fork-2"));
    assert_eq!(about(&imported)["ancestors"], json!(["fork-1"]));
    assert_eq!(about(&imported)["forked_from_id"], "fork-1");
    let [branch] = imported.branches.as_slice() else {
        panic!("{:?}", imported.branches)
    };
    assert_eq!((branch.kind, branch.from), (BranchKind::Abandoned, Some(2)));
    assert_eq!(branch.messages[0].content, "Write it in COBOL.");
    assert_eq!(imported.state.conversation[2].content, "Write it in Rust.");
    let call = &imported.state.conversation[3].tool_calls[0];
    assert_eq!(
        call.arguments,
        r#"{"type":"exec","command":["cargo","new"],"timeout_ms":null}"#
    );
    // The call was interrupted.
    let repaired = imported.repaired();
    assert_eq!(repaired.repairs.len(), 1);
    assert!(history::check(&repaired.messages).is_empty());
}

#[test]
fn a_rollout_of_2025_has_its_items_without_a_wrapping() {
    let imported = read("codex_2025.jsonl");
    assert_eq!(imported.source, Source::Codex);
    assert_eq!(
        all_told(&imported.state.conversation),
        [
            r#"System "Be brief.""#,
            r#"User "ls""#,
            r#"Assistant "" shell(call_9)"#,
            r#"Tool "Cargo.toml" <- call_9"#,
            r#"Assistant "One file.""#,
        ]
    );
    assert_eq!(imported.state.conversation[3].extra["is_error"], true);
}

#[test]
fn a_transcript_is_the_branch_of_the_tree_that_was_written_last() {
    let imported = read("claude_code.jsonl");
    assert_eq!(imported.source, Source::ClaudeCode);
    assert_eq!(
        all_told(&imported.state.conversation),
        [
            r#"User "The chart is empty. Find out why." ["image"]"#,
            // Four lines of one reply, and the results of both its calls.
            r#"Assistant "I look at both files." ["thinking"] Read(toolu_a) Read(toolu_b)"#,
            r#"Tool "     1\tdef load(path):" <- toolu_a"#,
            r#"Tool "day,degrees" ["image"] <- toolu_b"#,
            r#"Assistant "There are no rows. Shall I delete the file?""#,
            r#"User "No, add a row with an agent.""#,
            r#"Assistant "" Task(toolu_c)"#,
            r#"Tool "Row added." <- toolu_c"#,
            r#"User "and be quick""#,
            r#"Assistant "Done.""#,
            r#"User "This session is being continued from a previous conversation that ran out of context. The chart had no rows.""#,
            r#"User "Add a test.""#,
            r#"Assistant "" Write(toolu_d)"#,
            r#"Assistant "API Error: 529""#,
            r#"User "Go on.""#,
        ]
    );
    let [abandoned, side] = imported.branches.as_slice() else {
        panic!("{:?}", imported.branches)
    };
    assert_eq!(
        (abandoned.kind, abandoned.from),
        (BranchKind::Abandoned, Some(5))
    );
    assert_eq!(
        all_told(&abandoned.messages),
        [r#"User "Yes, delete it.""#, r#"Assistant "Deleted.""#]
    );
    assert_eq!((side.kind, side.from), (BranchKind::Sidechain, Some(7)));
    assert_eq!(side.id.as_deref(), Some("a1b2c3"));
    assert_eq!(side.messages.len(), 2);
    // From what the compaction preserved, without what the program said to the person alone.
    assert_eq!(imported.context, Some(vec![8..13, 14..15]));
    let repaired = imported.repaired();
    assert_eq!(
        repaired.repairs[0].to_string(),
        r#"message 4: call "toolu_d" has no result: answered as interrupted"#
    );
    assert!(history::check(&repaired.messages).is_empty());
}

#[test]
fn a_reply_in_several_lines_is_counted_once() {
    let imported = read("claude_code.jsonl");
    // Six replies with the same figures, one more of an agent; the first line of the first has lower ones.
    let one = TokenUsage::new(4, 210).with_cache_read(15_000);
    let one = one.with_cache_write_5m(200).with_cache_write_1h(1_000);
    let all = one + one + one + one + one + one + TokenUsage::new(10, 3);
    assert_eq!(imported.state.work.usage, all);
    assert_eq!(
        imported.state.work.usage_by_model["claude-sonnet-4-5-20250929"],
        all
    );
    let about = about(&imported);
    assert_eq!(about["git_branch"], "chart");
    assert_eq!(about["summaries"], json!(["Empty chart in weather"]));
    assert!(about.get("broken_links").is_none());
}

#[test]
fn a_transcript_whose_links_are_broken_is_one_conversation() {
    let text = String::from_utf8(sample("claude_code.jsonl")).unwrap();
    // The parent of the line with uuid a5 is gone.
    let text = text.replace(r#""parentUuid":"p1""#, r#""parentUuid":"nowhere""#);
    let imported = import::claude_code(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(imported.state.conversation.len(), 15);
    assert_eq!(about(&imported)["broken_links"], 1);
}

#[test]
fn the_file_of_an_agent_is_a_conversation_of_its_own() {
    let text = String::from_utf8(sample("claude_code.jsonl")).unwrap();
    let side: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(r#""isSidechain":true"#))
        .collect();
    let imported = import::any(side.join("\n").as_bytes(), &Limits::default()).unwrap();
    assert_eq!(
        all_told(&imported.state.conversation),
        [r#"User "add a row""#, r#"Assistant "Row added.""#]
    );
    assert!(imported.branches.is_empty());
}

#[test]
fn an_export_of_goose_keeps_what_its_model_is_not_told_out_of_the_context() {
    let imported = read("goose.json");
    assert_eq!(imported.source, Source::Goose);
    assert_eq!(
        all_told(&imported.state.conversation),
        [
            r#"User "The chart is empty. Find out why." ["image"]"#,
            r#"Assistant "I look at both files." ["thinking"] developer__shell(t1) developer__shell(t2) unreadable_call(t3)"#,
            r#"Tool "def load(path):" <- t1"#,
            r#"Tool "day,degrees" ["image"] <- t2"#,
            r#"Tool "-32602: arguments are no object" <- t3"#,
            r#"Assistant "" ["systemNotification"]"#,
            r#"User "Summary: the chart has no rows.""#,
            r#"Assistant "I add a row." ["redactedThinking"]"#,
            r#"User "Thanks." ["hologram"]"#,
        ]
    );
    assert_eq!(
        imported.context.as_deref(),
        Some(std::slice::from_ref(&(6..9)))
    );
    let history = &imported.state.conversation;
    assert_eq!(
        history[1].tool_calls[1].extra["goose"]["metadata"]["thoughtSignature"],
        "c2ln"
    );
    assert_eq!(history[4].extra["is_error"], true);
    assert_eq!(history[6].extra["at"], "2026-03-02T09:00:05.000Z");
    assert_eq!(
        history[8].extra["at"], "2026-03-02T09:00:07.000Z",
        "given in milliseconds"
    );
    let usage = TokenUsage::from_inclusive(2_400, 1_000, 0, 160).unwrap();
    assert_eq!(
        imported.state.work.usage_by_model["claude-sonnet-4-5"],
        usage
    );
    assert_eq!(about(&imported)["title"], "Empty chart");
    assert_eq!(about(&imported)["cwd"], "/home/ada/weather");
    // On one line it is the same.
    let value: Value = serde_json::from_slice(&sample("goose.json")).unwrap();
    let one_line = import::any(value.to_string().as_bytes(), &Limits::default()).unwrap();
    assert_eq!(one_line.state, imported.state);
}

#[test]
fn what_is_imported_is_a_session_that_is_saved_and_goes_on() {
    for name in [
        "codex.jsonl",
        "codex_rolled_back.jsonl",
        "claude_code.jsonl",
        "goose.json",
    ] {
        let imported = read(name);
        let (state, repaired) = (imported.state.clone(), imported.repaired());
        let store = MemoryStore::new();
        let id = SessionId::new("taken-over").unwrap();
        let builder = || Checkpointer::builder(store.clone(), id.clone());
        let mut session = imported.open_in(builder()).unwrap();
        session.save(CheckpointKind::Manual).unwrap();
        drop(session);
        let session = builder().open().unwrap();
        assert_eq!(*session.state(), state, "{name}");
        let context: Vec<Message> = session.context().into_iter().cloned().collect();
        assert_eq!(context, repaired.messages, "{name}");
        assert!(history::check(&context).is_empty());
        drop(session);
        let error = read(name).open_in(builder()).unwrap_err();
        assert!(error.is_taken(), "{error}");
    }
}

#[test]
fn an_archive_is_read_as_what_is_in_it() {
    let whole = read("codex.jsonl");
    let packed = zstd::bulk::compress(&sample("codex.jsonl"), 3).unwrap();
    let limits = Limits::default();
    let unpacked = import::any(packed.as_slice(), &limits).unwrap();
    assert_eq!(unpacked.state, whole.state);
    // One whose writer was interrupted.
    let half = import::codex(&packed[..packed.len() - 3], &limits);
    assert!(
        half.is_err() || half.unwrap().state.conversation.len() <= whole.state.conversation.len()
    );
}

#[test]
fn an_export_reads_back_as_the_very_session() {
    let imported = read("claude_code.jsonl");
    let id = SessionId::new("s1").unwrap();
    let mut file = Vec::new();
    export::write(&mut file, &id, &imported.state, imported.context.as_deref()).unwrap();
    let back = import::any(file.as_slice(), &Limits::default()).unwrap();
    assert_eq!(back.source, Source::Export);
    assert_eq!(back.id.as_deref(), Some("s1"));
    assert_eq!(
        (&back.state, &back.context),
        (&imported.state, &imported.context)
    );
    assert!(back.left_out.is_empty());
    // One that breaks off says so, at whatever byte.
    for len in [file.len() - 2, file.len() - 40, file.len() / 2] {
        let cut = import::any(&file[..len], &Limits::default()).unwrap();
        assert_eq!(cut.left_out.count(Reason::CutOff), 1, "{len}");
    }
    let newer = r#"{"format":"agent-checkpoint-session","version":2,"session":"s1"}"#;
    let error = import::any(newer.as_bytes(), &Limits::default()).unwrap_err();
    assert!(matches!(error, ImportError::Newer(2)), "{error}");
}

#[test]
fn a_file_beyond_the_limits_is_refused_and_a_long_line_left_out() {
    let codex = sample("codex.jsonl");
    let limited = |json: Value| {
        let limits: Limits = serde_json::from_value(json).unwrap();
        import::any(codex.as_slice(), &limits)
    };
    for (limits, what) in [
        (json!({"messages": 5}), "messages"),
        (json!({"kept_bytes": 2_000}), "bytes of messages"),
        (json!({"bytes": 4_000}), "bytes"),
    ] {
        let error = limited(limits).unwrap_err();
        assert!(
            matches!(&error, ImportError::TooLarge { what: found, .. } if *found == what),
            "{error}"
        );
    }
    let imported = limited(json!({"line_bytes": 400})).unwrap();
    assert_eq!(imported.left_out.count(Reason::TooLong), 6);
    assert_eq!(
        imported.state.conversation[0].content,
        "<permissions instructions>\nsandbox: workspace-write\n</permissions instructions>"
    );
}

#[test]
fn a_message_that_nests_too_deep_to_be_saved_is_left_out() {
    let deep = |levels: usize| {
        let part = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        format!(
            r#"{{"type":"response_item","payload":{{"type":"message","role":"user","content":[{{"type":"x","x":{part}}}]}}}}"#
        )
    };
    let file = format!("{}\n{}\n{}\n", deep(90), deep(110), deep(100_000));
    let imported = import::codex(file.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(imported.state.conversation.len(), 1);
    assert_eq!(imported.left_out.count(Reason::TooDeep), 2);
}

#[test]
fn what_is_no_session_file_is_refused_with_what_to_do() {
    let limits = Limits::default();
    for (bytes, what) in [
        (&b""[..], "no session file"),
        (b"milk, eggs", "no session file"),
        (b"{\"a\":1}\n{\"b\":2}", "no session file"),
        (
            b"SQLite format 3\0 and more",
            "export the session with goose",
        ),
        (b"{\n  \"working_dir\": \"/w\",\n", "no whole JSON document"),
    ] {
        let error = import::any(bytes, &limits).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let error = import::codex(sample("claude_code.jsonl").as_slice(), &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "none of 32 lines is of a codex session; import it as what it is, or let `import::any` find out"
    );
    import::claude_code(sample("goose_1_9.jsonl").as_slice(), &limits).unwrap_err();
    import::goose(sample("codex.jsonl").as_slice(), &limits).unwrap_err();
}

/// What holds of whatever is imported.
fn holds(bytes: &[u8]) {
    let limits: Limits =
        serde_json::from_value(json!({"messages": 500, "kept_bytes": 1 << 20})).unwrap();
    let readers = [
        import::any(bytes, &limits),
        import::codex(bytes, &limits),
        import::claude_code(bytes, &limits),
        import::goose(bytes, &limits),
    ];
    for imported in readers.into_iter().flatten() {
        let state = imported.state.clone();
        let repaired = imported.repaired();
        assert!(history::check(&repaired.messages).is_empty());
        let store = MemoryStore::new();
        let id = SessionId::new("s").unwrap();
        let builder = || Checkpointer::builder(store.clone(), id.clone());
        let mut session = imported.open_in(builder()).unwrap();
        session.save(CheckpointKind::Manual).unwrap();
        drop(session);
        assert_eq!(*builder().open().unwrap().state(), state);
    }
}

const SAMPLES: [&str; 6] = [
    "codex.jsonl",
    "codex_rolled_back.jsonl",
    "codex_2025.jsonl",
    "claude_code.jsonl",
    "goose.json",
    "goose_1_9.jsonl",
];

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        rng_algorithm: proptest::test_runner::RngAlgorithm::ChaCha,
        failure_persistence: None,
        cases: 96,
        ..Default::default()
    })]

    #[test]
    fn whatever_was_damaged_what_is_read_can_be_saved_and_sent(
        which in 0..SAMPLES.len(),
        cut in 0.0..1.0_f64,
        spots in proptest::collection::vec((0.0..1.0_f64, proptest::num::u8::ANY), 0..8),
        moved in proptest::collection::vec((0..40_usize, 0..40_usize), 0..4),
    ) {
        let bytes = sample(SAMPLES[which]);
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        for (from, to) in moved {
            let len = lines.len();
            lines.swap(from % len, to % len);
        }
        let mut bytes = lines.join(&b'\n');
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a file")]
        let place = |share: f64, len: usize| ((len as f64 * share) as usize).min(len.saturating_sub(1));
        for (share, byte) in spots {
            let at = place(share, bytes.len());
            bytes[at] = byte;
        }
        if cut < 0.5 {
            bytes.truncate(place(cut * 2.0, bytes.len()));
        }
        holds(&bytes);
    }
}
