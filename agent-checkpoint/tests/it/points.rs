//! Labels, pins, filters and triggers of a session's checkpoints.

use std::sync::Arc;
use std::time::Duration;

use agent_checkpoint::{
    Checkpointer, MemoryStore, Message, Query, Retention, Store, Triggers, Why,
};
use agent_primitives::{
    AgentId, CheckpointId, CheckpointKind, Clock, Handoff, HandoffReason, ManualClock, Observer,
    ProviderId, SessionId, Stamp, Timestamp, TokenUsage,
};

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

fn say(session: &mut Checkpointer, text: &str) -> CheckpointId {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).unwrap()
}

fn ids(session: &Checkpointer, query: &Query) -> Vec<CheckpointId> {
    session.find(query).map(|c| c.id.clone()).collect()
}

#[test]
fn what_a_checkpoint_shows_is_the_same_after_reopening() {
    let store = MemoryStore::new();
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_700_000_000));
    let builder = || {
        Checkpointer::builder(store.clone(), id())
            .agent(AgentId::new("coder").unwrap())
            .clock(Arc::new(clock.clone()))
    };
    let mut session = builder().open().unwrap();
    say(&mut session, "one");
    say(&mut session, "two");
    // All that was written is somebody's, but for the segment's header.
    let sum: u64 = session.list().iter().map(|c| c.stored_bytes).sum();
    assert_eq!(session.figures().unwrap().stored_bytes - sum, 72);
    session.update(|work| work.next_steps.push("three".into()));
    let named = session.save_labelled("v1").unwrap();
    session.label(&named, "also this").unwrap();
    clock.advance(Duration::from_secs(1));
    let risky = session.before_risky("delete\nthe branch").unwrap();
    session.pin(&risky).unwrap();
    session.workflow_boundary("tests").unwrap().unwrap();
    say(&mut session, "after");
    let listed = session.list();
    drop(session);
    let session = builder().open().unwrap();
    assert_eq!(session.list(), listed);

    let [after, boundary, risky, named, second, first] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    assert_eq!(named.labels, ["also this", "v1"]);
    assert!(named.logical_bytes > 0 && risky.logical_bytes == 0);
    assert!(listed.iter().all(|c| c.stored_bytes > 40));
    assert!(
        first.stored_bytes > second.stored_bytes,
        "a flag costs less than a commit"
    );
    assert_eq!(
        (risky.why, risky.what.as_deref(), risky.pinned),
        (Some(Why::BeforeRisky), Some("delete the branch"), true)
    );
    assert_eq!(
        (boundary.why, boundary.kind, boundary.what.as_deref()),
        (Some(Why::Workflow), CheckpointKind::Workflow, Some("tests"))
    );
    assert_eq!(
        (after.why, after.what.as_deref()),
        (None, None),
        "a flag is no second boundary"
    );
    assert_eq!(
        risky.to_string(),
        format!(
            "{}  2023-11-14T22:13:21.000Z  auto        2 messages  by coder  before_risky \"delete \
             the branch\"  pinned",
            risky.id
        )
    );
}

#[test]
fn a_label_is_on_one_checkpoint_and_moves_when_told_to() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let one = say(&mut session, "one");
    let two = say(&mut session, "two");
    session.label(&one, "best").unwrap();
    session.label(&one, "best").unwrap();
    let before = session.figures().unwrap().stored_bytes;
    assert!(session.label(&two, "best").unwrap_err().is_taken());
    assert!(session.save_labelled("best").unwrap_err().is_taken());
    assert!(session.label(&two, "no\nline").is_err());
    assert!(session.save_labelled("").is_err());
    assert!(session.unlabel("worst").is_ok_and(|was| !was));
    assert_eq!(
        session.figures().unwrap().stored_bytes,
        before,
        "nothing was written"
    );
    session.move_label(&two, "best").unwrap();
    for session in [&session, &reopened(&store)] {
        assert_eq!(session.by_label("best").unwrap().id, two);
        assert!(session.checkpoint(one.as_str()).unwrap().labels.is_empty());
    }
    assert!(session.unlabel("best").unwrap());
    assert_eq!(session.by_label("best"), None);
    assert_eq!(reopened(&store).by_label("best"), None);
    session.label(&one, "best").unwrap();
    assert_eq!(session.by_label("best").unwrap().id, one);
}

