//! A store that stops taking anything after a number of steps.

use std::sync::{Arc, Mutex};

use agent_checkpoint::{Durability, Error, MemoryStore, Position, Store, Writer};

use crate::on_the_way::{OnTheWay, Step, Through};

/// How much of the append that fails is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Last {
    #[default]
    Nothing,
    Half,
    /// All of it, and the writer learns nothing of it.
    All,
}

pub(crate) type Brittle = Through<Steps>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Steps {
    pub(crate) inner: MemoryStore,
    /// Steps that are taken, and what becomes of the one after them.
    left: Arc<Mutex<Option<(usize, Last)>>>,
}

impl Steps {
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

impl OnTheWay for Steps {
    fn behind(&self) -> Result<impl Store, Error> {
        Ok(self.inner.clone())
    }

    fn before(&self, step: Step) -> Result<(), Error> {
        match step {
            // The last one may be done in part.
            Step::Append | Step::SetAside => Ok(()),
            _ => self.step().map_err(|(error, _)| error),
        }
    }

    fn append(
        &self,
        writer: &mut dyn Writer,
        at: Position,
        bytes: &[u8],
        durability: Durability,
    ) -> Result<(), Error> {
        match self.step() {
            Ok(()) => writer.append(at, bytes, durability),
            Err((error, last)) => {
                let done = match last {
                    Last::Nothing => return Err(error),
                    Last::Half => &bytes[..bytes.len() / 2],
                    Last::All => bytes,
                };
                writer.append(at, done, durability)?;
                Err(error)
            }
        }
    }
}
