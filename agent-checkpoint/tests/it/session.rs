//! What a session writes, lists, restores and cuts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_checkpoint::{
    Checkpointer, Durability, Error, MemoryStore, Message, Position, Retention, Ruling, Snapshot,
    Store, ToolCall, Work, Workflow,
};
use agent_primitives::{
    AgentId, CheckpointKind, Clock, Event, ManualClock, SessionId, Stamp, Timestamp, TokenUsage,
};
use serde::{Deserialize, Serialize};

use crate::on_the_way::{OnTheWay, Step, Through};

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), id()).open().unwrap()
}

fn auto(session: &mut Checkpointer) -> agent_primitives::CheckpointId {
    session.save(CheckpointKind::Auto).unwrap()
}

fn stored(session: &Checkpointer) -> u64 {
    session.figures().unwrap().stored_bytes
}

#[test]
fn everything_comes_back_as_it_was() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut odd = Message::assistant("tabs\tand \u{1f980} and \0");
    odd.tool_calls
        .push(ToolCall::new("c1", "run", "{\"a\" :  1.10}\n"));
    odd.extra.insert(
        "cache".into(),
        serde_json::json!({"f": 0.1, "big": u64::MAX, "tiny": 5e-324}),
    );
    session
        .push(odd.with_part(serde_json::json!({"type": "image", "data": "AAAA"})))
        .unwrap();
    session.push(Message::tool("c1", "ok")).unwrap();
    session.update(|work| {
        work.agents.insert(
            AgentId::new("coder").unwrap(),
            serde_json::json!({"mood": [1, null]}).into(),
        );
        work.workflow = Some(Workflow::new("release"));
        work.usage = TokenUsage::new(10, 5);
        work.extra
            .insert("of a later version".into(), serde_json::json!(7));
    });
    auto(&mut session);
    let state = session.state().clone();
    drop(session);
    assert_eq!(*open(&store).state(), state);
}

#[test]
fn a_message_costs_one_frame_and_no_commit() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user("x")).unwrap();
    auto(&mut session);
    let before = stored(&session);
    session.push(Message::user("y")).unwrap();
    auto(&mut session);
    let payload = r#"[0,{"role":"user","content":"y"}]"#.len() as u64;
    let age_digits = 4;
    assert!(stored(&session) - before <= 40 + payload + age_digits);
}

#[test]
fn a_save_costs_what_changed_whatever_there_is() {
    let cost_at = |messages: usize| {
        let mut session = open(&MemoryStore::new());
        for _ in 0..messages {
            session
                .push(Message::user("something that was said before"))
                .unwrap();
        }
        session.update(|work| work.next_steps.push("step".into()));
        session.save(CheckpointKind::Manual).unwrap();
        let before = stored(&session);
        session.push(Message::user("news")).unwrap();
        session.update(|work| work.usage = TokenUsage::new(1, 1));
        session.save(CheckpointKind::Manual).unwrap();
        stored(&session) - before
    };
    // Longer numbers are all that may be added.
    let (small, large) = (cost_at(10), cost_at(10_000));
    assert!(
        large <= small + 24,
        "{small} bytes after 10 messages, {large} after 10 000"
    );
}

#[test]
fn a_component_is_written_when_it_changed_and_not_again() {
    let mut session = open(&MemoryStore::new());
    let large = "word ".repeat(200);
    session.update(|work| work.next_steps = vec![large.clone().into()]);
    auto(&mut session);
    let logical = session.figures().unwrap().logical_bytes;
    session.update(|work| work.usage = TokenUsage::new(1, 1));
    auto(&mut session);
    let more = session.figures().unwrap().logical_bytes - logical;
    assert!(more < 150, "{more} bytes for a change of usage");
    session.update(|work| work.usage = TokenUsage::new(1, 1));
    let before = stored(&session);
    auto(&mut session);
    assert_eq!(
        stored(&session),
        before,
        "a change that changes nothing is not written"
    );
}

#[test]
fn a_component_that_was_emptied_stays_empty() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.update(|work| work.next_steps = vec!["a".into()]);
    auto(&mut session);
    session.update(|work| work.next_steps.clear());
    auto(&mut session);
    drop(session);
    assert_eq!(open(&store).state().work, Work::default());
}

