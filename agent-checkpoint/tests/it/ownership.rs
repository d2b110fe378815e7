//! One writer to a session: leases, takeovers, and writers who come too late, on every store.

use std::sync::Arc;
use std::time::Duration;

use agent_checkpoint::{
    Checkpointer, Claim, Durability, Error, MemoryStore, Message, Mirrored, Position, Store,
    TakeOver, Writer,
};
use agent_primitives::{CheckpointKind, ManualClock, SessionId, Timestamp};

fn id(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn at(segment: u32, offset: u64) -> Position {
    Position { segment, offset }
}

/// A claim at so many seconds, with a lease of ten.
fn claim(seconds: i64) -> Claim {
    Claim::at(Timestamp::from_unix_seconds(seconds)).lease(Duration::from_secs(10))
}

fn written(store: &dyn Store, session: &SessionId, segment: u32) -> Vec<u8> {
    let mut bytes = store.read(session, segment, usize::MAX).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0);
    bytes.truncate(end.map_or(0, |last| last + 1));
    bytes
}

/// A store and a way to open sessions in it under one clock.
#[derive(Clone)]
struct World<S> {
    store: S,
    clock: Arc<ManualClock>,
}

impl<S: Store + Clone + 'static> World<S> {
    fn open(&self, name: &str, how: Option<TakeOver>) -> Result<Checkpointer, Error> {
        let builder = Checkpointer::builder(self.store.clone(), id(name))
            .clock(Arc::clone(&self.clock))
            .lease(Duration::from_secs(10));
        match how {
            Some(how) => builder.take_over(how).open(),
            None => builder.open(),
        }
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn say(session: &mut Checkpointer, text: &str) -> Result<(), Error> {
    session.push(Message::user(text)).unwrap();
    session.save(CheckpointKind::Auto).map(|_| ())
}

fn texts(session: &Checkpointer) -> Vec<&str> {
    let history = session.history();
    history.iter().map(|m| m.content.as_str()).collect()
}

fn each_tenure_has_a_greater_epoch(store: &dyn Store) {
    let session = id("epochs");
    for expected in 1..=3 {
        let writer = store.claim(&session, &claim(0)).unwrap();
        assert_eq!(writer.tenure().epoch, expected);
        assert!(!writer.tenure().is_takeover);
    }
    let held = store.claim(&session, &claim(0)).unwrap();
    let force = claim(0).take_over(TakeOver::Force);
    let taken = store.claim(&session, &force).unwrap();
    assert_eq!((held.tenure().epoch, taken.tenure().epoch), (4, 5));
    assert!(taken.tenure().is_takeover);
}

fn a_refusal_tells_who_holds_the_session_and_until_when(store: &dyn Store) {
    let session = id("who");
    let first = store.claim(&session, &claim(100)).unwrap();
    let epoch = first.tenure().epoch;
    let refused = store.claim(&session, &claim(200)).unwrap_err();
    assert!(refused.is_locked());
    let owner = refused.owner().unwrap();
    assert_eq!((owner.epoch, owner.process), (epoch, std::process::id()));
    assert_eq!(owner.renewed, Timestamp::from_unix_seconds(100));
    assert_eq!(owner.expires, Timestamp::from_unix_seconds(110));
    let said = refused.to_string();
    assert!(
        said.contains("lease until 1970-01-01T00:01:50.000Z"),
        "{said}"
    );
    assert!(
        said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
}

fn a_lease_that_runs_is_respected_and_renewing_extends_it(store: &dyn Store) {
    let session = id("lease");
    let mut first = store.claim(&session, &claim(100)).unwrap();
    let ask = |seconds| store.claim(&session, &claim(seconds).take_over(TakeOver::Expired));
    assert!(ask(109).unwrap_err().is_locked());
    first.renew(Timestamp::from_unix_seconds(105)).unwrap();
    assert!(ask(114).unwrap_err().is_locked());
    // A clock that stepped back makes the lease look longer.
    assert!(ask(-9_999).unwrap_err().is_locked());
    assert!(store.claim(&session, &claim(115)).unwrap_err().is_locked());
    assert!(ask(115).is_ok());
    assert!(
        first
            .renew(Timestamp::from_unix_seconds(116))
            .unwrap_err()
            .is_fenced()
    );
}

fn a_fenced_writer_changes_nothing(store: &dyn Store) {
    let session = id("fenced");
    let mut stale = store.claim(&session, &claim(0)).unwrap();
    stale.start(1, b"head").unwrap();
    stale.append(at(1, 4), b"one", Durability::Synced).unwrap();
    let force = claim(0).take_over(TakeOver::Force);
    let mut owner = store.claim(&session, &force).unwrap();

    let is_fenced = |refused: Result<(), Error>| {
        let error = refused.unwrap_err();
        assert!(error.is_fenced() && !error.is_poisoned(), "{error}");
        assert_eq!(error.owner().map(|owner| owner.epoch), Some(2));
    };
    for durability in [Durability::Buffered, Durability::Synced] {
        is_fenced(stale.append(at(1, 7), b"two", durability));
        is_fenced(stale.append(at(1, 7), b"", durability));
    }
    is_fenced(stale.start(2, b"more"));
    is_fenced(stale.resume(at(1, 7)));
    is_fenced(stale.cut(at(1, 4)));
    is_fenced(stale.set_aside(at(1, 4), b"bad").map(|_| ()));
    is_fenced(stale.outrank(9));
    is_fenced(stale.renew(Timestamp::from_unix_seconds(0)));
    owner.start(2, b"mine").unwrap();
    drop(stale);
    assert_eq!(written(store, &session, 1), b"headone");
    assert_eq!(written(store, &session, 2), b"mine");
    assert!(store.claim(&session, &claim(0)).unwrap_err().is_locked());
    assert!(store.remove(&session).unwrap_err().is_locked());
    owner.append(at(2, 4), b"!", Durability::Synced).unwrap();
}

fn a_takeover_that_ends_before_it_began_a_segment_is_carried_on(store: &dyn Store) {
    let session = id("unfinished");
    let mut stale = store.claim(&session, &claim(0)).unwrap();
    stale.start(1, b"head").unwrap();
    let force = claim(0).take_over(TakeOver::Force);
    drop(store.claim(&session, &force).unwrap());
    // The stale writer may still have a write under way.
    let mut next = store.claim(&session, &claim(0)).unwrap();
    assert!(next.tenure().is_takeover);
    next.start(2, b"mine").unwrap();
    drop(next);
    assert!(
        !store
            .claim(&session, &claim(0))
            .unwrap()
            .tenure()
            .is_takeover
    );
    assert!(
        stale
            .append(at(1, 4), b"x", Durability::Buffered)
            .unwrap_err()
            .is_fenced()
    );
}

fn an_epoch_is_raised_above_what_the_log_knows(store: &dyn Store) {
    let session = id("outrank");
    let mut writer = store.claim(&session, &claim(0)).unwrap();
    writer.outrank(40).unwrap();
    assert_eq!(writer.tenure().epoch, 41);
    writer.outrank(7).unwrap();
    assert_eq!(writer.tenure().epoch, 41);
    drop(writer);
    assert_eq!(store.claim(&session, &claim(0)).unwrap().tenure().epoch, 42);
}

fn of_many_who_take_over_at_once_one_writes(store: &(impl Store + Clone + 'static)) {
    let session = id("race");
    let mut first = store.claim(&session, &claim(0)).unwrap();
    first.start(1, b"head").unwrap();
    let start = std::sync::Barrier::new(8);
    let mut writers: Vec<Box<dyn Writer>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    store.claim(&session, &claim(60).take_over(TakeOver::Expired))
                })
            })
            .collect();
        let claimed = threads.into_iter().map(|thread| thread.join().unwrap());
        claimed
            .filter_map(|claimed| match claimed {
                Ok(writer) => Some(writer),
                Err(error) => {
                    assert!(error.is_locked(), "{error}");
                    None
                }
            })
            .collect()
    });
    assert_eq!(writers.len(), 1);
    assert!(
        first
            .append(at(1, 4), b"x", Durability::Buffered)
            .unwrap_err()
            .is_fenced()
    );
    writers[0].start(2, b"mine").unwrap();
}