/// The log as another process would read it.
fn reopened(store: &MemoryStore) -> Checkpointer {
    let copy = MemoryStore::with_id(store.id());
    let mut writer = copy.writer(&id()).unwrap();
    for segment in store.segments(&id()).unwrap() {
        let bytes = store.read(&id(), segment, usize::MAX).unwrap();
        writer.start(segment, &bytes).unwrap();
    }
    drop(writer);
    open(&copy)
}

#[test]
fn labels_and_pins_hold_a_checkpoint_until_they_are_taken_out() {
    let store = MemoryStore::new();
    let two = Retention::last(2.try_into().unwrap());
    let builder = || Checkpointer::builder(store.clone(), id()).retention(two);
    let mut session = builder().open().unwrap();
    let labelled = say(&mut session, "0");
    let pinned = say(&mut session, "1");
    session.label(&labelled, "base").unwrap();
    session.pin(&pinned).unwrap();
    for n in 2..100 {
        session.push(Message::user(format!("{n}"))).unwrap();
        session.save(CheckpointKind::Manual).unwrap();
    }
    session.prune().unwrap();
    drop(session);
    let mut session = builder().open().unwrap();
    let held = ids(&session, &Query::new().held());
    assert_eq!(held, [pinned.clone(), labelled.clone()]);
    assert_eq!(session.list().len(), 4);
    session.restore(&labelled).unwrap();
    assert_eq!(session.history(), [Message::user("0")]);
    session.unpin(&pinned).unwrap();
    assert!(
        session
            .checkpoint(pinned.as_str())
            .unwrap_err()
            .is_not_found()
    );
    assert!(session.pin(&pinned).unwrap_err().is_not_found());
    assert!(session.by_label("base").is_some());
}

