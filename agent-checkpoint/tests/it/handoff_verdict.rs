//! The verdict on a package: what is missing is named, and nothing else is.

use agent_checkpoint::handoff::{
    Held, Link, Missing, Package, Piece, Receiver, Scenario, Tried, Verdict,
};
use agent_checkpoint::redact::Redaction;
use agent_checkpoint::{
    Artifact, Decision, EstimateTokens, McpServer, McpTool, Message, NextStep, StepStatus,
    ToolCall, Workflow,
};
use agent_primitives::{AgentId, CheckpointId, SessionId, Timestamp};
use serde_json::json;

/// A package that lacks nothing for any scenario.
fn whole(scenario: Scenario) -> Package {
    let from = Link::new(SessionId::new("s1").unwrap(), Timestamp::UNIX_EPOCH)
        .with_checkpoint(CheckpointId::new("4-a1b2").unwrap());
    let mut package = Package::new(from)
        .with_to(AgentId::new("next").unwrap())
        .with_scenario(scenario)
        .with_objective("Fix the build.");
    package.progress.push("read the log".into());
    package.tried.push(Tried::new("make", "no rule"));
    package.work.next_steps.push("write the rule".into());
    package.work.decisions.push(Decision::new(
        Timestamp::UNIX_EPOCH,
        "use make",
        "it is there",
    ));
    package
        .work
        .artifacts
        .push(Artifact::of_bytes("a.patch", b"--- a"));
    package.recent = vec![
        Message::user("Fix the build."),
        Message::assistant("").with_tool_call(ToolCall::new("c1", "read", "{}")),
    ];
    package.open_calls = package.recent[1].tool_calls.clone();
    package
}

fn without(scenario: Scenario, take: impl FnOnce(&mut Package)) -> Verdict {
    let mut package = whole(scenario);
    take(&mut package);
    package.validate(&Receiver::new())
}

const SCENARIOS: [Scenario; 11] = [
    Scenario::ContextFull,
    Scenario::ProviderLimited,
    Scenario::ProviderFailed,
    Scenario::Capability,
    Scenario::Cost,
    Scenario::Quality,
    Scenario::Delegated,
    Scenario::Returned,
    Scenario::Person,
    Scenario::Crashed,
    Scenario::Planned,
];

fn take(package: &mut Package, piece: &Piece) {
    match piece {
        Piece::Progress => {
            package.progress.clear();
            package.work.artifacts.clear();
        }
        Piece::NextSteps => {
            package.work.next_steps.clear();
            package.open_calls.clear();
        }
        Piece::Recent => package.recent.clear(),
        Piece::Tried => package.tried.clear(),
        Piece::Taker => package.to = None,
        Piece::Checkpoint => package.from.checkpoint = None,
        _ => unreachable!("no scenario needs {piece}"),
    }
}

#[test]
fn each_scenario_misses_what_it_needs_and_nothing_else() {
    let pieces = [
        Piece::Progress,
        Piece::NextSteps,
        Piece::Recent,
        Piece::Tried,
        Piece::Taker,
        Piece::Checkpoint,
    ];
    let mut asked = 0;
    for scenario in SCENARIOS {
        assert_eq!(without(scenario, |_| ()), Verdict::Ready, "{scenario}");
        for piece in &pieces {
            let verdict = without(scenario, |package| take(package, piece));
            let missing: Vec<_> = verdict.missing().map(|missing| &missing.piece).collect();
            if scenario.needs().contains(piece) {
                assert_eq!(missing, [piece], "{scenario}");
                asked += 1;
            } else {
                assert_eq!(verdict, Verdict::Ready, "{scenario} without {piece}");
            }
        }
        let verdict = without(scenario, |package| package.objective = Some("  ".into()));
        assert!(matches!(verdict, Verdict::Unusable { .. }), "{scenario}");
    }
    assert_eq!(asked, 15);
}

