//! What encryption adds to ours, beside the bare cipher over as many bytes. Without files, so that it can be counted.

use agent_checkpoint::encrypt::{Key, Keyring};
use agent_checkpoint::{Checkpointer, Durability, MemoryStore, Reader};
use agent_primitives::{CheckpointKind, SessionId};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};

use super::setting::Setting;
use super::whole::{Whole, write};
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};
use crate::session::{Message, Source};

const SEED: u64 = 7;
const SMALL: u64 = 100_000;
const MIDDLE: u64 = 1_000_000;
const SECRET: [u8; 32] = [7; 32];
/// Saves whose lengths the bare cipher is given, again and again: messages differ, whole states hardly.
const MESSAGES: usize = 200;
const STATES: usize = 2;

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    let plan = |name, setup: fn(&Setting) -> Result<Vec<Case>, Broken>| {
        let setting = setting.clone();
        Plan::new(name, move |name| {
            Ok(Group::new(name, setup(&setting)?).samples(201))
        })
    };
    vec![
        plan("append a message, encrypted, in memory", |setting| {
            saves(MESSAGES, |is_encrypted| Growing::new(setting, is_encrypted))
        }),
        plan(
            "save the whole state, 1 MB, encrypted, in memory",
            |setting| {
                saves(STATES, |is_encrypted| {
                    let session = open(MemoryStore::new(), is_encrypted)?;
                    Whole::new(session, Source::new(SEED), setting.bytes(MIDDLE))
                })
            },
        ),
        plan("restore 1 MB, encrypted, in memory", |setting| {
            let unencrypted = written(setting, false)?;
            let lengths = frames(&unencrypted)?;
            Ok(vec![
                ours("checkpoint log, plain", Restored::new(unencrypted, false)),
                ours(
                    "checkpoint log, encrypted",
                    Restored::new(written(setting, true)?, true),
                ),
                bare("XChaCha20-Poly1305, opened", Opened::new(&lengths)?),
            ])
        }),
    ]
}

fn ours(name: &'static str, steps: impl Steps + 'static) -> Case {
    Case::steps(Kind::Ours, name, version_of("agent-checkpoint"), steps)
}

fn bare(name: &'static str, steps: impl Steps + 'static) -> Case {
    Case::steps(Kind::Floor, name, version_of("chacha20poly1305"), steps)
}

/// Saves, plain and encrypted, and the cipher alone over what the plain ones store.
fn saves<S: Steps + Stored + 'static>(
    count: usize,
    new: impl Fn(bool) -> Result<S, Broken>,
) -> Result<Vec<Case>, Broken> {
    let mut measured = new(false)?;
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let before = measured.stored()?;
        measured.prepare()?;
        measured.run()?;
        lengths.push(measured.stored()?.saturating_sub(before));
    }
    Ok(vec![
        ours("checkpoint log, plain", new(false)?),
        ours("checkpoint log, encrypted", new(true)?),
        bare("XChaCha20-Poly1305, sealed", Sealed::new(lengths)),
    ])
}

/// A session that says how long its log is.
trait Stored {
    fn stored(&self) -> Result<usize, Broken>;
}

fn stored(session: &Checkpointer) -> Result<usize, Broken> {
    let figures = session.figures();
    let figures = figures.map_err(Broken::when("measure the session"))?;
    Ok(usize::try_from(figures.stored_bytes).unwrap_or(usize::MAX))
}

fn open(store: MemoryStore, is_encrypted: bool) -> Result<Checkpointer, Broken> {
    let doing = "open the session";
    let id = SessionId::new("bench").map_err(Broken::when(doing))?;
    let mut builder = Checkpointer::builder(store, id).durability(Durability::Buffered);
    if is_encrypted {
        builder = builder.encryption(Keyring::new(Key::from_bytes(SECRET)));
    }
    builder.open().map_err(Broken::when(doing))
}

/// Grows by a message with each save.
struct Growing {
    session: Checkpointer,
    source: Source,
    /// Messages of the current turn, the next one last.
    waiting: Vec<Message>,
}

impl Growing {
    fn new(setting: &Setting, is_encrypted: bool) -> Result<Self, Broken> {
        let mut source = Source::new(SEED);
        let session = filled(
            MemoryStore::new(),
            is_encrypted,
            &mut source,
            setting.bytes(SMALL),
        )?;
        let waiting = Vec::new();
        Ok(Self {
            session,
            source,
            waiting,
        })
    }
}

/// A session of so many bytes, saved turn by turn.
fn filled(
    store: MemoryStore,
    is_encrypted: bool,
    source: &mut Source,
    bytes: u64,
) -> Result<Checkpointer, Broken> {
    let mut session = open(store, is_encrypted)?;
    write(&mut session, source, bytes)?;
    Ok(session)
}

