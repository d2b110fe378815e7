//! Work that changes hands: what a package holds, and what the next session knows.

use agent_checkpoint::handoff::{Bounds, Inherited, Package, Piece, Receiver, Scenario, Terms};
use agent_checkpoint::{
    Artifact, Builder, Checkpointer, CountTokens, Decision, EstimateTokens, MemoryStore, Message,
    NextStep, Question, Resume, ToolCall, Workflow,
};
use agent_primitives::{AgentId, CheckpointKind, Event, SessionId, Stamp, Timestamp, TokenUsage};
use std::sync::{Arc, Mutex};

fn builder(store: &MemoryStore, name: &str) -> Builder {
    Checkpointer::builder(store.clone(), SessionId::new(name).unwrap())
}

fn call(id: &str, name: &str, arguments: &str) -> Message {
    Message::assistant("").with_tool_call(ToolCall::new(id, name, arguments))
}

/// A session in the middle of its work, with a call that has no result yet.
fn at_work(store: &MemoryStore, name: &str) -> Checkpointer {
    let builder = builder(store, name).agent(AgentId::new("coder").unwrap());
    let mut session = builder.open().unwrap();
    for message in [
        Message::system("You fix bugs."),
        Message::user("Fix TimeDelta in src/fields.py, issue 1474."),
        call("c1", "open", r#"{"path":"src/fields.py"}"#),
        Message::tool("c1", "class TimeDelta"),
        call("c2", "bash", r#"{"command":"pytest tests/test_fields.py"}"#),
        Message::tool("c2", "1 failed\nexit code: 1"),
        Message::user("Keep Python 3.8 working."),
        call("c3", "edit", r#"{"path":"src/fields.py","text":"round()"}"#),
    ] {
        session.push(message).unwrap();
    }
    session.update(|work| {
        let at = Timestamp::UNIX_EPOCH;
        work.decisions.push(
            Decision::new(at, "round, not truncate", "345 became 344").with_alternatives(["ceil"]),
        );
        work.artifacts
            .push(Artifact::of_bytes("reproduce.py", b"print(1)"));
        work.next_steps.push("run the tests".into());
        work.next_steps
            .push(NextStep::new("reproduce").with_status("done"));
        work.questions.push(Question::new("which release?"));
        let mut workflow = Workflow::new("fix").with_steps(["read", "patch"]);
        workflow.start("read");
        workflow.finish("read");
        workflow.start("patch");
        workflow.fail("patch", "the indentation was wrong");
        work.workflow = Some(workflow);
        work.add_usage("large", TokenUsage::new(900, 90));
    });
    session
}

#[test]
fn a_package_says_what_the_session_knows_and_what_its_messages_tell() {
    let session = at_work(&MemoryStore::new(), "s1");
    let package = Package::of(&session);
    assert_eq!(
        package.objective.as_deref(),
        Some("Fix TimeDelta in src/fields.py, issue 1474.")
    );
    assert_eq!(package.instructions, [Message::system("You fix bugs.")]);
    assert_eq!(package.requests, ["Keep Python 3.8 working."]);
    assert_eq!(package.progress, ["read", "reproduce"]);
    let tried: Vec<_> = package
        .tried
        .iter()
        .map(|t| (&*t.what, &*t.error))
        .collect();
    assert_eq!(
        tried,
        [
            ("patch", "the indentation was wrong"),
            (
                r#"bash {"command":"pytest tests/test_fields.py"}"#,
                "1 failed\nexit code: 1"
            ),
        ]
    );
    assert_eq!(package.files, ["src/fields.py", "tests/test_fields.py"]);
    assert_eq!(package.open_calls.len(), 1);
    assert_eq!(package.open_calls[0].name, "edit");
    assert_eq!(package.work, session.state().work);
    assert_eq!(package.recent.len(), 7, "all but the instructions");
    assert_eq!(package.from.checkpoint, None, "it is not saved");
    assert!(package.left_out.is_empty(), "{:?}", package.left_out);
}

#[test]
fn the_next_session_begins_with_all_of_it_and_keeps_it_when_opened_again() {
    let store = MemoryStore::new();
    let mut giver = at_work(&store, "s1");
    let package = giver.hand_off(&Terms::new(Scenario::ContextFull)).unwrap();
    let taker = package.begin(builder(&store, "s2")).unwrap();
    assert_eq!(taker.latest().unwrap().kind, CheckpointKind::Handoff);
    drop(taker);

    let taker = builder(&store, "s2").open().unwrap();
    let work = &taker.state().work;
    assert_eq!(work.decisions, giver.state().work.decisions);
    assert_eq!(work.artifacts, giver.state().work.artifacts);
    assert_eq!(work.usage, TokenUsage::new(900, 90));
    let inherited = Inherited::of(work).unwrap();
    assert_eq!(inherited.earlier[0].session.as_str(), "s1");
    assert_eq!(
        inherited.earlier[0].checkpoint,
        giver.latest().map(|c| c.id)
    );
    let history = taker.history();
    assert_eq!(history[0], Message::system("You fix bugs."));
    for told in [
        "issue 1474",
        "round, not truncate",
        "345 became 344",
        "Keep Python 3.8",
        "edit",
    ] {
        assert!(history[1].content.contains(told), "{told}");
    }
    assert_eq!(history[2..], giver.history()[1..]);
}

#[test]
fn what_was_given_is_given_on_and_counted_once() {
    let store = MemoryStore::new();
    let mut giver = at_work(&store, "s1");
    let mut first = giver.hand_off(&Terms::default()).unwrap();
    first.facts.push("the deadline is Friday".into());
    let mut second = first.begin(builder(&store, "s2")).unwrap();
    for message in [
        Message::tool("c3", "error: no such line"),
        call("c4", "bash", r#"{"command":"pytest tests/test_fields.py"}"#),
        Message::tool("c4", "2 passed"),
        Message::user("Add a note to CHANGELOG.md."),
    ] {
        second.push(message).unwrap();
    }
    let package = second.hand_off(&Terms::default()).unwrap();
    assert_eq!(package.objective, first.objective);
    assert_eq!(package.facts, ["the deadline is Friday"]);
    assert_eq!(
        package.requests,
        ["Keep Python 3.8 working.", "Add a note to CHANGELOG.md."]
    );
    let tried: Vec<_> = package
        .tried
        .iter()
        .map(|tried| {
            (
                tried.what.split(' ').next().unwrap(),
                tried.times,
                tried.worked_since,
            )
        })
        .collect();
    // The call was made before the handoff, its result came behind it.
    assert_eq!(
        tried,
        [("patch", 1, false), ("bash", 1, true), ("edit", 1, false)]
    );
    let sessions: Vec<_> = package
        .earlier
        .iter()
        .map(|link| link.session.as_str())
        .collect();
    assert_eq!(
        (sessions, package.from.session.as_str()),
        (vec!["s1"], "s2")
    );
    let last = package.begin(builder(&store, "s3")).unwrap();
    let inherited = Inherited::of(&last.state().work).unwrap();
    assert_eq!(inherited.earlier.len(), 2);
}

#[test]
fn a_session_that_has_a_conversation_is_not_begun() {
    let store = MemoryStore::new();
    let package = Package::of(&at_work(&store, "s1"));
    let mut other = builder(&store, "s2").open().unwrap();
    other.push(Message::user("mine")).unwrap();
    other.save(CheckpointKind::Auto).unwrap();
    drop(other);
    assert!(package.begin(builder(&store, "s2")).unwrap_err().is_taken());
    let other = builder(&store, "s2").open().unwrap();
    assert_eq!(other.history(), [Message::user("mine")]);
}

#[test]
fn a_handoff_between_agents_is_told_to_the_observer() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&heard);
    let builder = builder(&MemoryStore::new(), "s1")
        .agent(AgentId::new("coder").unwrap())
        .observer(move |_: Stamp<'_>, event: &Event| {
            if let Event::Handoff(handoff) = event {
                into.lock().unwrap().push(handoff.to_string());
            }
        });
    let mut session = builder.open().unwrap();
    session.push(Message::user("task")).unwrap();
    session.hand_off(&Terms::default()).unwrap();
    let to = AgentId::new("reviewer").unwrap();
    let terms = Terms::new(Scenario::Quality).with_to(to).manual();
    session.hand_off(&terms).unwrap();
    assert_eq!(
        *heard.lock().unwrap(),
        ["coder -> reviewer (quality, manual)"]
    );
}

#[test]
fn every_list_is_bounded_and_what_goes_is_counted() {
    let mut session = at_work(&MemoryStore::new(), "s1");
    session.update(|work| {
        for n in 0..10 {
            let at = Timestamp::UNIX_EPOCH;
            work.decisions
                .push(Decision::new(at, format!("decision {n}"), "because"));
            work.next_steps.push(format!("step {n}").into());
        }
        work.extra.insert("big".into(), "x".repeat(2_000).into());
    });
    let bounds = Bounds {
        entries: 4,
        entry_bytes: 1_000,
        objective_bytes: 80,
        recent_tokens: 40,
        ..Bounds::default()
    };
    session.push(Message::tool("c3", "x".repeat(400))).unwrap();
    let mut package = Package::of_within(&session, &bounds, &EstimateTokens);
    let whats: Vec<_> = package.work.decisions.iter().map(|d| &*d.what).collect();
    assert_eq!(
        whats,
        ["decision 6", "decision 7", "decision 8", "decision 9"]
    );
    let steps: Vec<_> = package.work.next_steps.iter().map(|s| &*s.text).collect();
    assert_eq!(steps, ["run the tests", "step 0", "step 1", "step 2"]);
    assert!(package.recent.is_empty(), "the newest turn is too long");
    assert_eq!(package.left_out[&Piece::Decisions], 7);
    assert_eq!(package.left_out[&Piece::NextSteps], 7);
    assert_eq!(package.left_out[&Piece::Progress], 1, "a step that is done");
    assert_eq!(package.left_out[&Piece::Components], 1);
    assert_eq!(package.left_out[&Piece::Recent], 8);
    let before = package.clone();
    package.fit(&bounds);
    assert_eq!(package, before);
}

#[test]
fn a_brief_keeps_its_limit_shows_the_most_needed_first_and_says_what_it_leaves_out() {
    let mut session = at_work(&MemoryStore::new(), "s1");
    session.update(|work| {
        for n in 0..50 {
            let at = Timestamp::UNIX_EPOCH;
            let why = "a reason that takes some words to tell";
            work.decisions
                .push(Decision::new(at, format!("decision {n}"), why));
        }
    });
    let package = Package::of(&session);
    let cost = |text: &str| EstimateTokens.count(&Message::user(text));
    let mut before = 0;
    for tokens in [0, 10, 60, 120, 250, 500, 1_000, 4_000] {
        let brief = package.brief_within(tokens, &EstimateTokens);
        assert!(
            brief.is_empty() || cost(&brief) <= tokens,
            "{tokens}: {brief}"
        );
        assert!(
            brief.len() >= before,
            "{tokens} tokens say no less than fewer"
        );
        before = brief.len();
    }
    let brief = package.brief_within(250, &EstimateTokens);
    let place = |what: &str| {
        brief
            .find(what)
            .unwrap_or_else(|| panic!("no {what}: {brief}"))
    };
    assert!(place("issue 1474") < place("## Tool calls without a result"));
    assert!(place("## Tool calls") < place("## Next steps"));
    assert!(place("## Next steps") < place("decision 49"));
    assert!(!brief.contains("decision 0,"), "the newest come first");
    place("more\n");
    place("No room here for: ");
    let whole = package.brief();
    assert!(!whole.contains("No room"), "{whole}");
    assert!(whole.contains("decision 0,") && whole.contains("indentation was wrong"));
}

#[test]
fn a_long_objective_leaves_room_for_the_rest() {
    let mut package = Package::of(&at_work(&MemoryStore::new(), "s1"));
    package.objective = Some(format!("Begin. {} End.", "word ".repeat(5_000)));
    let brief = package.brief_within(400, &EstimateTokens);
    assert!(
        brief.contains("Begin.") && brief.contains("End."),
        "{brief}"
    );
    assert!(
        brief.contains("bytes left out") && brief.contains("run the tests"),
        "{brief}"
    );
}

#[test]
fn of_a_session_opened_at_its_end_the_first_message_there_is_not_the_task() {
    let store = MemoryStore::new();
    let mut session = at_work(&store, "s1");
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let resumed = builder(&store, "s1").resume(Resume::Last(2));
    let package = Package::of(&resumed.open().unwrap());
    assert_eq!(package.objective, None);
    assert_eq!(package.requests, ["Keep Python 3.8 working."]);
    assert_eq!(package.left_out[&Piece::Recent], 6);
    assert!(!package.validate(&Receiver::new()).is_ready());
}

#[test]
fn open_calls_that_are_too_long_to_be_messages_are_still_known() {
    let store = MemoryStore::new();
    let mut giver = at_work(&store, "s1");
    let bounds = Bounds {
        recent_tokens: 0,
        ..Bounds::default()
    };
    let terms = Terms::default().with_bounds(bounds);
    let first = giver.hand_off(&terms).unwrap();
    assert_eq!((first.recent.len(), first.open_calls.len()), (0, 1));
    let mut second = first.begin(builder(&store, "s2")).unwrap();
    let on = second.hand_off(&terms).unwrap();
    assert_eq!(on.open_calls, first.open_calls);
    second
        .push(Message::assistant("The edit was made."))
        .unwrap();
    assert!(Package::of(&second).open_calls.is_empty());
}