#[test]
fn filters_give_what_meets_them_all_newest_first() {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(0));
    let store = MemoryStore::new();
    let mut all = Vec::new();
    for agent in ["a", "b"] {
        let mut session = Checkpointer::builder(store.clone(), id())
            .agent(AgentId::new(agent).unwrap())
            .clock(Arc::new(clock.clone()))
            .open()
            .unwrap();
        for kind in [CheckpointKind::Manual, CheckpointKind::Handoff] {
            clock.advance(Duration::from_secs(10));
            all.push(session.save(kind).unwrap());
        }
        session
            .label(all.last().unwrap(), &format!("end of {agent}"))
            .unwrap();
    }
    let session = open(&store);
    let at = |seconds| Timestamp::from_unix_seconds(seconds);
    let found = |query: Query| -> Vec<usize> {
        let ids = ids(&session, &query);
        ids.iter()
            .map(|id| all.iter().position(|i| i == id).unwrap())
            .collect()
    };
    assert_eq!(found(Query::new()), [3, 2, 1, 0]);
    assert_eq!(found(Query::new().kind(CheckpointKind::Handoff)), [3, 1]);
    let both = Query::new()
        .kind(CheckpointKind::Handoff)
        .kind(CheckpointKind::Manual);
    assert_eq!(found(both), [3, 2, 1, 0]);
    assert_eq!(
        found(Query::new().agent(AgentId::new("a").unwrap())),
        [1, 0]
    );
    assert_eq!(found(Query::new().label("*of b")), [3]);
    assert_eq!(found(Query::new().since(at(20)).until(at(30))), [2, 1]);
    assert_eq!(found(Query::new().before(all[2].clone()).limit(1)), [1]);
    assert_eq!(
        found(Query::new().held().kind(CheckpointKind::Manual)),
        [0_usize; 0]
    );
    let written = r#"{"kinds":["handoff"],"limit":1}"#;
    assert_eq!(found(serde_json::from_str(written).unwrap()), [3]);
    assert!(serde_json::from_str::<Query>(r#"{"kind":"handoff"}"#).is_err());
}

#[test]
fn the_beginning_of_an_id_is_enough_where_it_is_the_only_one() {
    let store = MemoryStore::new();
    let mut session = Checkpointer::builder(store, id())
        .retention(Retention::all())
        .open()
        .unwrap();
    for n in 0..12 {
        session.push(Message::user(format!("{n}"))).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    let listed = session.list();
    for checkpoint in &listed {
        let id = checkpoint.id.as_str();
        let (number, hash) = id.split_once('-').unwrap();
        assert_eq!(session.checkpoint(id).unwrap(), checkpoint);
        assert_eq!(
            session.checkpoint(number).unwrap(),
            checkpoint,
            "the whole number"
        );
        let most = format!("{number}-{}", &hash[..3]);
        assert_eq!(session.checkpoint(&most).unwrap(), checkpoint);
        let wrong = format!("{number}-x");
        assert!(session.checkpoint(&wrong).unwrap_err().is_not_found());
    }
    assert!(
        listed
            .iter()
            .all(|c| c.id.as_str() != "1" && !c.id.as_str().starts_with("0-"))
    );
    let ones = listed
        .iter()
        .filter(|c| c.id.as_str().starts_with('1'))
        .count();
    assert!(ones > 2);
    // 1 is a number of its own here; 1x are several.
    assert!(
        session
            .checkpoint("1")
            .unwrap()
            .id
            .as_str()
            .starts_with("1-")
    );
    assert!(session.checkpoint("0").unwrap_err().is_not_found());
    assert!(session.checkpoint("no id").is_err());
}

#[test]
fn a_beginning_that_several_ids_have_is_refused() {
    let mut session = open(&MemoryStore::new());
    // Numbers 20 and 21 without a 2 among them.
    for _ in 0..20 {
        session.push(Message::user("x")).unwrap();
    }
    session.save(CheckpointKind::Manual).unwrap();
    session.save(CheckpointKind::Manual).unwrap();
    assert!(session.checkpoint("2").unwrap_err().is_ambiguous());
    assert!(session.checkpoint("20").is_ok());
}

fn handoff(clock: &ManualClock, observer: &impl Observer) {
    let provider = |name| ProviderId::new(name).unwrap();
    let event = Handoff::automatic(provider("a"), provider("b"), HandoffReason::ALL[0]);
    observer.observe(Stamp::at(clock.timestamp()), &event.into());
}

#[test]
fn what_asks_within_the_pause_is_saved_once_when_it_ends() {
    let clock = ManualClock::default();
    let triggers: Triggers =
        serde_json::from_str(r#"{"pause":{"secs":10,"nanos":0},"bytes":1}"#).unwrap();
    let mut session = Checkpointer::builder(MemoryStore::new(), id())
        .clock(Arc::new(clock.clone()))
        .triggers(triggers)
        .open()
        .unwrap();
    session.push(Message::user("one")).unwrap();
    assert!(
        session.save_if_due().unwrap().is_some(),
        "nothing was before it"
    );
    session.push(Message::user("two")).unwrap();
    handoff(&clock, &session.signal());
    assert_eq!(session.save_if_due().unwrap(), None);
    assert_eq!(session.workflow_boundary("build").unwrap(), None);
    clock.advance(Duration::from_secs(9));
    assert_eq!(session.save_if_due().unwrap(), None);
    assert!(
        session.before_risky("push").is_ok(),
        "which waits for nothing"
    );
    clock.advance(Duration::from_secs(9));
    assert_eq!(
        session.save_if_due().unwrap(),
        None,
        "the pause is behind any save"
    );
    clock.advance(Duration::from_secs(1));
    assert!(session.save_if_due().unwrap().is_some());
    let newest = session.latest().unwrap();
    assert_eq!(
        (newest.why, newest.kind),
        (Some(Why::Handoff), CheckpointKind::Handoff)
    );
    clock.advance(Duration::from_secs(100));
    assert_eq!(
        session.save_if_due().unwrap(),
        None,
        "all were served by one save"
    );
    session.signal().ask();
    assert!(session.save_if_due().unwrap().is_some());
}

#[test]
fn usage_and_replies_are_counted_from_the_last_save() {
    let mut session = open(&MemoryStore::new());
    session.update(|work| work.usage = TokenUsage::new(99_999, 0));
    assert_eq!(session.save_if_due().unwrap(), None);
    session.update(|work| work.usage = TokenUsage::new(99_999, 1));
    assert!(session.save_if_due().unwrap().is_some());
    assert_eq!(session.latest().unwrap().why, Some(Why::Tokens));
    session.update(|work| work.usage = TokenUsage::new(150_000, 0));
    assert_eq!(session.save_if_due().unwrap(), None);
    for _ in 0..10 {
        assert_eq!(session.save_if_due().unwrap(), None);
        session.push(Message::assistant("reply")).unwrap();
    }
    assert!(session.save_if_due().unwrap().is_some());
    assert_eq!(session.latest().unwrap().why, Some(Why::Interactions));
}

#[test]
fn what_made_one_checkpoint_due_is_not_told_of_the_next() {
    let mut session = open(&MemoryStore::new());
    session.before_risky("once").unwrap();
    session.push(Message::user("x")).unwrap();
    session.save(CheckpointKind::Manual).unwrap();
    let why: Vec<_> = session.list().iter().map(|c| c.why).collect();
    assert_eq!(why, [None, Some(Why::BeforeRisky)]);
}