impl Stored for Growing {
    fn stored(&self) -> Result<usize, Broken> {
        stored(&self.session)
    }
}

impl Steps for Growing {
    fn prepare(&mut self) -> Result<(), Broken> {
        if self.waiting.is_empty() {
            self.waiting = self.source.turn();
            self.waiting.reverse();
        }
        let next = self.waiting.pop().into_iter();
        for message in next {
            let pushed = self.session.push(message.into_ours());
            pushed.map_err(Broken::when("stage a message"))?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        let saved = self.session.save(CheckpointKind::Auto);
        saved.map(drop).map_err(Broken::when("save a message"))
    }
}

impl Stored for Whole {
    fn stored(&self) -> Result<usize, Broken> {
        stored(self.session())
    }
}

fn written(setting: &Setting, is_encrypted: bool) -> Result<MemoryStore, Broken> {
    let store = MemoryStore::new();
    let mut source = Source::new(SEED);
    filled(
        store.clone(),
        is_encrypted,
        &mut source,
        setting.bytes(MIDDLE),
    )?;
    Ok(store)
}

/// Bytes of each frame.
fn frames(store: &MemoryStore) -> Result<Vec<usize>, Broken> {
    let doing = "look at the frames";
    let id = SessionId::new("bench").map_err(Broken::when(doing))?;
    let reader = Reader::open(store.clone(), id).map_err(Broken::when(doing))?;
    let mut lengths = Vec::new();
    let seen = reader.frames(|frame| {
        lengths.push(usize::try_from(frame.stored).unwrap_or(usize::MAX));
        true
    });
    seen.map_err(Broken::when(doing))?;
    Ok(lengths)
}

struct Restored {
    store: MemoryStore,
    is_encrypted: bool,
    held: Option<Checkpointer>,
}

impl Restored {
    const fn new(store: MemoryStore, is_encrypted: bool) -> Self {
        Self {
            store,
            is_encrypted,
            held: None,
        }
    }
}

impl Steps for Restored {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.held = None;
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.held = Some(open(self.store.clone(), self.is_encrypted)?);
        Ok(())
    }
}

fn sealed(cipher: &XChaCha20Poly1305, bytes: &mut [u8]) -> Result<Tag, Broken> {
    let sealed = cipher.encrypt_inout_detached(&XNonce::from([7; 24]), &[0; 48], bytes.into());
    sealed.map_err(Broken::when("seal the bytes"))
}

/// Seals as many bytes as a save stores.
struct Sealed {
    cipher: XChaCha20Poly1305,
    lengths: Vec<usize>,
    next: usize,
    bytes: Vec<u8>,
}

impl Sealed {
    fn new(lengths: Vec<usize>) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(&SECRET.into()),
            lengths,
            next: 0,
            bytes: Vec::new(),
        }
    }
}

impl Steps for Sealed {
    fn prepare(&mut self) -> Result<(), Broken> {
        let len = self.lengths.get(self.next % self.lengths.len().max(1));
        self.bytes.resize(len.copied().unwrap_or(0), 7);
        self.next += 1;
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        std::hint::black_box(sealed(&self.cipher, &mut self.bytes)?);
        Ok(())
    }
}

/// Opens as many bytes as a session takes, in as many pieces.
struct Opened {
    cipher: XChaCha20Poly1305,
    pieces: Vec<(Vec<u8>, Tag)>,
    opening: Vec<Vec<u8>>,
}

impl Opened {
    fn new(lengths: &[usize]) -> Result<Self, Broken> {
        let cipher = XChaCha20Poly1305::new(&SECRET.into());
        let mut pieces = Vec::with_capacity(lengths.len());
        for len in lengths {
            let mut bytes = vec![7; *len];
            let tag = sealed(&cipher, &mut bytes)?;
            pieces.push((bytes, tag));
        }
        Ok(Self {
            cipher,
            pieces,
            opening: Vec::new(),
        })
    }
}

impl Steps for Opened {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.opening = self.pieces.iter().map(|(bytes, _)| bytes.clone()).collect();
        Ok(())
    }

    fn run(&mut self) -> Result<(), Broken> {
        for (bytes, (_, tag)) in self.opening.iter_mut().zip(&self.pieces) {
            let (nonce, bytes) = (XNonce::from([7; 24]), bytes.as_mut_slice());
            let opened = (self.cipher).decrypt_inout_detached(&nonce, &[0; 48], bytes.into(), tag);
            opened.map_err(Broken::when("open the bytes"))?;
        }
        Ok(())
    }
}
