//! What goes along when a session goes on in a fresh one, and what does not.

use agent_checkpoint::cycle::{Continued, Cycle};
use agent_checkpoint::handoff::{Inherited, Link, Package, Piece, Receiver, Scenario, Terms};
use agent_checkpoint::redact::Redaction;
use agent_checkpoint::{
    Builder, Checkpointer, Durability, EstimateTokens, MemoryStore, Message, Resume, Snapshot,
    Store,
};
use agent_primitives::{
    CheckpointKind, ContextPressure, Fanout, Observer, SessionId, Stamp, Timestamp,
};
use serde::{Deserialize, Serialize};

fn id(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

fn builder(store: &(impl Store + Clone + 'static), name: &str) -> Builder {
    Checkpointer::builder(store.clone(), id(name))
}

fn say(session: &mut Checkpointer, text: &str) {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
}

fn cycle() -> Cycle {
    Cycle::of_window(10_000)
}

fn head(store: &MemoryStore) -> SessionId {
    let found = builder(store, "s1").continued().unwrap();
    found.open().unwrap().session().clone()
}

/// A session of instructions, a task and `count` answers of some ten tokens, opened with its last ones in memory.
fn long(count: usize, last: usize) -> (MemoryStore, Checkpointer) {
    let store = MemoryStore::new();
    let mut session = builder(&store, "s1").open().unwrap();
    session.push(Message::system("Be brief.")).unwrap();
    session.push(Message::user("the task")).unwrap();
    for n in 0..count {
        let text = format!("This is the answer with number {n}.");
        session.push(Message::assistant(text)).unwrap();
    }
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let end = builder(&store, "s1").resume(Resume::Last(last));
    let session = end.open().unwrap();
    (store, session)
}

#[test]
fn instructions_and_task_go_along_though_they_were_not_in_memory() {
    let (store, mut session) = long(200, 20);
    session.cycle(&cycle(), &EstimateTokens).unwrap();
    assert_eq!(session.context()[0].content, "Be brief.");
    assert_eq!(session.context()[1].content, "the task");
    let given = Inherited::of(&session.state().work).unwrap();
    assert_eq!(given.objective.as_deref(), Some("the task"));
    session.cycle(&cycle(), &EstimateTokens).unwrap();
    let given = Inherited::of(&session.state().work).unwrap();
    assert_eq!(given.objective.as_deref(), Some("the task"));
    drop(session);
    assert_eq!(head(&store), id("s1.3"));
}

#[test]
fn what_was_cut_away_before_is_known_to_the_fresh_session() {
    let (store, session) = long(200, 20);
    drop(session);
    let mut session = builder(&store, "s1").open().unwrap();
    session.cut(1_000, &EstimateTokens).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let end = builder(&store, "s1").resume(Resume::Last(3));
    let mut session = end.open().unwrap();
    session.cycle(&cycle(), &EstimateTokens).unwrap();
    let given = Inherited::of(&session.state().work).unwrap();
    assert_eq!(given.objective.as_deref(), Some("the task"));
}

#[test]
fn a_cycle_is_due_for_the_whole_context_and_not_for_the_part_in_memory() {
    let window = Cycle::of_window(1_000);
    let (_, mut session) = long(200, 3);
    let cycled = session.cycle_if_due(&window, &EstimateTokens).unwrap();
    assert!(cycled.unwrap().tokens_before > 2_000);
    assert_eq!(session.context()[1].content, "the task");

    let (_, mut session) = long(20, 3);
    assert_eq!(session.skipped(), 19);
    let cycled = session.cycle_if_due(&window, &EstimateTokens).unwrap();
    assert_eq!((cycled, session.skipped()), (None, 0));
}

#[test]
fn a_cycle_that_fails_leaves_as_much_in_memory_as_before() {
    let (_, mut session) = long(200, 3);
    let tiny = Cycle::of_window(20);
    assert!(session.cycle(&tiny, &EstimateTokens).is_err());
    assert!(session.cycle_if_due(&tiny, &EstimateTokens).is_err());
    assert_eq!((session.skipped(), session.history().len()), (199, 3));
    assert!(session.unsaved().is_empty());
}

#[test]
fn a_signal_asks_the_session_that_goes_on() {
    let mut session = builder(&MemoryStore::new(), "s1").open().unwrap();
    let observer = Fanout::new().with(session.signal());
    say(&mut session, "the task");
    session.cycle(&cycle(), &EstimateTokens).unwrap();
    session.push(Message::user("more")).unwrap();
    assert_eq!(session.save_if_due().unwrap(), None);
    let full = ContextPressure::new(9, 10).into();
    observer.observe(Stamp::at(Timestamp::UNIX_EPOCH), &full);
    assert!(session.save_if_due().unwrap().is_some());
    assert!(session.unsaved().is_empty());
}

#[test]
fn a_flush_handle_makes_durable_what_the_session_that_goes_on_saved() {
    let store = MemoryStore::new();
    let buffered = builder(&store, "s1").durability(Durability::Buffered);
    let mut session = buffered.open().unwrap();
    let flush = session.flush_handle();
    let twin = flush.clone();
    say(&mut session, "the task");
    for name in ["s1.2", "s1.3"] {
        session.cycle(&cycle(), &EstimateTokens).unwrap();
        assert_eq!(session.session(), &id(name));
        say(&mut session, "more");
        assert!(session.health().unsynced_bytes > 0);
        twin.flush().unwrap();
        assert_eq!(session.health().unsynced_bytes, 0, "{name}");
    }
    say(&mut session, "more");
    flush.flush().unwrap();
    assert_eq!(session.health().unsynced_bytes, 0);
    drop(session);
    flush.flush().unwrap();
}

#[test]
fn a_fork_does_not_go_on_where_its_parent_did() {
    let store = MemoryStore::new();
    let mut session = builder(&store, "s1").open().unwrap();
    say(&mut session, "the task");
    session.cycle(&cycle(), &EstimateTokens).unwrap();
    drop(session);
    let mut parent = builder(&store, "s1").open().unwrap();
    let newest = parent.latest().unwrap().id;
    let fork = parent.fork(&newest, id("try2")).unwrap();
    let inherited = Continued::of(&fork.state().work).unwrap();
    assert_eq!((inherited.from, inherited.session), (id("s1"), id("s1.2")));
    drop((parent, fork));
    let found = builder(&store, "try2").continued().unwrap();
    let mut fork = found.open().unwrap();
    assert_eq!(fork.session(), &id("try2"));
    say(&mut fork, "another way");
    assert_eq!(Continued::of(&fork.state().work), None);
    assert_eq!(head(&store), id("s1.2"));
}

#[test]
fn an_earlier_session_that_is_gone_on_with_is_the_one_to_go_on_with() {
    let store = MemoryStore::new();
    let mut session = builder(&store, "s1").open().unwrap();
    say(&mut session, "the task");
    session.cycle(&cycle(), &EstimateTokens).unwrap();
    drop(session);

    let mut session = builder(&store, "s1").open().unwrap();
    let before = session.latest();
    session.save(CheckpointKind::Auto).unwrap();
    session.update(|work| work.next_steps.clear());
    session.save(CheckpointKind::Auto).unwrap();
    assert_eq!(session.latest(), before, "nothing is new");
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    assert_eq!(head(&store), id("s1.2"), "looking is not going on");

    let mut session = builder(&store, "s1").open().unwrap();
    session.push(Message::user("on with it")).unwrap();
    assert_eq!(head_of_open(&store), id("s1.2"), "nothing is saved");
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    assert_eq!(head(&store), id("s1"));

    let mut session = builder(&store, "s1").open().unwrap();
    session.cycle(&cycle(), &EstimateTokens).unwrap();
    drop(session);
    assert_eq!(head(&store), id("s1.3"), "and goes on anew");
}

/// As [`head`], while the first session is open.
fn head_of_open(store: &MemoryStore) -> SessionId {
    let found = builder(store, "s1").continued().unwrap();
    let refused = found.open().map(|session| session.session().clone());
    refused.unwrap_or_else(|_| id("s1"))
}

#[test]
fn a_session_that_has_anything_is_not_begun_in() {
    let store = MemoryStore::new();
    say(&mut builder(&store, "b").open().unwrap(), "somebody's");
    let mut session = builder(&store, "a").open().unwrap();
    say(&mut session, "the task");
    let before = session.latest();
    for taken in ["a", "b"] {
        let error = session.cycle_into(&id(taken), &cycle(), &EstimateTokens);
        assert!(error.unwrap_err().is_taken());
    }
    assert_eq!(session.latest(), before, "and nothing was saved for it");
}

#[test]
fn facts_that_were_given_stay_over_cycles_and_a_package_without_some_says_so() {
    let store = MemoryStore::new();
    let from = Link::new(id("before"), Timestamp::UNIX_EPOCH);
    let mut package = Package::new(from).with_objective("the task");
    package.facts = (0..300).map(|n| format!("fact {n}")).collect();
    package.facts[0] = "long ".repeat(4_000);
    package.requests = (0..300).map(|n| format!("request {n}")).collect();
    let given = (package.facts.clone(), package.requests.clone());
    let mut session = package.begin(builder(&store, "s1")).unwrap();
    for n in 0..3 {
        session
            .update(|work| (0..100).for_each(|m| work.next_steps.push(format!("{n}.{m}").into())));
        session.cycle(&cycle(), &EstimateTokens).unwrap();
    }
    let kept = Inherited::of(&session.state().work).unwrap();
    assert_eq!((kept.facts, kept.requests), given);
    assert_eq!(
        kept.left_out.get(&Piece::NextSteps),
        None,
        "they are all there"
    );
    assert_eq!(session.state().work.next_steps.len(), 300);

    let mut terms = Terms::new(Scenario::Planned);
    let package = session.hand_off(&terms).unwrap();
    let verdict = package.validate(&Receiver::new());
    let missing: Vec<String> = verdict.missing().map(ToString::to_string).collect();
    for piece in ["facts: 101 ", "requests: 100 ", "next_steps: 100 "] {
        assert!(missing.iter().any(|m| m.starts_with(piece)), "{missing:?}");
    }
    terms.bounds.entries = 300;
    terms.bounds.text_bytes = 20_000;
    let whole = session.hand_off(&terms).unwrap();
    let verdict = whole.validate(&Receiver::new());
    assert_eq!(verdict.missing().count(), 1, "{verdict}");
    assert_eq!(verdict.missing().next().unwrap().piece, Piece::Progress);
}

#[test]
fn a_window_for_the_brief_that_is_too_small_makes_no_empty_message() {
    let from = Link::new(id("before"), Timestamp::UNIX_EPOCH);
    let mut package = Package::new(from).with_objective("the task");
    package.recent = vec![Message::user("hello")];
    for tokens in 0..80 {
        let opening = package.opening_within(tokens, &EstimateTokens);
        let is_told = !package.brief_within(tokens, &EstimateTokens).is_empty();
        assert_eq!(opening.len(), 1 + usize::from(is_told), "{tokens}");
        assert!(opening.iter().all(|message| !message.content.is_empty()));
    }
}

#[derive(Serialize, Deserialize)]
struct Env(String);

impl Snapshot for Env {
    const KIND: &'static str = "env";
    const VERSION: u16 = 1;
}

#[test]
fn what_was_saved_without_masks_is_masked_in_the_session_that_goes_on() {
    let store = MemoryStore::new();
    let id = SessionId::new("plain").unwrap();
    let builder = || Checkpointer::builder(store.clone(), id.clone());
    let mut plain = builder().redaction(Redaction::off()).open().unwrap();
    plain.push(Message::user("the task")).unwrap();
    let token = "ghp_aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA1c4d";
    plain.put(&Env(token.into())).unwrap();
    plain.save(CheckpointKind::Manual).unwrap();
    drop(plain);
    let mut session = builder().open().unwrap();
    session.cycle(&cycle(), &EstimateTokens).unwrap();
    let next = session.session().clone();
    drop(session);
    assert_ne!(next, id);
    let fresh = Checkpointer::builder(store.clone(), next).open().unwrap();
    let Env(value) = fresh.component::<Env>().unwrap().unwrap();
    assert_eq!(value, "[redacted:github-token]");
}