#[test]
fn an_auto_save_without_news_writes_nothing_and_another_kind_does() {
    let mut session = open(&MemoryStore::new());
    session.push(Message::user("x")).unwrap();
    let first = auto(&mut session);
    let before = stored(&session);
    assert_eq!(auto(&mut session), first);
    assert_eq!(stored(&session), before);
    let manual = session.save(CheckpointKind::Manual).unwrap();
    assert_ne!(manual, first);
    assert_eq!(session.list().len(), 2);
}

#[test]
fn a_long_session_spans_segments_and_each_listed_checkpoint_restores_exactly() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut seed = 1_u64;
    let mut noise = || {
        let digits = std::iter::repeat_with(|| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            format!("{seed:016x}")
        });
        digits.take(4_000).collect::<String>()
    };
    for _ in 0..200 {
        session.push(Message::user(noise())).unwrap();
        auto(&mut session);
    }
    // Hex digits pack to a bit more than half of the 12.8 MB.
    assert_eq!(store.segments(&id()).unwrap().len(), 13);
    let history = session.history().to_vec();
    drop(session);
    let mut session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history(), history);
    let oldest = session.list().last().unwrap().clone();
    assert_eq!(oldest.messages, 191);
    session.restore(&oldest.id).unwrap();
    assert_eq!(session.history(), &history[..191]);
}

#[test]
fn a_restore_keeps_what_it_replaced_and_both_branches_come_back() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user("one")).unwrap();
    let first = auto(&mut session);
    session.push(Message::user("two")).unwrap();
    session.update(|work| work.next_steps.push("unsaved".into()));
    let replaced = session.state().clone();

    let backup = session.restore(&first).unwrap();
    assert_eq!(session.history(), [Message::user("one")]);
    assert!(session.state().work.next_steps.is_empty());
    session.push(Message::user("other")).unwrap();
    auto(&mut session);
    drop(session);

    let mut session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(
        session.history(),
        [Message::user("one"), Message::user("other")]
    );
    let listed = session.list();
    let kinds: Vec<_> = listed.iter().map(|checkpoint| checkpoint.kind).collect();
    let [auto, manual, backup_kind] = [
        CheckpointKind::Auto,
        CheckpointKind::Manual,
        CheckpointKind::PreRestore,
    ];
    assert_eq!(kinds, [auto, manual, backup_kind, auto]);
    assert_eq!(listed[1].restored, Some(first));
    session.restore(&backup).unwrap();
    assert_eq!(*session.state(), replaced);
}

#[test]
fn restoring_what_is_not_listed_changes_nothing() {
    let store = MemoryStore::new();
    let last = Retention::last(1.try_into().unwrap());
    let builder = || Checkpointer::builder(store.clone(), id()).retention(last);
    let mut session = builder().open().unwrap();
    session.push(Message::user("one")).unwrap();
    let first = auto(&mut session);
    session.push(Message::user("two")).unwrap();
    auto(&mut session);
    let before = stored(&session);
    assert!(session.restore(&first).unwrap_err().is_not_found());
    assert_eq!((session.history().len(), stored(&session)), (2, before));

    let plan = session.prune().unwrap();
    let keeps: Vec<_> = plan.rulings().iter().map(Ruling::keeps).collect();
    assert_eq!(keeps, [false, true]);
    drop(session);
    // Dropped is dropped, whatever the retention of the next opening.
    let session = Checkpointer::builder(store.clone(), id()).retention(Retention::all());
    let session = session.open().unwrap();
    assert_eq!(session.list().len(), 1);
    assert_eq!(session.history().len(), 2, "messages are never dropped");
}

#[test]
fn tombstones_keep_the_listing_short_in_a_long_session() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    for turn in 0..300 {
        session.push(Message::user(format!("{turn}"))).unwrap();
        auto(&mut session);
    }
    drop(session);
    let all = Checkpointer::builder(store, id())
        .retention(Retention::all())
        .open()
        .unwrap();
    let listed = all.list().len();
    assert!(
        (10..=10 + 32 + 65).contains(&listed),
        "{listed} still listed of 300"
    );
}

