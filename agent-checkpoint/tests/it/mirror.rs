//! A store and its mirror: what is replicated survives either, and neither stands in the way of work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use agent_checkpoint::{
    Checkpointer, Durability, Error, MemoryStore, Message, Mirrored, Store, StoreId,
};
use agent_primitives::{CheckpointKind, SessionId};

use Durability::{Buffered, Replicated, Synced};

use crate::on_the_way::{OnTheWay, Step, Through};

/// A store that can be out of reach.
#[derive(Debug, Clone)]
struct Link {
    inner: Arc<Mutex<MemoryStore>>,
    is_away: Arc<AtomicBool>,
}

type Remote = Through<Link>;

impl Remote {
    fn new() -> Self {
        Self(Link {
            inner: Arc::new(Mutex::new(MemoryStore::with_id(StoreId::from_bytes(
                [3; 16],
            )))),
            is_away: Arc::default(),
        })
    }
}

impl Link {
    fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    fn reach(&self) -> Result<MemoryStore, Error> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(Error::unavailable("reaching the store", "it is away"));
        }
        Ok(self.inner.lock().unwrap().clone())
    }

    /// A new device in the place of the old one.
    fn replace(&self) {
        *self.inner.lock().unwrap() = MemoryStore::with_id(self.id());
    }
}

impl OnTheWay for Link {
    fn behind(&self) -> Result<impl Store, Error> {
        self.reach()
    }

    fn id(&self) -> StoreId {
        self.inner.lock().unwrap().id()
    }

    fn before(&self, _: Step) -> Result<(), Error> {
        self.reach().map(drop)
    }
}

fn id() -> SessionId {
    SessionId::new("s").unwrap()
}

fn open(store: impl Store + 'static) -> Checkpointer {
    Checkpointer::builder(store, id()).open().unwrap()
}

fn pair() -> (Remote, Remote) {
    (Remote::new(), Remote::new())
}

fn both(pair: &(Remote, Remote)) -> Mirrored {
    Mirrored::new(pair.0.clone(), pair.1.clone()).unwrap()
}

fn save(session: &mut Checkpointer, text: &str, durability: Durability) -> Result<(), Error> {
    session.push(Message::user(text)).unwrap();
    session
        .save_with(CheckpointKind::Auto, durability)
        .map(drop)
}

fn texts(session: &Checkpointer) -> Vec<&str> {
    let history = session.history().iter();
    history.map(|message| message.content.as_str()).collect()
}

#[test]
fn what_is_replicated_survives_the_loss_of_either_store() {
    let pair = pair();
    let mut session = open(both(&pair));
    save(&mut session, "one", Replicated).unwrap();
    save(&mut session, "two", Replicated).unwrap();
    save(&mut session, "three", Synced).unwrap();
    assert!(session.health().unreplicated_bytes > 0);
    let bytes = |store: &Remote| store.read(&id(), 1, usize::MAX).unwrap();
    assert!(bytes(&pair.1).len() < bytes(&pair.0).len());
    save(&mut session, "four", Replicated).unwrap();
    assert_eq!(session.health().unreplicated_bytes, 0);
    assert_eq!(bytes(&pair.1), bytes(&pair.0));
    drop(session);
    for alone in [pair.0, pair.1] {
        let session = open(alone);
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(texts(&session), ["one", "two", "three", "four"]);
    }
}

#[test]
fn a_mirror_that_fails_costs_the_acknowledgement_and_not_the_save() {
    let pair = pair();
    let mut session = open(both(&pair));
    save(&mut session, "one", Replicated).unwrap();
    pair.1.set_away(true);
    for text in ["two", "three"] {
        let error = save(&mut session, text, Replicated).unwrap_err();
        assert!(error.is_not_replicated() && !error.is_poisoned(), "{error}");
        assert!(session.unsaved().is_empty(), "the store itself has it");
    }
    assert_eq!(session.list().len(), 3);
    save(&mut session, "four", Synced).unwrap();
    let lag = session.health().unreplicated_bytes;
    assert!(lag > 0);
    assert_eq!(session.health().failed_syncs, 0);
    pair.1.set_away(false);
    // Nothing is new but for the mirror.
    session.save_with(CheckpointKind::Auto, Replicated).unwrap();
    assert_eq!(session.health().unreplicated_bytes, 0);
    assert_eq!(session.list().len(), 4);
    drop(session);
    assert_eq!(texts(&open(pair.1)), ["one", "two", "three", "four"]);
}

#[test]
fn a_mirror_that_is_away_at_opening_keeps_nobody_out_and_is_caught_up_later() {
    let pair = pair();
    pair.1.set_away(true);
    let mut session = open(both(&pair));
    save(&mut session, "one", Synced).unwrap();
    drop(session);
    pair.1.set_away(false);
    drop(open(both(&pair)));
    assert_eq!(texts(&open(pair.1)), ["one"]);
}

#[test]
fn a_primary_that_lost_its_end_or_all_gets_it_back_from_the_mirror() {
    for has_start in [false, true] {
        let pair = pair();
        let mut session = open(both(&pair));
        save(&mut session, "one", Replicated).unwrap();
        let early = pair.0.read(&id(), 1, usize::MAX).unwrap();
        save(&mut session, "two", Replicated).unwrap();
        drop(session);
        pair.0.replace();
        if has_start {
            let mut writer = pair.0.writer(&id()).unwrap();
            // An interrupted write is in the way.
            writer.start(1, &[&early[..], b"torn"].concat()).unwrap();
        }
        assert_eq!(both(&pair).sessions().unwrap(), [id()]);
        let mut session = open(both(&pair));
        assert!(session.report().is_clean(), "{}", session.report());
        assert_eq!(texts(&session), ["one", "two"]);
        save(&mut session, "three", Replicated).unwrap();
        drop(session);
        for alone in [pair.0, pair.1] {
            assert_eq!(texts(&open(alone)), ["one", "two", "three"]);
        }
    }
}

