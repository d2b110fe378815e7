//! Whatever happens to the bytes: what was saved before the damage comes back, and never anything else.

use std::sync::Arc;

use agent_checkpoint::{
    Checkpointer, MemoryStore, Message, Report, SessionState, Store, StoreId, ToolCall,
};
use agent_primitives::{
    AgentId, CheckpointId, CheckpointKind, Clock, ManualClock, SessionId, Timestamp,
};

const STORE: StoreId = StoreId::from_bytes([0x11; 16]);

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::starting_at(Timestamp::from_unix_seconds(
        1_000,
    )))
}

fn open(store: &MemoryStore) -> Checkpointer {
    Checkpointer::builder(store.clone(), id())
        .clock(clock())
        .open()
        .unwrap()
}

/// A log, and what each save made of it.
struct Saved {
    bytes: Vec<u8>,
    /// Length of the log, state and checkpoint after each save.
    steps: Vec<(usize, SessionState, CheckpointId)>,
}

/// The number in a checkpoint's id: ascends from save to save.
fn number(id: Option<&CheckpointId>) -> Option<u64> {
    let (number, _) = id?.as_str().split_once('-')?;
    number.parse().ok()
}

impl Saved {
    /// How many saves lie wholly in the first `len` bytes.
    fn within(&self, len: usize) -> usize {
        self.steps.iter().filter(|(end, ..)| *end <= len).count()
    }

    fn state(&self, saves: usize) -> SessionState {
        let last = saves.checked_sub(1).map(|last| self.steps[last].1.clone());
        last.unwrap_or_default()
    }
}

/// A session with every kind of frame: flagged and plain items, a long one that is packed, snapshots,
/// commits, a cut, a restore, a tombstone.
fn saved() -> Saved {
    let store = MemoryStore::with_id(STORE);
    let mut session = open(&store);
    let mut saved = Saved {
        bytes: Vec::new(),
        steps: Vec::new(),
    };
    let mut step = |session: &mut Checkpointer| {
        let id = session.save(CheckpointKind::Auto).unwrap();
        saved.bytes = store.read(session.session(), 1, usize::MAX).unwrap();
        saved
            .steps
            .push((saved.bytes.len(), session.state().clone(), id.clone()));
        id
    };
    session.push(Message::system("be brief")).unwrap();
    session.push(Message::user("go")).unwrap();
    let first = step(&mut session);
    let call = ToolCall::new("c", "ls", "{ }");
    session
        .push(Message::assistant("").with_tool_call(call))
        .unwrap();
    step(&mut session);
    session.push(Message::tool("c", "src ".repeat(40))).unwrap();
    session.update(|work| work.next_steps.push("read".into()));
    step(&mut session);
    session.push(Message::assistant("done")).unwrap();
    session.cut(4, &|_: &Message| 1).unwrap();
    step(&mut session);
    session.restore(&first).unwrap();
    session.prune().unwrap();
    session.push(Message::assistant("other")).unwrap();
    step(&mut session);
    saved
}

/// A store whose first segment holds `bytes`.
fn store_of(bytes: &[u8]) -> MemoryStore {
    let store = MemoryStore::with_id(STORE);
    store.writer(&id()).unwrap().start(1, bytes).unwrap();
    store
}