#[test]
fn a_cut_survives_and_the_history_keeps_everything() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    for text in ["task", "a", "b", "c"] {
        session.push(Message::user(text)).unwrap();
    }
    auto(&mut session);
    let before = stored(&session);
    session
        .cut_with_summary(3, &|_: &Message| 1, Message::assistant("a and b"))
        .unwrap();
    auto(&mut session);
    assert!(
        stored(&session) - before < 400,
        "a cut costs its ranges and the summary"
    );
    session.push(Message::user("d")).unwrap();
    auto(&mut session);
    session.push(Message::user("e")).unwrap();
    auto(&mut session);
    let texts = |messages: Vec<&Message>| -> Vec<String> {
        messages
            .into_iter()
            .map(|message| message.content.clone())
            .collect()
    };
    drop(session);

    let mut session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(texts(session.context()), ["task", "a and b", "c", "d", "e"]);
    assert_eq!(
        texts(session.history().iter().collect()),
        ["task", "a", "b", "c", "d", "e"]
    );
    session.push(Message::user("f")).unwrap();
    session.cut(3, &|_: &Message| 1).unwrap();
    auto(&mut session);
    drop(session);
    let session = open(&store);
    assert_eq!(texts(session.context()), ["task", "e", "f"]);
    assert_eq!(session.history().len(), 7);
}

#[test]
fn a_cut_that_cannot_fit_says_what_would_and_changes_nothing() {
    let mut session = open(&MemoryStore::new());
    for text in ["task", "a", "b"] {
        session.push(Message::user(text)).unwrap();
    }
    let error = session
        .cut_with_summary(2, &|_: &Message| 1, Message::user("s"))
        .unwrap_err();
    assert_eq!(error.needed(), Some(3));
    assert_eq!(session.context().len(), 3);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Board {
    open: Vec<String>,
}

impl Snapshot for Board {
    const KIND: &'static str = "board";
    const VERSION: u16 = 2;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct LaterBoard {
    lanes: u8,
}

impl Snapshot for LaterBoard {
    const KIND: &'static str = "board";
    const VERSION: u16 = 3;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Other(u8);

impl Snapshot for Other {
    const KIND: &'static str = "board";
    const VERSION: u16 = 2;
}

#[test]
fn a_hosts_own_type_comes_back_only_as_what_it_was() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    assert_eq!(session.component::<Board>().unwrap(), None);
    let board = Board {
        open: vec!["#1".into()],
    };
    session.put(&board).unwrap();
    auto(&mut session);
    drop(session);
    let mut session = open(&store);
    assert_eq!(session.component::<Board>().unwrap(), Some(board));
    assert!(session.component::<LaterBoard>().is_err());
    assert!(session.component::<Other>().is_err());
    session.put(&LaterBoard { lanes: 3 }).unwrap();
    auto(&mut session);
    assert!(session.component::<Board>().unwrap_err().is_newer());
}

#[test]
fn saves_and_restores_are_heard_with_figures_and_times() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&heard);
    let observer = Arc::new(move |stamp: Stamp<'_>, event: &Event| {
        let session = stamp.session.map(ToString::to_string);
        let agent = stamp.agent.map(ToString::to_string);
        listener
            .lock()
            .unwrap()
            .push((stamp.at, session, agent, event.clone()));
    });
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(100));
    let store = MemoryStore::new();
    let builder = || {
        Checkpointer::builder(store.clone(), id())
            .agent(AgentId::new("coder").unwrap())
            .clock(Arc::new(clock.clone()) as Arc<dyn Clock>)
            .observer(observer.clone())
    };
    let mut session = builder().open().unwrap();
    assert!(
        heard.lock().unwrap().is_empty(),
        "a new session was not restored"
    );
    session.push(Message::user("x")).unwrap();
    let first = auto(&mut session);
    clock.advance(Duration::from_millis(1_500));
    session.push(Message::user("y")).unwrap();
    auto(&mut session);
    session.restore(&first).unwrap();
    let times: Vec<_> = session
        .list()
        .iter()
        .rev()
        .map(|c| c.at.unix_millis())
        .collect();
    assert_eq!(
        times,
        [100_000, 101_500, 101_500, 101_500],
        "a flag keeps the time as well"
    );
    drop(session);
    drop(builder().open().unwrap());

    let heard = heard.lock().unwrap();
    let kinds: Vec<_> = heard
        .iter()
        .map(|(_, _, _, event)| match event {
            Event::CheckpointSaved(saved) => {
                assert!(saved.stored_bytes > 0);
                saved.kind.as_str()
            }
            Event::Restored(_) => "restored",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "auto",
            "auto",
            "pre_restore",
            "manual",
            "restored",
            "restored"
        ]
    );
    let (at, session, agent, event) = &heard[0];
    assert_eq!(*at, Timestamp::from_unix_seconds(100));
    assert_eq!(
        (session.as_deref(), agent.as_deref()),
        (Some("s"), Some("coder"))
    );
    let Event::CheckpointSaved(saved) = event else {
        panic!("{event:?}")
    };
    assert_eq!((&saved.checkpoint, saved.logical_bytes), (&first, 33));
}

