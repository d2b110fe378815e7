//! What is wrong with a value, and where in it.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

/// Why a value does not become bytes or bytes no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Such as `cards[3].extra`; empty for the whole value.
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Fault {
    pub(crate) fn whole(reason: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            reason: reason.into(),
        }
    }
}

/// Collects a fault while it travels up through a value.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// Steps to the fault, the last one first.
    steps: RefCell<Vec<Step>>,
    reason: RefCell<Option<String>>,
    /// The names of map keys are kept, which costs time.
    is_exact: bool,
    values: Cell<usize>,
}

#[derive(Debug)]
enum Step {
    Name(String),
    At(usize),
}

impl Trace {
    pub(crate) fn new(is_exact: bool) -> Self {
        Self {
            is_exact,
            ..Self::default()
        }
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Counts a value; the number so far.
    pub(crate) fn count(&self) -> usize {
        let values = self.values.get().saturating_add(1);
        self.values.set(values);
        values
    }

    /// Says why, unless something deeper said it.
    pub(crate) fn blame(&self, reason: &str) {
        self.reason
            .borrow_mut()
            .get_or_insert_with(|| reason.to_owned());
    }

    pub(crate) fn in_field(&self, name: &str) {
        self.steps.borrow_mut().push(Step::Name(name.to_owned()));
    }

    pub(crate) fn in_element(&self, at: usize) {
        self.steps.borrow_mut().push(Step::At(at));
    }

    /// The fault; `error` is its reason where none was given.
    pub(crate) fn fault(self, error: &dyn Display) -> Fault {
        let mut path = String::new();
        for step in self.steps.into_inner().iter().rev() {
            match step {
                Step::Name(name) if path.is_empty() => path.push_str(name),
                Step::Name(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Step::At(at) => path.push_str(&format!("[{at}]")),
            }
        }
        let reason = self.reason.into_inner();
        Fault {
            path,
            reason: reason.unwrap_or_else(|| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_reads_from_the_outside_in() {
        let trace = Trace::new(false);
        trace.blame("first");
        trace.in_field("extra");
        trace.blame("second");
        trace.in_element(3);
        trace.in_field("cards");
        let fault = trace.fault(&"unused");
        assert_eq!(
            (fault.path.as_str(), fault.reason.as_str()),
            ("cards[3].extra", "first")
        );
        let fault = Trace::new(false).fault(&"used");
        assert_eq!(fault, Fault::whole("used"));
    }
}
