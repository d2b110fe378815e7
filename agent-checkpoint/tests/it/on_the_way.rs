//! Stores that pass all they are asked for on to another one, but for what a test has them do on the way.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use agent_checkpoint::{
    Claim, Durability, Error, Position, Replacer, Size, Store, StoreId, Tenure, Writer,
};
use agent_primitives::{SessionId, Timestamp};

/// What changes a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Claim,
    Start,
    Resume,
    Cut,
    Append,
    SetAside,
}

/// What a test has a store do.
pub(crate) trait OnTheWay: fmt::Debug + Clone + Send + Sync + 'static {
    /// The store that it is passed on to; an error where that is out of reach.
    fn behind(&self) -> Result<impl Store, Error>;

    fn id(&self) -> StoreId {
        self.behind().unwrap().id()
    }

    /// Where it is an error, that is the answer, and nothing is passed on.
    fn before(&self, _: Step) -> Result<(), Error> {
        Ok(())
    }

    /// What is read of a segment.
    fn read(&self, _segment: u32, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    fn append(
        &self,
        writer: &mut dyn Writer,
        at: Position,
        bytes: &[u8],
        durability: Durability,
    ) -> Result<(), Error> {
        writer.append(at, bytes, durability)
    }

    fn replacer(&self, _: &dyn Writer) -> Option<Arc<dyn Replacer>> {
        None
    }
}

/// Such a store. What it does is changed through it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Through<W>(pub(crate) W);

impl<W> Deref for Through<W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.0
    }
}

impl<W: OnTheWay> Store for Through<W> {
    fn id(&self) -> StoreId {
        self.0.id()
    }
    fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.behind()?.sessions()
    }
    fn segments(&self, session: &SessionId) -> Result<Vec<u32>, Error> {
        self.behind()?.segments(session)
    }
    fn read(&self, session: &SessionId, segment: u32, max: usize) -> Result<Vec<u8>, Error> {
        let bytes = self.behind()?.read(session, segment, max)?;
        Ok(self.0.read(segment, bytes))
    }
    fn claim(&self, session: &SessionId, claim: &Claim) -> Result<Box<dyn Writer>, Error> {
        self.before(Step::Claim)?;
        let (way, writer) = (self.0.clone(), self.behind()?.claim(session, claim)?);
        Ok(Box::new(ThroughWriter { way, writer }))
    }
    fn remove(&self, session: &SessionId) -> Result<(), Error> {
        self.behind()?.remove(session)
    }
}

#[derive(Debug)]
struct ThroughWriter<W> {
    way: W,
    writer: Box<dyn Writer>,
}

impl<W: OnTheWay> Writer for ThroughWriter<W> {
    fn tenure(&self) -> Tenure {
        self.writer.tenure()
    }
    fn outrank(&mut self, epoch: u64) -> Result<(), Error> {
        self.writer.outrank(epoch)
    }
    fn renew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.writer.renew(now)
    }
    fn start(&mut self, segment: u32, header: &[u8]) -> Result<(), Error> {
        self.way.before(Step::Start)?;
        self.writer.start(segment, header)
    }
    fn resume(&mut self, at: Position) -> Result<(), Error> {
        self.way.before(Step::Resume)?;
        self.writer.resume(at)
    }
    fn cut(&mut self, at: Position) -> Result<(), Error> {
        self.way.before(Step::Cut)?;
        self.writer.cut(at)
    }
    fn append(&mut self, at: Position, bytes: &[u8], durability: Durability) -> Result<(), Error> {
        self.way.before(Step::Append)?;
        self.way.append(&mut *self.writer, at, bytes, durability)
    }
    fn set_aside(&mut self, at: Position, bytes: &[u8]) -> Result<String, Error> {
        self.way.before(Step::SetAside)?;
        self.writer.set_aside(at, bytes)
    }
    fn size(&self) -> Result<Size, Error> {
        self.writer.size()
    }
    fn replacer(&self) -> Option<Arc<dyn Replacer>> {
        self.way.replacer(&*self.writer)
    }
}