/// A store that fails when told to.
#[derive(Debug, Clone)]
struct Shortage {
    inner: MemoryStore,
    /// Appends that succeed; without any there is no room for copies either.
    left: Arc<Mutex<usize>>,
    /// The next append poisons its writer for good.
    is_poison_next: Arc<Mutex<bool>>,
    is_poisoned: Arc<AtomicBool>,
    /// Bytes of the first segment that can be read.
    len: Arc<Mutex<usize>>,
}

impl Default for Shortage {
    fn default() -> Self {
        Self {
            inner: MemoryStore::new(),
            left: Arc::new(Mutex::new(usize::MAX)),
            is_poison_next: Arc::default(),
            is_poisoned: Arc::default(),
            len: Arc::new(Mutex::new(usize::MAX)),
        }
    }
}

type Failing = Through<Shortage>;

impl OnTheWay for Shortage {
    fn behind(&self) -> Result<impl Store, Error> {
        Ok(self.inner.clone())
    }

    fn before(&self, step: Step) -> Result<(), Error> {
        let mut left = self.left.lock().unwrap();
        match step {
            Step::Claim => self.is_poisoned.store(false, Ordering::Relaxed),
            Step::Append => {
                if std::mem::take(&mut *self.is_poison_next.lock().unwrap()) {
                    self.is_poisoned.store(true, Ordering::Relaxed);
                }
                if self.is_poisoned.load(Ordering::Relaxed) {
                    return Err(Error::poisoned());
                }
                if *left == 0 {
                    return Err(Error::disk_full("testing", "no room"));
                }
                *left -= 1;
            }
            Step::SetAside if *left == 0 => return Err(Error::disk_full("testing", "no room")),
            _ => {}
        }
        Ok(())
    }

    fn read(&self, segment: u32, mut bytes: Vec<u8>) -> Vec<u8> {
        if segment == 1 {
            bytes.truncate(*self.len.lock().unwrap());
        }
        bytes
    }
}

#[test]
fn a_save_that_failed_is_made_good_by_the_next() {
    let store = Failing::default();
    let left = Arc::clone(&store.left);
    let mut session = Checkpointer::builder(store.clone(), id()).open().unwrap();
    session.push(Message::user("one")).unwrap();
    let first = auto(&mut session);

    *left.lock().unwrap() = 0;
    session.push(Message::user("two")).unwrap();
    session.update(|work| work.next_steps.push("go on".into()));
    let refused = session.save(CheckpointKind::Auto).unwrap_err();
    assert!(
        refused.is_disk_full() && refused.is_unavailable(),
        "{refused}"
    );
    assert_eq!(session.unsaved(), [Message::user("two")]);
    assert_eq!(session.latest().unwrap().id, first);

    // Room for the backup and not for the restore itself: the state stays.
    *left.lock().unwrap() = 1;
    let state = session.state().clone();
    assert!(session.restore(&first).unwrap_err().is_disk_full());
    assert_eq!(*session.state(), state);

    *left.lock().unwrap() = usize::MAX;
    session.push(Message::user("three")).unwrap();
    auto(&mut session);
    let state = session.state().clone();
    drop(session);
    let session = Checkpointer::builder(store, id()).open().unwrap();
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(*session.state(), state);
    assert_eq!(session.history().len(), 3);
}

