//! Transcripts as they are found on disk.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use agent_primitives::TokenUsage;

use super::super::ledger::{Ledger, LedgerConfig};
use super::super::seen::{CallSeen, Seen, ToolSeen, What};
use super::*;
use crate::{Body, ToolOutcome};

fn usage(output: u64) -> String {
    format!(
        r#"{{"input_tokens":4,"cache_creation_input_tokens":30,"cache_read_input_tokens":200,"cache_creation":{{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}},"output_tokens":{output},"service_tier":"standard"}}"#
    )
}

fn tokens(output: u64) -> TokenUsage {
    TokenUsage::new(4, output)
        .with_cache_read(200)
        .with_cache_write_5m(10)
        .with_cache_write_1h(20)
}

fn answer(number: u32, second: u32, output: u64, block: &str) -> String {
    format!(
        r#"{{"parentUuid":null,"isSidechain":false,"type":"assistant","sessionId":"s1","requestId":"req_{number}","timestamp":"2026-01-31T08:00:{second:02}.000Z","message":{{"id":"msg_{number}","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{block}],"stop_reason":"tool_use","usage":{}}}}}
"#,
        usage(output)
    )
}

fn result(second: u32, id: &str, error: &str) -> String {
    format!(
        r#"{{"type":"user","sessionId":"s1","timestamp":"2026-01-31T08:00:{second:02}.500Z","message":{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{id}","content":"the \"usage\" of it"{error}}}]}},"toolUseResult":{{"stdout":"SECRET"}}}}
"#
    )
}

const TEXT: &str = r#"{"type":"text","text":"SECRET \"usage\""}"#;
const BASH: &str =
    r#"{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"SECRET"}}"#;
const PROMPT: &str = "{\"type\":\"user\",\"sessionId\":\"s1\",\"message\":{\"role\":\"user\",\"content\":\"SECRET\"}}\n";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn read(transcripts: &mut ClaudeTranscripts) -> Vec<Seen> {
    let mut all = Vec::new();
    transcripts.read(&mut |seen| all.push(seen)).unwrap();
    all
}

fn calls(all: &[Seen]) -> Vec<&CallSeen> {
    let calls = all.iter().filter_map(|it| match &it.what {
        What::Call(call) => Some(&**call),
        _ => None,
    });
    calls.collect()
}

fn tools(all: &[Seen]) -> Vec<&ToolSeen> {
    let tools = all.iter().filter_map(|it| match &it.what {
        What::Tool(tool) => Some(tool),
        _ => None,
    });
    tools.collect()
}

#[test]
fn an_answer_on_several_lines_is_one_call_and_a_tool_takes_from_its_call_to_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("-work/s1.jsonl");
    let text = [
        PROMPT.to_owned(),
        answer(1, 1, 2, TEXT),
        answer(1, 2, 90, TEXT),
        answer(1, 3, 90, BASH),
        result(8, "toolu_1", r#","is_error":true"#),
        result(9, "toolu_unknown", ""),
        answer(2, 20, 7, TEXT),
    ];
    write(&file, &text.concat());
    let mut transcripts = ClaudeTranscripts::new(folder.path());
    let all = read(&mut transcripts);
    let told = calls(&all);
    assert_eq!(told.len(), 2);
    assert_eq!(
        (told[0].usage, told[1].usage),
        (Some(tokens(90)), Some(tokens(7)))
    );
    assert_eq!(told[0].keys.request.as_deref(), Some("req_1"));
    assert_eq!(told[0].keys.response.as_deref(), Some("msg_1"));
    assert_eq!(told[0].model.as_str(), "claude-sonnet-4-5-20250929");
    let of_call = all
        .iter()
        .find(|it| matches!(it.what, What::Call(_)))
        .unwrap();
    assert_eq!(of_call.at.to_string(), "2026-01-31T08:00:03.000Z");
    assert_eq!(of_call.who.session.as_ref().unwrap().as_str(), "s1");
    let told = tools(&all);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].tool.as_str(), told[0].outcome),
        ("Bash", ToolOutcome::Failed)
    );
    assert_eq!(told[0].elapsed, Some(Duration::from_millis(5_500)));
    assert!(!format!("{all:?}{transcripts:?}").contains("SECRET"));
    let figures = transcripts.figures();
    assert_eq!(
        (
            figures.files,
            figures.calls,
            figures.tools,
            figures.unreadable
        ),
        (1, 2, 1, 0)
    );
}

#[test]
fn only_what_is_new_is_read_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("-work/s1.jsonl");
    let first = answer(1, 1, 5, BASH);
    let next = result(2, "toolu_1", "");
    let (half, other_half) = next.split_at(70);
    write(&file, &format!("{first}{half}"));
    let mut transcripts = ClaudeTranscripts::new(folder.path());
    assert_eq!(calls(&read(&mut transcripts)).len(), 1);
    assert_eq!(read(&mut transcripts), []);
    let places = serde_json::to_string(transcripts.places()).unwrap();
    let places: TranscriptPlaces = serde_json::from_str(&places).unwrap();
    let mut transcripts = ClaudeTranscripts::new(folder.path()).resumed(places);
    append(&file, other_half);
    append(&file, &answer(2, 9, 6, TEXT));
    let all = read(&mut transcripts);
    assert_eq!((calls(&all).len(), tools(&all).len()), (1, 1));
    assert_eq!(
        transcripts.figures().bytes,
        fs::metadata(&file).unwrap().len() - first.len() as u64
    );
    assert_eq!(read(&mut transcripts), []);
}

