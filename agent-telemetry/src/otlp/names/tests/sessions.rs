//! In whose work.

use super::*;

fn who_of(resource: &str, text: &str) -> (crate::otlp::seen::Who, SessionFrom) {
    let text = format!("gen_ai.operation.name=chat {text}");
    let (recognised, seen) = span(resource, &span_of("x", &text));
    let Recognised::Known(_, notes) = recognised else {
        panic!("known")
    };
    (seen[0].who.clone(), notes.session)
}

#[test]
fn session_is_the_first_that_is_told_of() {
    let instance = "service.instance.id=i1 process.pid=42 service.name=bot";
    let process = "process.pid=42 service.name=bot";
    for (resource, text, expected, from) in [
        (
            instance,
            "session.id=s1 gen_ai.conversation.id=c1",
            "s1",
            SessionFrom::Item,
        ),
        (
            instance,
            "gen_ai.conversation.id=c1 conversation.id=d1",
            "c1",
            SessionFrom::Item,
        ),
        (
            instance,
            "conversation.id=d1 thread.id=t1",
            "d1",
            SessionFrom::Item,
        ),
        (
            instance,
            "thread.id=t1 session_id=z",
            "t1",
            SessionFrom::Item,
        ),
        (instance, "session_id=z", "z", SessionFrom::Item),
        (
            "session.id=r1 service.instance.id=i1",
            "",
            "r1",
            SessionFrom::Item,
        ),
        (instance, "", "i1", SessionFrom::Resource),
        (process, "", "bot-42", SessionFrom::Resource),
        ("process.pid=42", "", "process-42", SessionFrom::Resource),
        (
            "service.name=bot",
            "",
            "000000000000000000000000000000ab",
            SessionFrom::Trace,
        ),
    ] {
        let (who, told) = who_of(resource, text);
        assert_eq!(who.session.unwrap().as_str(), expected, "{resource} {text}");
        assert_eq!(told, from, "{resource} {text}");
    }
    let (recognised, seen) = event("service.name=bot", "codex.user_prompt", "");
    assert_eq!(seen[0].who.session, None);
    assert!(
        matches!(recognised, Recognised::Known(_, notes) if notes.session == SessionFrom::Nobody)
    );
}

#[test]
fn agent_is_the_one_that_is_named_else_the_service() {
    for (resource, text, agent, parent) in [
        ("service.name=claude-code", "", "claude-code", None),
        (
            "service.name=claude-code",
            "agent.name=Explore agent_id=a1",
            "Explore",
            Some("claude-code"),
        ),
        (
            "service.name=claude-code",
            "agent_id=a1 parent_agent_id=a0",
            "a1",
            Some("a0"),
        ),
        ("service.name=bot", "gen_ai.agent.name=coder", "coder", None),
        ("service.name=bot", "gen_ai.agent.id=g1", "g1", None),
    ] {
        let (who, _) = who_of(resource, text);
        assert_eq!(who.agent.unwrap().as_str(), agent);
        let told = who.parent_agent.as_ref();
        assert_eq!(
            told.map(agent_primitives::AgentId::as_str),
            parent,
            "{text}"
        );
    }
}

#[test]
fn project_is_the_resources() {
    for (resource, expected) in [
        ("agent.project=a project=b service.namespace=c", Some("a")),
        ("project=b service.namespace=c", Some("b")),
        ("service.namespace=c", Some("c")),
        ("service.name=x", None),
    ] {
        let (who, _) = who_of(resource, "project=other");
        assert_eq!(who.project.as_ref().map(crate::ProjectId::as_str), expected);
    }
}

#[test]
fn person_is_the_address_else_the_account() {
    for (text, expected) in [
        ("user.email=ada@example.com user.id=u1", "ada@example.com"),
        ("user.id=u1 user.account_uuid=v1", "u1"),
        ("user.account_uuid=v1", "v1"),
    ] {
        assert_eq!(who_of("", text).0.user.as_deref(), Some(expected));
    }
}

#[test]
fn id_that_does_not_fit_is_noted() {
    let text = "gen_ai.operation.name=chat gen_ai.agent.name=a/b";
    let (recognised, seen) = span("", &span_of("x", text));
    assert!(
        matches!(recognised, Recognised::Known(_, notes) if notes.mended_id && !notes.dropped_id)
    );
    assert_eq!(seen[0].who.agent.as_ref().unwrap().as_str(), "a_b");
    let text = format!("gen_ai.operation.name=chat session.id={}", "x".repeat(200));
    let (recognised, seen) = span("", &span_of("x", &text));
    assert!(matches!(recognised, Recognised::Known(_, notes) if notes.dropped_id));
    assert_eq!(
        seen[0].who.session.as_ref().unwrap().as_str().len(),
        32,
        "the trace"
    );
}

#[test]
fn events_are_numbered_within_their_session() {
    let resource = attributes("service.name=claude-code");
    let scope = scope();
    let source = Source::new(&resource, &scope);
    let sequence = |text| {
        let log = Log {
            attributes: attributes(text),
            ..Log::default()
        };
        let found = sequence_of(&source, &log);
        found.map(|(session, sequence)| (session.as_str().to_owned(), sequence))
    };
    assert_eq!(
        sequence("session.id=s1 event.sequence=7.0"),
        Some(("s1".to_owned(), 7))
    );
    assert_eq!(
        sequence("session.id=s1 event.sequence=0"),
        Some(("s1".to_owned(), 0))
    );
    assert_eq!(sequence("session.id=s1 event.sequence=-1"), None);
    assert_eq!(sequence("session.id=s1"), None);
    assert_eq!(sequence("event.sequence=7"), None);
}
