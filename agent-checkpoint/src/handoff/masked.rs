//! A package without secrets.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::Kind;
use super::{Package, PackageError};
use crate::redact::Redaction;
use crate::{Message, Work};

impl Package {
    /// The package with masks in the place of secrets. [`to_writer`](Self::to_writer) does so by itself, with
    /// what the session masks in its log; in memory nothing is masked.
    ///
    /// ```
    /// use agent_checkpoint::handoff::{Link, Package};
    /// use agent_checkpoint::redact::Redaction;
    /// use agent_primitives::{SessionId, Timestamp};
    ///
    /// let mut package = Package::new(Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH));
    /// package.facts.push("log in as correct-horse-battery".into());
    /// let known = Redaction::default().with_literal("crm-key", "correct-horse-battery");
    /// assert_eq!(package.masked(&known)?.facts, ["log in as [redacted:crm-key]"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PackageError::is_unwritable`] where a name that may hold no mask, an agent's, looks like a secret.
    pub fn masked(&self, redaction: &Redaction) -> Result<Self, PackageError> {
        let text = |text: &String| redaction.text(text).into_owned();
        let texts = |texts: &[String]| texts.iter().map(text).collect();
        let message = |message: &Message| redaction.message(message).into_owned();
        let messages = |messages: &[Message]| messages.iter().map(message).collect();
        let calls = Message {
            tool_calls: self.open_calls.clone(),
            ..Message::assistant("")
        };
        let mut masked = Self {
            objective: self.objective.as_ref().map(text),
            instructions: messages(&self.instructions),
            requests: texts(&self.requests),
            summary: self.summary.as_ref().map(text),
            progress: texts(&self.progress),
            files: texts(&self.files),
            facts: texts(&self.facts),
            open_calls: message(&calls).tool_calls,
            work: masked_work(&self.work, redaction)?,
            recent: messages(&self.recent),
            ..self.clone()
        };
        for tried in &mut masked.tried {
            (tried.what, tried.error) = (text(&tried.what), text(&tried.error));
            mask_fields(&mut tried.extra, redaction);
        }
        let links = masked.earlier.iter_mut().chain([&mut masked.from]);
        links.for_each(|link| mask_fields(&mut link.extra, redaction));
        mask_fields(&mut masked.extra, redaction);
        Ok(masked)
    }

    /// Sets what is masked when the package is written to a file: what its session masks unless set, and
    /// [`Redaction::default`] where it was made of none.
    #[must_use]
    pub fn with_redaction(mut self, redaction: Redaction) -> Self {
        self.masks = Masks::of(Arc::new(redaction));
        self
    }
}

/// What is masked when a package is written. Not part of what it says: two packages that differ in nothing else
/// are equal.
#[derive(Clone, Default)]
pub(super) struct Masks(Option<Arc<Redaction>>);

impl Masks {
    pub(super) fn of(redaction: Arc<Redaction>) -> Self {
        Self(Some(redaction))
    }

    pub(super) fn redaction(&self) -> Arc<Redaction> {
        self.0.clone().unwrap_or_default()
    }
}

impl PartialEq for Masks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Masks {
    /// The literals among them are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "set" } else { "default" })
    }
}

fn mask_fields(fields: &mut Map<String, Value>, redaction: &Redaction) {
    let mut value = Value::Object(std::mem::take(fields));
    redaction.value(&mut value);
    if let Value::Object(masked) = value {
        *fields = masked;
    }
}

fn masked_work(work: &Work, redaction: &Redaction) -> Result<Work, PackageError> {
    let unwritable = |error: serde_json::Error| Kind::Unwritable(error.to_string());
    let mut value = serde_json::to_value(work).map_err(unwritable)?;
    if !redaction.value(&mut value) {
        return Ok(work.clone());
    }
    Ok(Work::deserialize(value).map_err(unwritable)?)
}