#[test]
fn a_way_on_is_a_next_step_an_open_call_or_a_step_of_the_workflow() {
    let bare = |package: &mut Package| take(package, &Piece::NextSteps);
    let planned = Scenario::Planned;
    assert!(!without(planned, bare).is_ready());
    let finished = without(planned, |package| {
        bare(package);
        package
            .work
            .next_steps
            .push(NextStep::new("all").with_status("Done"));
    });
    assert!(!finished.is_ready());
    for (status, goes_on) in [
        (StepStatus::Running, true),
        (StepStatus::Pending, true),
        (StepStatus::Done, false),
    ] {
        let verdict = without(planned, |package| {
            bare(package);
            let mut workflow = Workflow::new("fix").with_steps(["one"]);
            workflow.steps[0].status = status.clone();
            package.work.workflow = Some(workflow);
        });
        assert_eq!(verdict.is_ready(), goes_on, "{status:?}");
    }
}

#[test]
fn messages_that_a_provider_would_refuse_are_of_no_use() {
    let verdict = without(Scenario::Planned, |package| {
        package.recent.push(Message::user("go on"));
    });
    let Verdict::Unusable { why, missing } = verdict else {
        panic!("{verdict}");
    };
    assert_eq!(
        (why.len(), &why[0].piece, missing),
        (1, &Piece::Recent, vec![])
    );
    assert!(why[0].what.contains("c1"), "{}", why[0]);
}

#[test]
fn decisions_need_reasons_and_artifacts_digests() {
    let verdict = without(Scenario::Planned, |package| {
        let at = Timestamp::UNIX_EPOCH;
        package
            .work
            .decisions
            .push(Decision::new(at, "use ninja", " "));
        package.work.artifacts.push(Artifact::new("b.txt"));
        package
            .work
            .artifacts
            .push(Artifact::new("https://forge.example/pull/1"));
    });
    let missing = vec![
        Missing::new(Piece::Decisions, r#""use ninja" has no reason; say why"#),
        Missing::new(
            Piece::Artifacts,
            "b.txt has no digest; make it with `Artifact::of_bytes`",
        ),
    ];
    assert_eq!(verdict, Verdict::Incomplete { missing });
}

#[test]
fn artifacts_are_compared_with_what_the_receiver_has() {
    let package = whole(Scenario::Planned);
    let missing = |held: Held| {
        let look = move |_: &Artifact| held;
        let verdict = package.validate(&Receiver::new().artifacts(&look));
        let found: Vec<_> = verdict.missing().map(ToString::to_string).collect();
        found.join("\n")
    };
    assert_eq!(missing(Held::Same), "");
    assert_eq!(
        missing(Held::Absent),
        "artifacts: a.patch is not there; send it"
    );
    assert!(missing(Held::Different).contains("a.patch is another"));
    assert!(missing(Held::Unknown).contains("cannot be compared"));
    let mut other = Artifact::new("x");
    other.hash = Some("sha256:00".into());
    assert_eq!(Held::of(&other, b""), Held::Unknown);
}

#[cfg(all(unix, feature = "fs"))]
#[test]
fn files_outside_of_the_folder_and_what_is_no_file_are_absent() {
    let outside = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "one").unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/a"), "one").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("link")).unwrap();
    let held = |path: &str| Held::in_folder(folder.path(), &Artifact::of_bytes(path, b"one"));
    assert_eq!(held("sub/a"), Held::Same);
    assert_eq!(held("sub/../sub/a"), Held::Same);
    let absolute = outside.path().join("secret");
    for path in ["link", "sub", "none", "", absolute.to_str().unwrap()] {
        assert_eq!(held(path), Held::Absent, "{path}");
    }
    std::fs::write(folder.path().join("sub/a"), "two").unwrap();
    assert_eq!(held("sub/a"), Held::Different);
}

