//! A session that goes on in fresh ones: nothing that must be known is lost, and one of them is the head.

mod brittle;
mod free_name;

use agent_checkpoint::cycle::{Continued, Cycle};
use agent_checkpoint::handoff::Inherited;
use agent_checkpoint::history::{Flaw, check, open_calls};
use agent_checkpoint::{
    Checkpointer, CountTokens, Decision, EstimateTokens, MemoryStore, Message, NextStep, Reader,
    Snapshot, Store, ToolCall,
};
use agent_primitives::{CheckpointKind, SessionId, Timestamp};
use brittle::{Brittle, Last};
use serde::{Deserialize, Serialize};

use crate::conversations::recorded;

fn id(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

fn head(store: impl Store + 'static) -> Checkpointer {
    let builder = Checkpointer::builder(store, id("s"));
    builder.continued().unwrap().open().unwrap()
}

fn tokens(messages: &[&Message]) -> u64 {
    messages.iter().map(|m| EstimateTokens.count(m)).sum()
}

/// Every message that was said, from the first session to `last`, without those that were made for a fresh one.
fn walk_back(store: &MemoryStore, last: &Checkpointer) -> Vec<Message> {
    let given = Inherited::of(&last.state().work).unwrap_or_default();
    let mut sessions: Vec<SessionId> = given.earlier.into_iter().map(|e| e.session).collect();
    sessions.push(last.session().clone());
    let mut said = Vec::new();
    for session in sessions {
        let state = Reader::open(store.clone(), session)
            .unwrap()
            .state()
            .unwrap();
        let opening = Inherited::of(&state.work).map_or(0, |given| given.opening);
        said.extend_from_slice(&state.conversation[usize::try_from(opening).unwrap()..]);
    }
    said
}

fn is_flaw(flaw: &Flaw) -> bool {
    !matches!(flaw, Flaw::Empty { .. })
}

/// Plays a recorded session, a decision and a next step a turn; in how many windows.
fn play(name: &str, messages: &[Message], cycle: &Cycle) -> Option<usize> {
    let store = MemoryStore::new();
    let mut session = head(store.clone());
    let mut windows = 1;
    let mut cycled_with_open_calls = 0;
    for (at, message) in messages.iter().enumerate() {
        session.push(message.clone()).unwrap();
        if !message.tool_calls.is_empty() || at % 3 == 2 {
            session.update(|work| {
                let what = format!("decision {at}");
                let decision = Decision::new(Timestamp::UNIX_EPOCH, what, "the log says so");
                work.decisions.push(decision);
                work.next_steps.push(NextStep::new(format!("step {at}")));
            });
        }
        session.save(CheckpointKind::Auto).unwrap();
        let open = open_calls(&session.context()).len();
        let before = session.state().work.clone();
        // A window that has no room for the task and one message more is no use.
        let Ok(cycled) = session.cycle_if_due(cycle, &EstimateTokens) else {
            return None;
        };
        if let Some(cycled) = cycled {
            windows += 1;
            cycled_with_open_calls += usize::from(open > 0);
            let context = session.context();
            assert_eq!(tokens(&context), cycled.tokens);
            assert!(!cycle.is_due(cycled.tokens) && cycle.is_due(cycled.tokens_before));
            assert_eq!(context[0], &messages[0], "{name}: instructions");
            assert_eq!(context[1], &messages[1], "{name}: task");
            assert_eq!(context.last(), Some(&message), "{name}: the newest");
            assert_eq!(open_calls(&context).len(), open, "{name}: open calls");
            let work = &session.state().work;
            assert_eq!(work.decisions, before.decisions);
            assert_eq!(work.next_steps, before.next_steps);
        }
        let context = session.context();
        assert_eq!(check(&context).into_iter().find(is_flaw), None, "{name}");
    }
    session.save(CheckpointKind::Auto).unwrap();
    let work = session.state().work.clone();
    let brief = session
        .context()
        .iter()
        .map(|m| m.content.as_str())
        .collect::<String>();
    let told = |text: &str| {
        usize::from(brief.contains(&format!("{text}\n")) || brief.contains(&format!("{text},")))
    };
    let steps: usize = work.next_steps.iter().map(|step| told(&step.text)).sum();
    let decisions: usize = work.decisions.iter().map(|d| told(&d.what)).sum();
    let noted: Vec<usize> = (0..messages.len())
        .filter(|at| !messages[*at].tool_calls.is_empty() || at % 3 == 2)
        .collect();
    let decided: Vec<String> = noted.iter().map(|at| format!("decision {at}")).collect();
    let known: Vec<&str> = work.decisions.iter().map(|d| d.what.as_str()).collect();
    assert_eq!(known, decided, "{name}");
    assert_eq!(work.next_steps.len(), noted.len());
    assert!(
        walk_back(&store, &session) == messages,
        "{name}: the whole history"
    );
    assert_eq!(store.sessions().unwrap().len(), windows);
    let last = session.session().clone();
    drop(session);
    assert_eq!(head(store).session(), &last);
    println!(
        "{name}: {} messages in {windows} windows of {}, {cycled_with_open_calls} with open calls; \
         the newest brief names {steps} steps and {decisions} decisions of {}",
        messages.len(),
        cycle.window,
        noted.len()
    );
    Some(windows)
}

#[test]
fn a_recorded_session_goes_on_over_five_windows_with_everything_that_was_decided() {
    let mut most = 0;
    for (name, messages) in recorded::sessions() {
        // The smallest window that does.
        let total = tokens(&messages.iter().collect::<Vec<_>>());
        let windows = (1..40_u64).find_map(|step| {
            let cycle = Cycle::of_window(total * step / 20).brief_tokens(300);
            play(&name, &messages, &cycle)
        });
        most = most.max(windows.unwrap());
    }
    assert!(most >= 5, "{most}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Board(Vec<String>);

impl Snapshot for Board {
    const KIND: &'static str = "board";
    const VERSION: u16 = 1;
}

/// A session that is about to go on in another one.
fn full(store: impl Store + 'static) -> Checkpointer {
    let mut session = Checkpointer::builder(store, id("s")).open().unwrap();
    session.push(Message::system("Be brief.")).unwrap();
    session.push(Message::user("the task")).unwrap();
    session
        .push(Message::user("never push to main").pinned())
        .unwrap();
    for n in 0..20 {
        session
            .push(Message::assistant(format!("thought {n}")))
            .unwrap();
    }
    let call = ToolCall::new("c", "build", "{}");
    session
        .push(Message::assistant("").with_tool_call(call))
        .unwrap();
    session.update(|work| work.next_steps.push("see what it says".into()));
    session.put(&Board(vec!["a".into()])).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    session
}

fn small() -> Cycle {
    Cycle::of_window(1_000)
}

#[test]
fn a_fresh_session_begins_with_what_must_be_known_and_the_host_s_own() {
    let store = MemoryStore::new();
    let mut session = full(store.clone());
    let cycled = session.cycle(&small(), &EstimateTokens).unwrap();
    assert_eq!(session.session(), &id("s.2"));
    let texts: Vec<&str> = session
        .context()
        .iter()
        .map(|m| m.content.as_str())
        .collect();
    assert_eq!(texts[..2], ["Be brief.", "the task"]);
    assert!(texts[2].contains("see what it says"), "{}", texts[2]);
    assert_eq!(texts[3], "never push to main");
    assert_eq!(open_calls(&session.context())[0].call.name, "build");
    assert_eq!(
        session.component::<Board>().unwrap(),
        Some(Board(vec!["a".into()]))
    );
    let given = Inherited::of(&session.state().work).unwrap();
    assert_eq!(given.earlier[0].session, id("s"));
    assert_eq!(
        given.earlier[0].checkpoint.as_ref(),
        Some(&cycled.checkpoint)
    );
    assert_eq!(Continued::of(&session.state().work), None);
    let before = Reader::open(store.clone(), id("s")).unwrap();
    assert_eq!(before.latest().unwrap().unwrap().id, cycled.checkpoint);
    let continued = Continued::of(&before.state().unwrap().work).unwrap();
    assert_eq!(continued.session, id("s.2"));

    session.push(Message::tool("c", "it is built")).unwrap();
    let total = tokens(&session.context());
    let cut = session.cut(total - 1, &EstimateTokens).unwrap();
    assert!(cut.dropped > 0);
    assert!(
        session
            .context()
            .iter()
            .any(|m| m.content.contains("# Handoff")),
        "the brief is pinned"
    );
    session.cycle(&small(), &EstimateTokens).unwrap();
    assert_eq!(session.session(), &id("s.3"));
    let briefs = session
        .context()
        .iter()
        .filter(|m| m.content.contains("# Handoff"))
        .count();
    assert_eq!(briefs, 1);
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(walk_back(&store, &session).len(), 25);
}

#[test]
fn settings_that_cannot_be_meant_change_nothing() {
    let mut session = full(MemoryStore::new());
    let before = session.state().clone();
    let window = Cycle::of_window(200);
    let odd = [
        window.at(f64::NAN),
        window.at(1.5),
        window.fresh(0.8),
        Cycle::of_window(0),
        Cycle::of_window(20),
    ];
    for cycle in odd {
        let refused = session.cycle(&cycle, &EstimateTokens).unwrap_err();
        assert!(refused.is_invalid(), "{refused}");
    }
    let taken = session.cycle_into(&id("s"), &window, &EstimateTokens);
    assert!(taken.unwrap_err().is_taken());
    assert!(
        session
            .cycle_if_due(&Cycle::of_window(4_000), &EstimateTokens)
            .unwrap()
            .is_none()
    );
    assert_eq!((session.state(), session.session()), (&before, &id("s")));
}

#[test]
fn a_process_that_ends_at_any_step_leaves_one_session_to_go_on_with() {
    let (mut stayed, mut went_on) = (0, 0);
    for last in [Last::Nothing, Last::Half, Last::All] {
        for steps in 0.. {
            let store = Brittle::default();
            let mut session = full(store.clone());
            let state = session.state().clone();
            store.break_after(steps, last);
            let cycled = session.cycle(&small(), &EstimateTokens);
            drop(session);
            store.mend();
            let session = head(store.clone());
            if cycled.is_ok() {
                assert_eq!(session.session(), &id("s.2"));
            }
            let is_first = session.session() == &id("s");
            stayed += u32::from(is_first);
            went_on += u32::from(!is_first);
            let work = &session.state().work;
            assert_eq!(work.next_steps, state.work.next_steps);
            assert_eq!(open_calls(&session.context()).len(), 1);
            assert!(session.component::<Board>().unwrap().is_some());
            assert_eq!(walk_back(&store.inner, &session), state.conversation);
            if is_first {
                assert_eq!(session.state().conversation, state.conversation);
            }
            // What was left half is in nobody's way.
            let mut session = session;
            session.push(Message::tool("c", "it is built")).unwrap();
            session.cycle(&small(), &EstimateTokens).unwrap();
            let last = session.session().clone();
            drop(session);
            assert_eq!(head(store).session(), &last);
            if cycled.is_ok() {
                break;
            }
        }
    }
    println!("{stayed} times the first session, {went_on} times the fresh one");
    assert!(stayed >= 6 && went_on >= 2);
}

#[test]
fn a_session_that_could_not_go_on_elsewhere_is_the_one_to_go_on_with() {
    let mut outcomes = (0, 0, 0);
    for (last, steps) in (0..8).flat_map(|steps| [(Last::Nothing, steps), (Last::All, steps)]) {
        let store = Brittle::default();
        let mut session = full(store.clone());
        store.break_after(steps, last);
        let cycled = session.cycle(&small(), &EstimateTokens);
        store.mend();
        let at = session.session().clone();
        assert_eq!(at == id("s"), cycled.is_err());
        session.push(Message::tool("c", "it is built")).unwrap();
        if session.save(CheckpointKind::Auto).is_err() {
            // Its own log is not what it believes: opening it anew is what helps.
            assert!(cycled.is_err() && last == Last::All);
            continue;
        }
        outcomes.0 += u32::from(cycled.is_err());
        outcomes.1 += u32::from(cycled.is_ok());
        let begun = !store.segments(&id("s.2")).unwrap().is_empty();
        outcomes.2 += u32::from(cycled.is_err() && begun && last == Last::All);
        drop(session);
        let session = head(store.clone());
        assert_eq!(session.session(), &at, "after {steps} steps");
        assert_eq!(session.history().last().unwrap().content, "it is built");
        assert_eq!(walk_back(&store.inner, &session).len(), 25);
    }
    assert!(
        outcomes.0 > 4 && outcomes.1 > 4 && outcomes.2 > 0,
        "{outcomes:?}"
    );
}

#[cfg(feature = "encryption")]
#[test]
fn an_encrypted_session_goes_on_encrypted_and_is_found_with_its_key_alone() {
    use agent_checkpoint::encrypt::{Key, Keyring};

    let store = MemoryStore::new();
    let keyring = Keyring::new(Key::from_bytes([7; 32]));
    let builder = || Checkpointer::builder(store.clone(), id("s"));
    let mut session = builder().encryption(keyring.clone()).open().unwrap();
    session.push(Message::user("the task")).unwrap();
    session.cycle(&small(), &EstimateTokens).unwrap();
    drop(session);
    let found = builder().encryption(keyring).continued().unwrap();
    assert_eq!(found.open().unwrap().session(), &id("s.2"));
    let fresh = Reader::open(store.clone(), id("s.2")).unwrap_err();
    assert!(fresh.is_wrong_key(), "{fresh}");
    assert!(builder().continued().unwrap_err().is_wrong_key());
}

#[test]
fn a_session_with_a_random_name_is_found_where_secrets_are_masked() {
    let store = MemoryStore::new();
    for bits in [0, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, u128::MAX] {
        let first = SessionId::time_sorted(Timestamp::from_unix_seconds(1_700_000_000), bits);
        let builder = || Checkpointer::builder(store.clone(), first.clone());
        let mut session = builder().open().unwrap();
        session.push(Message::user("the task")).unwrap();
        session.cycle(&small(), &EstimateTokens).unwrap();
        let last = session.session().clone();
        assert_eq!(last.as_str(), format!("{first}.2"));
        drop(session);
        let session = builder().continued().unwrap().open().unwrap();
        assert_eq!(session.session(), &last);
        let given = Inherited::of(&session.state().work).unwrap();
        assert_eq!(given.earlier[0].session, first);
    }
}