fn what_was_acknowledged_survives_a_takeover<S: Store + Clone + 'static>(world: &World<S>) {
    let mut stale = world.open("life", None).unwrap();
    let first = stale.epoch();
    say(&mut stale, "one").unwrap();
    say(&mut stale, "two").unwrap();
    assert!(world.open("life", None).unwrap_err().is_locked());
    let early = world.open("life", Some(TakeOver::Expired)).unwrap_err();
    assert!(early.is_locked(), "{early}");
    world.wait(10);
    let mut owner = world.open("life", Some(TakeOver::Expired)).unwrap();
    assert_eq!(texts(&owner), ["one", "two"]);
    assert!(owner.report().is_clean(), "{}", owner.report());
    say(&mut owner, "three").unwrap();

    for _ in 0..2 {
        let error = say(&mut stale, "too late").unwrap_err();
        assert!(error.is_fenced(), "{error}");
        assert_eq!(error.owner().map(|owner| owner.epoch), Some(owner.epoch()));
    }
    assert_eq!(stale.unsaved().len(), 2, "memory stays");
    assert!(stale.renew().unwrap_err().is_fenced());
    assert!(stale.reopen().unwrap_err().is_fenced());
    drop(stale);
    say(&mut owner, "four").unwrap();
    drop(owner);
    let session = world.open("life", None).unwrap();
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(texts(&session), ["one", "two", "three", "four"]);
    assert_eq!(session.epoch(), first + 2);
}