#[test]
fn a_file_that_is_truncated_or_replaced_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("-work/s1.jsonl");
    write(&file, &(answer(1, 1, 5, TEXT) + &answer(2, 2, 5, TEXT)));
    let mut transcripts = ClaudeTranscripts::new(folder.path());
    assert_eq!(calls(&read(&mut transcripts)).len(), 2);
    write(&file, &answer(3, 3, 5, TEXT));
    assert_eq!(calls(&read(&mut transcripts)).len(), 1);
    let longer: String = (4..9).map(|it| answer(it, it, 5, TEXT)).collect();
    write(&file, &longer);
    assert_eq!(calls(&read(&mut transcripts)).len(), 5);
    assert_eq!(transcripts.figures().begun_anew, 2);
    fs::remove_file(&file).unwrap();
    assert_eq!(read(&mut transcripts), []);
    assert_eq!(transcripts.places(), &TranscriptPlaces::default());
}

#[test]
fn lines_that_are_no_answer_of_a_model_count_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let synthetic = answer(1, 1, 0, TEXT).replace("claude-sonnet-4-5-20250929", "<synthetic>");
    let no_session = answer(2, 2, 5, TEXT).replace(r#""sessionId":"s1","#, "");
    let text = [
        synthetic,
        no_session,
        "{\"usage\" \n".to_owned(),
        "\"usage\"\n".to_owned(),
        answer(3, 3, 5, TEXT).replace("\"output_tokens\":5", "\"output_tokens\":-5"),
        answer(4, 4, 5, TEXT).replace("2026-01-31T", "yesterday "),
        "\n\n\0\n".to_owned(),
    ];
    write(&folder.path().join("s1.jsonl"), &text.concat());
    write(&folder.path().join("notes.txt"), &answer(9, 9, 9, TEXT));
    let mut transcripts = ClaudeTranscripts::new(folder.path());
    assert_eq!(read(&mut transcripts), []);
    assert_eq!(transcripts.figures().unreadable, 5);
    assert!(
        ClaudeTranscripts::new(folder.path().join("none"))
            .read(&mut |_| {})
            .is_err()
    );
}

#[test]
fn a_subagent_is_told_apart_and_a_copy_of_a_session_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let side = answer(2, 2, 5, TEXT).replace(
        "\"isSidechain\":false",
        "\"isSidechain\":true,\"agentId\":\"a1b2\"",
    );
    let text = answer(1, 1, 5, TEXT) + &side;
    for number in 0..20 {
        let session = format!("s{number}");
        let copy = text.replace("\"s1\"", &format!("\"{session}\""));
        write(&folder.path().join(format!("-work/{session}.jsonl")), &copy);
    }
    let mut transcripts = ClaudeTranscripts::new(folder.path());
    let all = read(&mut transcripts);
    assert_eq!(calls(&all).len(), 40);
    let agents: BTreeSet<_> = all
        .iter()
        .map(|it| {
            let name =
                |it: &Option<agent_primitives::AgentId>| it.as_ref().map(ToString::to_string);
            (name(&it.who.agent), name(&it.who.parent_agent))
        })
        .collect();
    let main = Some("claude-code".to_owned());
    assert_eq!(
        agents,
        BTreeSet::from([(Some("a1b2".to_owned()), main.clone()), (main, None)])
    );
    let mut ledger = Ledger::new(LedgerConfig::default());
    let mut out = Vec::new();
    for seen in all {
        ledger.see(seen, &mut out);
    }
    ledger.flush(agent_primitives::Timestamp::UNIX_EPOCH, &mut out);
    let recorded = out
        .iter()
        .filter(|it| matches!(it.record.body, Body::ModelCall(_)));
    assert_eq!(recorded.count(), 2);
}

#[test]
fn many_files_give_what_each_gives() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..30_u32 {
        let lines: String = (0..200)
            .map(|it| answer(file * 1_000 + it, it % 60, 5, TEXT))
            .collect();
        write(&folder.path().join(format!("a/b/c/{file}.jsonl")), &lines);
    }
    write(
        &folder.path().join("a/b/c/d/e/deep.jsonl"),
        &answer(1, 1, 5, TEXT),
    );
    let mut transcripts = ClaudeTranscripts::new(folder.path());
    let all = read(&mut transcripts);
    let requests: BTreeSet<_> = calls(&all)
        .iter()
        .map(|it| it.keys.request.clone())
        .collect();
    assert_eq!((all.len(), requests.len()), (6_000, 6_000));
    assert_eq!(transcripts.figures().left_out, 1);
}
