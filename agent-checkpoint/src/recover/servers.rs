//! Tool servers that are not as they were, and the calls that wait for them.

use super::{BrokenCalls, Failure, Finding, Hooks, Outcome, Recovery, RecoveryReport, Strategy};
use crate::history::{INTERRUPTED, open_calls};
use crate::{Checkpointer, Drift, Error, McpServer, Message};

pub(super) fn mend(
    session: &mut Checkpointer,
    policy: &Recovery,
    hooks: &Hooks<'_>,
    report: &mut RecoveryReport,
) -> Result<(), Error> {
    let saved = session.state().work.mcp_servers.clone();
    let is_there = |was: &&McpServer| {
        let now = hooks.servers.as_deref().unwrap_or_default();
        !now.iter().any(|now| now.name == was.name)
    };
    let absent: Vec<&str> = saved
        .iter()
        .filter(is_there)
        .map(|was| was.name.as_str())
        .collect();
    if !absent.is_empty() {
        let detail = format!(
            "reach {}, list the tools, and recover with them",
            absent.join(", ")
        );
        let finding = Finding::new(Failure::ToolDrift, Strategy::Reconnect, detail);
        report.push(finding.outcome(Outcome::NeedsHost));
    }
    for was in &saved {
        let mut now = hooks.servers.iter().flatten();
        let Some(now) = now.find(|now| now.name == was.name) else {
            continue;
        };
        let drift = was.drift(now);
        if !drift.is_empty() {
            drifted(session, was, now, &drift, policy, report)?;
        }
    }
    Ok(())
}

fn drifted(
    session: &mut Checkpointer,
    was: &McpServer,
    now: &McpServer,
    drift: &[Drift],
    policy: &Recovery,
    report: &mut RecoveryReport,
) -> Result<(), Error> {
    let name = &was.name;
    let told: Vec<String> = drift.iter().map(Drift::to_string).collect();
    let told = told.join("; ");
    let waiting = waiting(session, was, drift);
    if !waiting.is_empty() {
        let tools: Vec<&str> = waiting.iter().map(|(_, tool)| tool.as_str()).collect();
        let tools = tools.join(", ");
        if policy.broken_calls == BrokenCalls::Block {
            // The server stays known as it was, so that the next recovery blocks as well.
            let detail = format!(
                "server {name}: {told}; open calls wait for {tools}: answer them, or allow to"
            );
            let finding = Finding::new(Failure::ToolDrift, Strategy::BlockResume, detail);
            report.push(finding.outcome(Outcome::NeedsHost));
            return Ok(());
        }
        for (id, _) in &waiting {
            session.push(Message::tool(id.as_str(), INTERRUPTED))?;
        }
        let detail = format!("server {name}: open calls of {tools} were answered as interrupted");
        report.push(Finding::new(
            Failure::ToolDrift,
            Strategy::AnswerCalls,
            detail,
        ));
    }
    session.update(|work| work.set_mcp_server(now.clone()));
    let detail = format!("server {name}: {told}");
    report.push(Finding::new(
        Failure::ToolDrift,
        Strategy::UpdateTools,
        detail,
    ));
    Ok(())
}

/// Ids and tools of the open calls that the drift breaks.
fn waiting(session: &Checkpointer, was: &McpServer, drift: &[Drift]) -> Vec<(String, String)> {
    let context = session.context();
    let open = open_calls(&context).into_iter();
    let broken = open.filter_map(|open| {
        let tool = was.tool_called(&open.call.name)?;
        let is_broken = drift.iter().any(|drift| drift.breaks(tool));
        is_broken.then(|| (open.call.id.clone(), tool.to_owned()))
    });
    broken.collect()
}