fn saves_keep_the_lease_alive_and_so_does_renewing<S: Store + Clone + 'static>(world: &World<S>) {
    let mut session = world.open("alive", None).unwrap();
    for turn in 0..5 {
        world.wait(6);
        if turn % 2 == 0 {
            say(&mut session, "on").unwrap();
        } else {
            session.renew().unwrap();
        }
        let refused = world.open("alive", Some(TakeOver::Expired)).unwrap_err();
        assert!(refused.is_locked(), "turn {turn}: {refused}");
    }
    world.wait(10);
    assert!(world.open("alive", Some(TakeOver::Expired)).is_ok());
}

fn a_session_can_be_taken_back_with_what_is_in_memory<S: Store + Clone + 'static>(
    world: &World<S>,
) {
    let mut first = world.open("back", None).unwrap();
    say(&mut first, "one").unwrap();
    let mut second = world.open("back", Some(TakeOver::Force)).unwrap();
    say(&mut second, "two").unwrap();
    let theirs = second.latest().unwrap().id;
    assert!(say(&mut first, "mine").unwrap_err().is_fenced());
    assert!(first.take_over(TakeOver::Expired).unwrap_err().is_locked());
    assert!(first.save(CheckpointKind::Manual).unwrap_err().is_fenced());
    first.take_over(TakeOver::Force).unwrap();
    assert_eq!(texts(&first), ["one", "mine"]);
    first.save(CheckpointKind::Auto).unwrap();
    assert!(say(&mut second, "three").unwrap_err().is_fenced());
    drop(second);
    drop(first);
    let mut session = world.open("back", None).unwrap();
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(texts(&session), ["one", "mine"]);
    session.restore(&theirs).unwrap();
    assert_eq!(
        texts(&session),
        ["one", "two"],
        "nothing acknowledged is lost"
    );
}

fn a_session_that_was_never_written_can_be_taken_over<S: Store + Clone + 'static>(
    world: &World<S>,
) {
    let mut stale = world.open("empty", None).unwrap();
    let mut owner = world.open("empty", Some(TakeOver::Force)).unwrap();
    assert!(say(&mut stale, "late").unwrap_err().is_fenced());
    say(&mut owner, "one").unwrap();
    drop(owner);
    assert_eq!(texts(&world.open("empty", None).unwrap()), ["one"]);
}

fn nobody_is_asked_twice<S: Store + Clone + 'static>(world: &World<S>) {
    let mut owner = world.open("twice", Some(TakeOver::Force)).unwrap();
    let _newer = world.open("twice", Some(TakeOver::Force)).unwrap();
    assert!(owner.reopen().unwrap_err().is_fenced());
}

fn suite<S: Store + Clone + 'static>(store: S) {
    each_tenure_has_a_greater_epoch(&store);
    a_refusal_tells_who_holds_the_session_and_until_when(&store);
    a_lease_that_runs_is_respected_and_renewing_extends_it(&store);
    a_fenced_writer_changes_nothing(&store);
    a_takeover_that_ends_before_it_began_a_segment_is_carried_on(&store);
    an_epoch_is_raised_above_what_the_log_knows(&store);
    of_many_who_take_over_at_once_one_writes(&store);
    let world = World {
        store,
        clock: Arc::new(ManualClock::default()),
    };
    what_was_acknowledged_survives_a_takeover(&world);
    saves_keep_the_lease_alive_and_so_does_renewing(&world);
    a_session_can_be_taken_back_with_what_is_in_memory(&world);
    a_session_that_was_never_written_can_be_taken_over(&world);
    nobody_is_asked_twice(&world);
}

#[test]
fn the_memory_store_has_one_writer() {
    suite(MemoryStore::new());
}

#[test]
fn a_mirrored_store_has_one_writer() {
    let primary = MemoryStore::new();
    let mirror = MemoryStore::with_id(primary.id());
    suite(Mirrored::new(primary, mirror).unwrap());
}

#[cfg(feature = "fs")]
#[test]
fn the_file_store_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    suite(agent_checkpoint::FileStore::open(folder.path().join("store")).unwrap());
}