#[test]
fn a_synced_save_without_news_still_syncs_what_was_buffered() {
    let store = Failing::default();
    let left = Arc::clone(&store.left);
    let mut session = Checkpointer::builder(store, id()).open().unwrap();
    session.push(Message::user("one")).unwrap();
    let buffered = session
        .save_with(CheckpointKind::Auto, Durability::Buffered)
        .unwrap();
    *left.lock().unwrap() = 0;
    assert_eq!(
        session
            .save_with(CheckpointKind::Auto, Durability::Buffered)
            .unwrap(),
        buffered
    );
    assert!(
        session
            .save(CheckpointKind::Auto)
            .unwrap_err()
            .is_disk_full(),
        "it asks the store"
    );
    *left.lock().unwrap() = 1;
    assert_eq!(auto(&mut session), buffered);
    assert_eq!(
        auto(&mut session),
        buffered,
        "once synced there is nothing to ask"
    );
}

#[test]
fn a_message_beyond_the_limit_is_refused_and_the_session_goes_on() {
    let mut session = open(&MemoryStore::new());
    let refused = session
        .push(Message::user("x".repeat(64 << 20)))
        .unwrap_err();
    assert!(refused.is_too_large(), "{refused}");
    assert!(session.history().is_empty());
}

#[test]
fn many_messages_in_one_save_are_parted_into_frames_and_come_back() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let long = "0123456789".repeat(1_000);
    for turn in 0..250 {
        session
            .push(Message::user(format!("{turn}{long}")))
            .unwrap();
    }
    auto(&mut session);
    let history = session.history().to_vec();
    drop(session);
    let session = open(&store);
    assert_eq!(session.report().frames, 11, "ten of items, and the commit");
    assert_eq!(session.history(), history);
}

/// Text that hardly packs.
fn noise(seed: u64, len: usize) -> String {
    let mut word = seed;
    let letters = std::iter::repeat_with(|| {
        word = word
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + u8::try_from(word >> 58).unwrap())
    });
    letters.take(len).collect()
}

#[test]
fn a_batch_longer_than_a_segment_lies_in_several() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user("task")).unwrap();
    auto(&mut session);
    for seed in 0..6 {
        session.push(Message::user(noise(seed, 128 << 10))).unwrap();
    }
    auto(&mut session);
    let segments = store.segments(&id()).unwrap();
    assert_eq!(segments, [1, 2]);
    for segment in segments {
        assert!(store.read(&id(), segment, usize::MAX).unwrap().len() <= 512 << 10);
    }
    let history = session.history().to_vec();
    drop(session);
    let session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history(), history);
}

#[test]
fn a_batch_that_stopped_between_segments_is_written_again_whole() {
    let store = Failing::default();
    let left = Arc::clone(&store.left);
    let mut session = Checkpointer::builder(store.clone(), id()).open().unwrap();
    session.push(Message::user("task")).unwrap();
    auto(&mut session);
    for seed in 0..6 {
        session.push(Message::user(noise(seed, 128 << 10))).unwrap();
    }
    *left.lock().unwrap() = 1;
    assert!(
        session
            .save(CheckpointKind::Auto)
            .unwrap_err()
            .is_disk_full()
    );
    assert_eq!(session.unsaved().len(), 6);
    *left.lock().unwrap() = usize::MAX;
    auto(&mut session);
    session.push(Message::user("on")).unwrap();
    auto(&mut session);
    let history = session.history().to_vec();
    drop(session);
    let session = open(&store.inner);
    assert_eq!(session.history(), history);
    assert_eq!(session.report().lost_bytes, 0);
    assert_eq!(session.report().uncommitted, 0, "none behind the newest");
}

#[test]
fn a_context_in_more_pieces_than_a_save_records_is_not_made() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.push(Message::user("task")).unwrap();
    for _ in 0..33_000 {
        session.push(Message::assistant("")).unwrap();
        session.push(Message::system("")).unwrap();
    }
    let refused = session.cut(33_100, &|_: &Message| 1).unwrap_err();
    assert_eq!(refused.needed(), Some(u64::MAX));
    assert_eq!(session.context().len(), 66_001);
    auto(&mut session);
    let session = {
        drop(session);
        open(&store)
    };
    assert_eq!(session.history().len(), 66_001);
}

