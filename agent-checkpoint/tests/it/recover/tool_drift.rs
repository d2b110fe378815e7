//! Tool servers that are not as they were when the session was saved.

use agent_checkpoint::history::INTERRUPTED;
use agent_checkpoint::recover::{BrokenCalls, Failure, Hooks, Outcome, Recovery, Strategy};
use agent_checkpoint::{McpServer, McpTool, Message};
use agent_primitives::CheckpointKind;
use serde_json::json;

use super::{Site, call, said};

fn files(tools: &[&str]) -> McpServer {
    let tools = tools
        .iter()
        .map(|tool| McpTool::new(*tool, &json!({"tool": tool})));
    McpServer::stdio("files", "serve-files")
        .with_protocol("2025-06-18")
        .with_tools(tools)
}

/// A session that waits for `read`, of a server that also has `write`.
fn waiting(tool: &str) -> Site {
    let site = Site::new();
    let mut session = site.open();
    session.update(|work| work.set_mcp_server(files(&["read", "write"])));
    session.push(said(0)).unwrap();
    session.push(call("c1", tool)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    site
}

#[test]
fn servers_are_to_be_reached_before_a_session_goes_on() {
    let site = waiting("read");
    let recovered = site.recover(&Recovery::default());
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::ToolDrift, Strategy::Reconnect, Outcome::NeedsHost)
    );
    assert_eq!(
        finding.detail,
        "reach files, list the tools, and recover with them"
    );
    drop(recovered);
    let hooks = Hooks::new().servers([files(&["write", "read"])]);
    assert!(
        site.recover_with(&Recovery::default(), &hooks)
            .report
            .is_clean(),
        "as it was"
    );
}

#[test]
fn a_call_of_a_tool_that_is_gone_blocks_until_the_host_allows_to_answer_it() {
    for tool in [
        "read",
        "mcp__files__read",
        "files__read",
        "files.read",
        "files/read",
    ] {
        let site = waiting(tool);
        let hooks = Hooks::new().servers([files(&["write"])]);
        for _ in 0..2 {
            let blocked = site.recover_with(&Recovery::default(), &hooks);
            let finding = &blocked.report.findings[0];
            assert_eq!(
                (finding.strategy, finding.outcome),
                (Strategy::BlockResume, Outcome::NeedsHost)
            );
            assert!(
                finding.detail.contains("open calls wait for read"),
                "{finding}"
            );
            assert_eq!(
                blocked.session.state().work.mcp_servers,
                [files(&["read", "write"])]
            );
        }
        let policy = Recovery::default().broken_calls(BrokenCalls::Answer);
        let recovered = site.recover_with(&policy, &hooks);
        let done: Vec<Strategy> = recovered
            .report
            .findings
            .iter()
            .map(|f| f.strategy)
            .collect();
        assert_eq!(done, [Strategy::AnswerCalls, Strategy::UpdateTools]);
        assert!(recovered.report.may_go_on());
        assert_eq!(
            recovered.session.history()[2],
            Message::tool("c1", INTERRUPTED)
        );
        let known = &recovered.session.state().work.mcp_servers;
        assert_eq!(
            known[0].catalogue_hash(),
            files(&["write"]).catalogue_hash()
        );
        let state = recovered.session.state().clone();
        drop(recovered);
        let again = site.recover_with(&policy, &hooks);
        assert!(again.report.is_clean(), "{}", again.report);
        assert_eq!(again.session.state(), &state);
    }
}

#[test]
fn a_tool_that_nobody_waits_for_may_go() {
    let site = waiting("read");
    let hooks = Hooks::new().servers([files(&["read"])]);
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.strategy, finding.outcome),
        (Strategy::UpdateTools, Outcome::Recovered)
    );
    assert_eq!(
        finding.detail,
        "server files: tool write is gone: answer its open calls"
    );
    assert_eq!(recovered.session.context().len(), 2, "the call still waits");
    let known = &recovered.session.state().work.mcp_servers;
    assert_eq!(known[0].catalogue_hash(), files(&["read"]).catalogue_hash());
}

#[test]
fn another_protocol_breaks_calls_of_its_server_and_of_no_other() {
    let site = waiting("ask");
    let other = files(&["read", "write"]).with_protocol("2099-01-01");
    let hooks = Hooks::new().servers([other]);
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    assert_eq!(recovered.report.findings[0].strategy, Strategy::UpdateTools);
    let site = waiting("write");
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    assert_eq!(recovered.report.findings[0].strategy, Strategy::BlockResume);
}