#[test]
fn open_calls_need_their_tools() {
    let mut package = whole(Scenario::Planned);
    let verdict = |package: &Package, receiver: &Receiver<'_>| {
        let verdict = package.validate(receiver);
        let found: Vec<_> = verdict.missing().map(ToString::to_string).collect();
        found.join("\n")
    };
    assert_eq!(verdict(&package, &Receiver::new().tools(["read"])), "");
    assert_eq!(
        verdict(&package, &Receiver::new().tools(["write"])),
        "open_calls: the call \"c1\" needs the tool read, which is not there; offer it, or answer the call"
    );
    let server = |version: u32| {
        let tool = McpTool::new("read", &json!({ "v": version }));
        McpServer::stdio("files", "serve").with_tools([tool])
    };
    package.work.mcp_servers = vec![server(1)];
    for name in ["read", "mcp__files__read", "files.read", "files/read"] {
        package.open_calls[0].name = name.into();
        assert_eq!(
            verdict(&package, &Receiver::new().servers([server(1)])),
            "",
            "{name}"
        );
        let changed = verdict(&package, &Receiver::new().servers([server(2)]));
        assert!(changed.contains("tool read is another"), "{changed}");
    }
    package.open_calls[0].name = "read".into();
    let none = verdict(&package, &Receiver::new().servers([]));
    assert!(
        none.starts_with("tool_servers: files is not connected"),
        "{none}"
    );
    assert!(none.contains("which is not there"), "{none}");
    let both = Receiver::new().servers([server(1)]).tools(["other"]);
    assert_eq!(verdict(&package, &both), "");
}

#[test]
fn the_first_messages_must_fit_the_window() {
    let mut package = whole(Scenario::Planned);
    package.recent.insert(0, Message::user("x".repeat(4_000)));
    let piece = |package: &Package, window: u64| match package
        .validate(&Receiver::new().window(window, &EstimateTokens))
    {
        Verdict::Ready => None,
        Verdict::Incomplete { missing } => Some((false, missing[0].piece.clone())),
        Verdict::Unusable { why, .. } => Some((true, why[0].piece.clone())),
        _ => unreachable!(),
    };
    assert_eq!(piece(&package, 8_000), None);
    assert_eq!(piece(&package, 900), Some((false, Piece::Recent)));
    package.objective = Some("x".repeat(4_000));
    assert_eq!(piece(&package, 900), Some((true, Piece::Objective)));
}

#[test]
fn what_was_left_out_that_the_taker_cannot_find_elsewhere_is_missing() {
    for (piece, is_missing) in [
        (Piece::Objective, true),
        (Piece::OpenCalls, true),
        (Piece::Requests, true),
        (Piece::Facts, true),
        (Piece::Decisions, true),
        (Piece::NextSteps, true),
        (Piece::Tried, true),
        (Piece::Recent, false),
        (Piece::Progress, false),
    ] {
        let verdict = without(Scenario::Planned, |package| {
            package.left_out.insert(piece.clone(), 2);
        });
        assert_eq!(!verdict.is_ready(), is_missing, "{piece}");
    }
}

#[test]
fn many_of_a_kind_are_named_a_few_and_counted() {
    let verdict = without(Scenario::Planned, |package| {
        for n in 0..20 {
            package
                .work
                .artifacts
                .push(Artifact::new(format!("{n}.txt")));
        }
    });
    let missing: Vec<_> = verdict.missing().collect();
    assert_eq!(
        (missing.len(), &*missing[8].what),
        (9, "and 12 more of the same")
    );
}

#[test]
fn secrets_that_the_receiver_may_not_have_are_named_by_part_until_they_are_masked() {
    let key = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let mut package = whole(Scenario::Planned);
    package.facts.push(format!("push with {key}"));
    package.recent[0].content = format!("the key is {key}");
    package
        .work
        .next_steps
        .push(format!("export TOKEN={key}").into());
    let redaction = Redaction::default();
    let receiver = Receiver::new().redaction(&redaction);
    let verdict = package.validate(&receiver);
    let pieces: Vec<_> = verdict.missing().map(|missing| &missing.piece).collect();
    assert_eq!(pieces, [&Piece::Facts, &Piece::Recent, &Piece::Components]);
    let masked = package.masked(&redaction).unwrap();
    assert_eq!(masked.validate(&receiver), Verdict::Ready);
    assert!(package.validate(&Receiver::new()).is_ready());
}
