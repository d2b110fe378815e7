//! A store that stops taking anything after a number of steps.

use std::sync::{Arc, Mutex};

use agent_checkpoint::{
    Claim, Durability, Error, MemoryStore, Position, Size, Store, StoreId, Tenure, Writer,
};
use agent_primitives::{SessionId, Timestamp};

/// How much of the append that fails is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Last {
    #[default]
    Nothing,
    Half,
    /// All of it, and the writer learns nothing of it.
    All,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Brittle {
    pub(crate) inner: MemoryStore,
    /// Steps that are taken, and what becomes of the one after them.
    left: Arc<Mutex<Option<(usize, Last)>>>,
}

impl Brittle {
    pub(crate) fn break_after(&self, steps: usize, last: Last) {
        *self.left.lock().unwrap() = Some((steps, last));
    }

    pub(crate) fn mend(&self) {
        *self.left.lock().unwrap() = None;
    }

    /// Takes a step; where it cannot, how much of it is to be.
    fn step(&self) -> Result<(), (Error, Last)> {
        let mut left = self.left.lock().unwrap();
        let Some((steps, last)) = left.as_mut() else {
            return Ok(());
        };
        if *steps == 0 {
            let error = Error::unavailable("the store", "the process ended");
            return Err((error, std::mem::take(last)));
        }
        *steps -= 1;
        Ok(())
    }
}

impl Store for Brittle {
    fn id(&self) -> StoreId {
        self.inner.id()
    }
    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.inner.sessions()
    }
    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        self.inner.segments(session)
    }
    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        self.inner.read(session, segment, max)
    }
    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        self.step().map_err(|(error, _)| error)?;
        Ok(Box::new(BrittleWriter {
            inner: self.inner.claim(session, claim)?,
            store: self.clone(),
        }))
    }
    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        self.inner.remove(session)
    }
}

#[derive(Debug)]
struct BrittleWriter {
    inner: Box<dyn Writer>,
    store: Brittle,
}

impl BrittleWriter {
    fn step(&self) -> Result<(), Error> {
        self.store.step().map_err(|(error, _)| error)
    }
}

impl Writer for BrittleWriter {
    fn tenure(&self) -> Tenure {
        self.inner.tenure()
    }
    fn outrank(&mut self, epoch: u64) -> Result<(), Error> {
        self.inner.outrank(epoch)
    }
    fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.inner.renew(now)
    }
    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error> {
        self.step()?;
        self.inner.start(segment, header)
    }
    fn resume(&mut self, at: Position) -> Result<(), Error> {
        self.step()?;
        self.inner.resume(at)
    }
    fn cut(&mut self, at: Position) -> Result<(), Error> {
        self.step()?;
        self.inner.cut(at)
    }
    fn append(&mut self, at: Position, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        match self.store.step() {
            Ok(()) => self.inner.append(at, bytes, durability),
            Err((error, last)) => {
                let done = match last {
                    Last::Nothing => return Err(error),
                    Last::Half => &bytes[..bytes.len() / 2],
                    Last::All => bytes,
                };
                self.inner.append(at, done, durability)?;
                Err(error)
            }
        }
    }
    fn set_aside(&mut self, at: Position, bytes: &[u8]) -> Result<String, Error> {
        self.inner.set_aside(at, bytes)
    }
    fn size(&self) -> Result<Size, Error> {
        self.inner.size()
    }
}