#[test]
fn a_mirror_that_differs_at_its_end_gives_way_to_the_primary() {
    let pair = pair();
    let mut session = open(both(&pair));
    save(&mut session, "one", Replicated).unwrap();
    drop(session);
    let mut alone = open(pair.1.clone());
    save(&mut alone, "mirror's own", Synced).unwrap();
    drop(alone);
    let mut alone = open(pair.0.clone());
    save(&mut alone, "primary's own", Synced).unwrap();
    drop(alone);
    let mut session = open(both(&pair));
    assert_eq!(texts(&session), ["one", "primary's own"]);
    save(&mut session, "two", Replicated).unwrap();
    drop(session);
    assert_eq!(texts(&open(pair.1)), ["one", "primary's own", "two"]);
}

#[test]
fn a_damaged_primary_does_not_damage_its_mirror() {
    let pair = pair();
    let mut session = open(both(&pair));
    for text in ["one", "two", "three"] {
        save(&mut session, text, Replicated).unwrap();
    }
    drop(session);
    let mut bytes = pair.0.read(&id(), 1, usize::MAX).unwrap();
    let two = bytes.windows(3).position(|text| text == b"two").unwrap();
    bytes[two] ^= 1;
    pair.0.replace();
    pair.0.writer(&id()).unwrap().start(1, &bytes).unwrap();
    let mut session = open(both(&pair));
    assert!(!session.report().is_clean());
    let error = save(&mut session, "four", Replicated).unwrap_err();
    assert!(error.is_not_replicated(), "{error}");
    drop(session);
    assert_eq!(texts(&open(pair.1)), ["one", "two", "three"]);
}

#[test]
fn without_a_mirror_nothing_is_replicated_and_nothing_written() {
    let store = MemoryStore::new();
    let mut session = open(store.clone());
    let error = save(&mut session, "one", Replicated).unwrap_err();
    assert!(error.is_not_replicated(), "{error}");
    assert_eq!(session.unsaved().len(), 1);
    assert!(store.segments(&id()).unwrap().is_empty());
    let other = Mirrored::new(store, MemoryStore::new()).unwrap_err();
    assert!(other.is_foreign(), "{other}");
}

#[test]
fn whatever_fails_and_is_lost_what_is_acknowledged_is_found() {
    let mut random = 88_172_645_463_325_252_u64;
    let mut below = |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    for round in 0..60 {
        let pair = pair();
        let mut session = open(both(&pair));
        let (mut pushed, mut saved, mut replicated) = (0, 0, 0);
        for step in 0..40 {
            let context = format!("round {round}, step {step}");
            match below(10) {
                0 => pair.1.set_away(true),
                1 | 2 => pair.1.set_away(false),
                3 => {
                    drop(session);
                    session = open(both(&pair));
                    assert!(session.history().len() >= saved, "{context}");
                    pushed = session.history().len();
                    saved = pushed;
                }
                4 if pushed == replicated && below(3) == 0 => {
                    drop(session);
                    pair.0.replace();
                    pair.1.set_away(false);
                    session = open(both(&pair));
                    assert_eq!(session.history().len(), replicated, "{context}");
                }
                other => {
                    let text = format!(
                        "message {pushed}, {}",
                        "x".repeat(usize::try_from(below(300)).unwrap())
                    );
                    pushed += 1;
                    let durability =
                        [Buffered, Synced, Replicated][usize::try_from(other % 3).unwrap()];
                    match save(&mut session, &text, durability) {
                        Ok(()) if durability == Replicated => replicated = pushed,
                        Ok(()) => {}
                        Err(error) => assert!(error.is_not_replicated(), "{context}: {error}"),
                    }
                    saved = pushed;
                }
            }
        }
        drop(session);
        pair.1.set_away(false);
        let mirror = open(pair.1.clone());
        assert!(mirror.history().len() >= replicated, "round {round}");
        assert!(mirror.report().is_clean(), "{}", mirror.report());
        drop(mirror);
        assert_eq!(open(pair.0.clone()).history().len(), saved, "round {round}");
    }
}

#[cfg(feature = "fs")]
#[test]
fn a_folder_is_mirrored_in_another_and_takes_its_place() {
    use agent_checkpoint::FileStore;
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let primary = FileStore::open(&here).unwrap();
    let mirror = FileStore::open_mirror(&there, primary.id()).unwrap();
    let mut session = open(Mirrored::new(primary.clone(), mirror).unwrap());
    let text = "a line of some length, that is said again and again ".repeat(20);
    for n in 0..30 {
        let durability = [Buffered, Synced, Replicated][n % 3];
        save(&mut session, &format!("{n} {text}"), durability).unwrap();
    }
    drop(session);
    std::fs::remove_dir_all(&here).unwrap();
    let other = FileStore::open(folder.path().join("other")).unwrap();
    let refused = FileStore::open_mirror(other.folder(), primary.id()).unwrap_err();
    assert!(refused.is_foreign(), "{refused}");
    let again = FileStore::open_mirror(&here, primary.id()).unwrap();
    let mirror = FileStore::open(&there).unwrap();
    let session = open(Mirrored::new(again, mirror).unwrap());
    assert!(session.report().is_clean(), "{}", session.report());
    assert_eq!(session.history().len(), 30);
    drop(session);
    assert_eq!(open(FileStore::open(&here).unwrap()).history().len(), 30);
}