#[test]
fn what_comes_during_a_save_asks_for_the_next() {
    use agent_primitives::{ContextPressure, Observer};

    /// Hears pressure in the middle of a save.
    struct During(Mutex<Option<agent_checkpoint::Signal>>);
    impl Observer for During {
        fn observe(&self, stamp: Stamp<'_>, _: &Event) {
            if let Some(signal) = self.0.lock().unwrap().take() {
                signal.observe(stamp, &ContextPressure::new(9, 10).into());
            }
        }
    }
    let during = Arc::new(During(Mutex::new(None)));
    let mut session = Checkpointer::builder(MemoryStore::new(), id())
        .observer(Arc::clone(&during))
        .open()
        .unwrap();
    let signal = session.signal();
    *during.0.lock().unwrap() = Some(signal.clone());
    signal.observe(
        Stamp::at(Timestamp::UNIX_EPOCH),
        &ContextPressure::new(9, 10).into(),
    );
    session.push(Message::user("x")).unwrap();
    assert!(session.save_if_due().unwrap().is_some());
    assert_eq!(signal.asked(), Some(CheckpointKind::Auto));
    session.save_if_due().unwrap();
    assert_eq!(signal.asked(), None);
}

#[test]
fn a_torn_log_opens_on_a_full_disk_and_is_mended_by_the_first_save() {
    let store = Failing::default();
    let left = Arc::clone(&store.left);
    let builder = || Checkpointer::builder(store.clone(), id());
    let mut session = builder().open().unwrap();
    session.push(Message::user("one")).unwrap();
    auto(&mut session);
    drop(session);
    let whole = store.read(&id(), 1, usize::MAX).unwrap();
    let end = Position {
        segment: 1,
        offset: u64::try_from(whole.len()).unwrap(),
    };
    let mut writer = store.inner.writer(&id()).unwrap();
    writer.resume(end).unwrap();
    writer.append(end, b"torn", Durability::Synced).unwrap();
    drop(writer);

    *left.lock().unwrap() = 0;
    let mut session = builder().open().unwrap();
    assert_eq!(session.history().len(), 1);
    let report = session.report().clone();
    assert!(!report.is_clean());
    assert_eq!((report.lost_bytes, report.unmended_bytes), (0, 4));
    session.push(Message::user("two")).unwrap();
    assert!(
        session
            .save(CheckpointKind::Auto)
            .unwrap_err()
            .is_disk_full()
    );
    let torn = store.read(&id(), 1, usize::MAX).unwrap();
    assert_eq!(torn, [&whole[..], b"torn"].concat());
    *left.lock().unwrap() = usize::MAX;
    auto(&mut session);
    let report = session.report().clone();
    assert_eq!((report.lost_bytes, report.unmended_bytes), (4, 0));
    drop(session);
    let session = builder().open().unwrap();
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history().len(), 2);
}

#[test]
fn reopening_after_a_failed_sync_keeps_all_that_is_in_memory() {
    let store = Failing::default();
    let mut session = Checkpointer::builder(store.clone(), id()).open().unwrap();
    for text in ["task", "one", "two", "three"] {
        session.push(Message::user(text)).unwrap();
    }
    auto(&mut session);
    let early = store.read(&id(), 1, usize::MAX).unwrap();
    session
        .cut_with_summary(3, &|_: &Message| 1, Message::assistant("so far"))
        .unwrap();
    session.push(Message::user("four")).unwrap();
    auto(&mut session);
    *store.is_poison_next.lock().unwrap() = true;
    session.push(Message::user("five")).unwrap();
    session.update(|work| work.next_steps.push("on".into()));
    for _ in 0..2 {
        let refused = session.save(CheckpointKind::Auto).unwrap_err();
        assert!(refused.is_poisoned(), "{refused}");
    }
    // The device lost what came after the first save.
    *store.len.lock().unwrap() = early.len();
    session.reopen().unwrap();
    let state = session.state().clone();
    let context: Vec<Message> = session.context().into_iter().cloned().collect();
    assert_eq!(
        session.unsaved().len(),
        2,
        "two messages are not in the log"
    );
    session.push(Message::user("six")).unwrap();
    auto(&mut session);
    drop(session);
    let session = Checkpointer::builder(store, id()).open().unwrap();
    assert_eq!(session.history()[..6], state.conversation);
    assert_eq!(session.state().work, state.work);
    let again: Vec<Message> = session.context().into_iter().cloned().collect();
    assert_eq!(again[..context.len()], context);
    assert_eq!(again.len(), context.len() + 1);
}