/// What opening these bytes gives; then a session that goes on from there must be sound.
fn recover(bytes: &[u8]) -> (SessionState, Report) {
    let store = store_of(bytes);
    let mut session = open(&store);
    let found = (session.state().clone(), session.report().clone());
    session.push(Message::user("and on")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    session.push(Message::user("and on")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    let state = session.state().clone();
    drop(session);
    let again = open(&store);
    assert_eq!(
        *again.state(),
        state,
        "what was saved after a recovery comes back"
    );
    found
}

#[test]
fn a_log_cut_at_any_byte_gives_the_last_whole_save() {
    let saved = saved();
    for len in 0..=saved.bytes.len() {
        let (state, report) = recover(&saved.bytes[..len]);
        let before = saved.within(len);
        // The restore made two checkpoints between the last two steps, of states seen before.
        let between = len > saved.steps[3].0 && before == 4;
        if between {
            let known = [saved.state(4), saved.state(1)];
            assert!(known.contains(&state), "cut at {len}");
        } else {
            assert_eq!(state, saved.state(before), "cut at {len}");
        }
        if report.is_clean() {
            assert_eq!(report.lost_bytes, 0);
        } else {
            let copies: u64 = report.quarantined.iter().map(|copy| copy.len).sum();
            assert_eq!(report.lost_bytes, copies, "cut at {len}");
        }
        if before == 5 {
            assert!(report.is_clean(), "{report}");
        }
    }
}

#[test]
fn any_flipped_bit_costs_at_most_what_follows_it_and_never_gives_wrong_content() {
    let saved = saved();
    let states: Vec<_> = (0..=saved.steps.len())
        .map(|saves| saved.state(saves))
        .collect();
    // Every bit of the first three saves, which hold items, flags, a snapshot and commits; then one of each byte.
    let thorough = saved.steps[2].0 * 8;
    let one_of_each = (saved.steps[2].0..saved.bytes.len()).map(|byte| byte * 8 + byte % 8);
    for bit in (0..thorough).chain(one_of_each) {
        let mut bytes = saved.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let store = store_of(&bytes);
        let session = open(&store);
        assert!(
            states.contains(session.state()),
            "bit {bit} gave content that was never saved"
        );
        let before = saved
            .within(bit / 8)
            .checked_sub(1)
            .map(|last| &saved.steps[last].2);
        let head = session.report().head.as_ref();
        assert!(
            number(head) >= number(before),
            "bit {bit} lost a save that lies before it"
        );
        assert!(!session.report().is_clean(), "bit {bit} went unnoticed");
    }
}

#[test]
fn a_flipped_bit_in_the_segment_header_loses_nothing() {
    let saved = saved();
    for bit in 0..72 * 8 {
        let mut bytes = saved.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (state, report) = recover(&bytes);
        assert_eq!(state, saved.state(5), "bit {bit}");
        assert_eq!(report.damaged_headers, [1]);
    }
}

#[test]
fn a_damaged_middle_leaves_the_checkpoints_before_it_and_says_which_are_gone() {
    let saved = saved();
    let mut bytes = saved.bytes.clone();
    // The second save is one frame: its message is lost, and with it all that builds on it.
    let (from, to) = (saved.steps[0].0, saved.steps[1].0);
    bytes[from + 36] ^= 0x40;
    let store = store_of(&bytes);
    let mut session = open(&store);
    let report = session.report().clone();
    assert_eq!(report.lost_bytes, u64::try_from(to - from).unwrap());
    let lost: Vec<u64> = report.missing.iter().cloned().flatten().collect();
    assert_eq!(lost, [3]);
    assert_eq!(
        report.degraded.len(),
        3,
        "two saves and the state before the restore"
    );
    // The restore went back behind the damage, so what followed it is whole.
    assert_eq!(*session.state(), saved.state(5));
    // What is degraded is not offered.
    let degraded = report.degraded[0].clone();
    assert!(session.restore(&degraded).unwrap_err().is_not_found());
    // The damaged bytes are where they were, and kept aside.
    drop(session);
    assert_eq!(store.read(&id(), 1, usize::MAX).unwrap(), bytes);
}

#[test]
fn garbage_behind_the_log_is_kept_aside_and_recovering_twice_is_recovering_once() {
    let saved = saved();
    let mut bytes = saved.bytes.clone();
    bytes.extend_from_slice(&[0, 0, 0, 9, 9, 9, 0, 0]);
    let store = store_of(&bytes);
    let session = open(&store);
    assert_eq!(session.report().lost_bytes, 6);
    assert_eq!(*session.state(), saved.state(5));
    drop(session);
    assert_eq!(store.read(&id(), 1, usize::MAX).unwrap(), saved.bytes);
    let session = open(&store);
    assert!(session.report().is_clean(), "{}", session.report());
}

#[test]
fn frames_left_from_before_a_later_write_are_not_taken_for_new_ones() {
    let saved = saved();
    // The frames of the second save once more behind the last: right in all but their numbers.
    let (from, to) = (saved.steps[0].0, saved.steps[1].0);
    let bytes = [&saved.bytes[..], &saved.bytes[from..to]].concat();
    let (state, report) = recover(&bytes);
    assert_eq!(state, saved.state(5));
    assert_eq!(report.quarantined.len(), 1);
    assert_eq!(
        report.quarantined[0].reason,
        "a frame from before a later write"
    );
}

#[test]
fn a_log_of_another_store_or_session_is_refused_and_left_alone() {
    let saved = saved();
    let elsewhere = MemoryStore::with_id(StoreId::from_bytes([0x22; 16]));
    elsewhere
        .writer(&id())
        .unwrap()
        .start(1, &saved.bytes)
        .unwrap();
    let refused = Checkpointer::builder(elsewhere.clone(), id())
        .open()
        .unwrap_err();
    assert!(refused.is_foreign(), "{refused}");
    assert_eq!(elsewhere.read(&id(), 1, usize::MAX).unwrap(), saved.bytes);
}

#[test]
fn arbitrary_bytes_are_an_empty_session() {
    let agent = AgentId::new("coder").unwrap();
    let mut seed = 7_u64;
    for len in [0, 1, 39, 72, 73, 1_000] {
        let noise = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        });
        let bytes: Vec<u8> = noise.take(len).collect();
        let store = store_of(&bytes);
        let builder = Checkpointer::builder(store, id()).agent(agent.clone());
        let session = builder.open().unwrap();
        assert_eq!(*session.state(), SessionState::default());
        assert_eq!(session.report().head, None);
    }
}
