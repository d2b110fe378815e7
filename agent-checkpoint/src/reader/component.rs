//! One component of the newest checkpoint, without the rest of the session.

use super::Reader;
use super::tail::{Beside, Tail};
use super::walk::Odd;
use crate::checkpointer::stored::Stored;
use crate::{Error, Work};

impl Reader {
    /// The newest checkpoint's [`Work`] with nothing in it but the component `name`, as far as it has that; `None` where
    /// there is no checkpoint.
    pub(crate) fn newest_with(&self, name: &str) -> Result<Option<Work>, Error> {
        self.look(|| {
            let beside = Beside::Component(name);
            match Tail::read(&self.store, &self.session, 0, beside, self.reading()) {
                Ok(tail) => match &tail.cut {
                    Some(cut) => Ok(Some(Stored::load(&tail.replay, cut)?.work)),
                    None => Ok(None),
                },
                Err(Odd::Failed(error)) => Err(error),
                Err(Odd::Unsound) if self.latest()?.is_some() => Ok(Some(self.state()?.work)),
                Err(Odd::Unsound) => Ok(None),
            }
        })
    }
}
