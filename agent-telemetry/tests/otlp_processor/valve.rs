//! A sink that takes, refuses or holds up what it is given, as it is told.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex};

use agent_telemetry::{Mark, Record, Sink, SinkError, UserKey};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Takes,
    Refuses,
    Holds,
}

#[derive(Default)]
struct Inner {
    mode: Mutex<Mode>,
    turned: Condvar,
    records: Mutex<Vec<Record>>,
}

/// Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Valve(Arc<Inner>);

impl Valve {
    pub(crate) fn new(mode: Mode) -> Self {
        let valve = Self::default();
        valve.turn(mode);
        valve
    }

    pub(crate) fn turn(&self, mode: Mode) {
        *self.0.mode.lock().unwrap() = mode;
        self.0.turned.notify_all();
    }

    /// One that an earlier process left.
    pub(crate) fn with(records: Vec<Record>) -> Self {
        let valve = Self::default();
        *valve.0.records.lock().unwrap() = records;
        valve
    }

    /// With their marks, in their order.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.0.records.lock().unwrap().clone()
    }
}

impl Sink for Valve {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        let mode = self.0.mode.lock().unwrap();
        let turned = &self.0.turned;
        let mode = *turned.wait_while(mode, |it| *it == Mode::Holds).unwrap();
        if mode == Mode::Refuses {
            return Err(SinkError::new("it is told to refuse"));
        }
        self.0.records.lock().unwrap().extend_from_slice(batch);
        Ok(())
    }

    fn user_key(&mut self) -> Result<UserKey, SinkError> {
        Ok(UserKey::from_bytes([7; 16]))
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        let records = self.0.records.lock().unwrap();
        let newest_first = records.iter().rev().flat_map(|it| it.marks().iter().rev());
        let mut known = HashSet::new();
        let mut marks: Vec<Mark> = newest_first
            .filter(|it| known.insert(it.key()))
            .cloned()
            .collect();
        marks.reverse();
        Ok(marks)
    }
}
