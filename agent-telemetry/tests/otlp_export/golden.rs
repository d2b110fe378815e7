//! The same records under each generation of the names.

use agent_telemetry::otlp::HandoffSpans;
use agent_telemetry::{GenAiNames, Sink as _};

use crate::render::rendered;
use crate::server::Server;
use crate::story::story;

/// What a server gets of the story.
fn sent(names: GenAiNames, handoffs: HandoffSpans) -> String {
    let server = Server::start([]);
    let (builder, clock) = crate::sink(&server);
    let mut sink = builder
        .names(names)
        .handoffs(handoffs)
        .resource("deployment.environment.name", "test")
        .build()
        .unwrap();
    clock.advance(std::time::Duration::from_secs(10));
    sink.write(&story()).unwrap();
    let text = rendered(&server.all());
    // The version changes, and nothing else.
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[track_caller]
fn assert_golden(found: &str, golden: &str) {
    for (number, (found, golden)) in found.lines().zip(golden.lines()).enumerate() {
        assert_eq!(found, golden, "line {}", number + 1);
    }
    assert_eq!(found.lines().count(), golden.lines().count());
}

#[test]
fn names_up_to_1_36_are_as_they_were() {
    let found = sent(GenAiNames::V1_36, HandoffSpans::ToolCall);
    assert_golden(&found, include_str!("golden/v1_36.txt"));
}

#[test]
fn names_of_1_41_are_as_they_were() {
    let found = sent(GenAiNames::V1_41, HandoffSpans::ToolCall);
    assert_golden(&found, include_str!("golden/v1_41.txt"));
}

#[test]
fn latest_names_are_as_they_were() {
    let found = sent(GenAiNames::Latest, HandoffSpans::ToolCall);
    assert_golden(&found, include_str!("golden/latest.txt"));
}

#[test]
fn handoffs_are_told_under_either_proposal() {
    let handoff = |handoffs| {
        let text = sent(GenAiNames::Latest, handoffs);
        let spans = text
            .split("span ")
            .filter(|it| it.contains("gen_ai.agent.handoff"));
        let spans: Vec<String> = spans.map(str::to_owned).collect();
        assert_eq!(spans.len(), 1);
        spans[0]
            .lines()
            .filter(|it| !it.contains(" < "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let common = "gen_ai.conversation.id=\"s-1\" gen_ai.agent.name=\"coder\" agent.project=\"acme/shop\" \
        gen_ai.agent.handoff.source.name=\"coder\" gen_ai.agent.handoff.target.name=\"tester\" \
        agent.handoff.source.kind=\"agent\" agent.handoff.target.kind=\"agent\" \
        agent.handoff.reason=\"delegated\" agent.handoff.initiator=\"automatic\"";
    let when = "kind=1 1800000002600000000..1800000002600000000";
    assert_eq!(
        handoff(HandoffSpans::ToolCall),
        format!(
            "\"execute_tool transfer_to_tester\" {when}\n gen_ai.operation.name=\"execute_tool\" \
             gen_ai.tool.name=\"transfer_to_tester\" {common}"
        )
    );
    assert_eq!(
        handoff(HandoffSpans::Own),
        format!("\"handoff tester\" {when}\n gen_ai.operation.name=\"handoff\" {common}")
    );
}

#[test]
fn page_names_everything_that_is_sent() {
    let page = include_str!("../../docs/otlp-export.md");
    let mut names = std::collections::BTreeSet::new();
    for golden in [
        include_str!("golden/v1_36.txt"),
        include_str!("golden/v1_41.txt"),
        include_str!("golden/latest.txt"),
    ] {
        for line in golden.lines() {
            let mut words = line.split(' ').filter(|it| !it.is_empty());
            let first = words.next().unwrap_or_default();
            if ["event", "sum", "gauge", "histogram"].contains(&first) {
                names.extend(words.next());
            } else if first != "span" {
                let keys = line.split(' ').filter_map(|it| Some(it.split_once('=')?.0));
                names.extend(keys.filter(|it| it.contains('.')));
            }
        }
    }
    assert!(names.len() > 100, "{}", names.len());
    for name in names {
        // Candidates are numbered.
        let name = name.replace("candidate.1.", "candidate.0.");
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
