//! Which texts and names of a record are masked, and by which rules.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use agent_primitives::Party;

use super::UserKey;
use super::mask::masked;
use crate::telemetry::{Context, Target};
use crate::{Body, Decision, Record, Task};

type Rule = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What is taken out of every text and every name before a sink sees it.
///
/// By default these are found by their form: e-mail addresses, keys with the prefix of a known issuer,
/// values behind names such as `password=` or `Authorization:`, credentials in URLs, private keys in
/// PEM form, and words of 32 characters and more that mix upper case, lower case and digits. They
/// become `[email]` and `[secret]`. A form that is not among these is not found: a password in a
/// sentence stays what it is. A host adds what it knows with [`rule`](Self::rule).
///
/// A name (project, session, agent, provider, model, tool, checkpoint) that holds one of these becomes
/// as a whole `masked-` and a hash under the key of the store, so that different ones stay different.
///
/// `tracing` spans and events are not records and are not masked.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{Body, MemorySink, Record, Redaction, Severity, Telemetry, Violation};
///
/// let sink = MemorySink::new();
/// let redaction = Redaction::default()
///     .rule(|text| text.contains("Project X").then(|| text.replace("Project X", "[project]")));
/// let telemetry = Telemetry::builder(sink.clone()).redaction(redaction).start()?;
/// let found = Violation::new("todo", Severity::Info, "ask ada@example.com about Project X");
/// telemetry.record(Record::new(Timestamp::UNIX_EPOCH, found));
///
/// telemetry.flush(Duration::from_secs(5))?;
/// let Body::Violation(stored) = &sink.records()[0].body else { panic!("another record") };
/// assert_eq!(stored.message, "ask [email] about [project]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Redaction {
    forms: bool,
    rules: Vec<Rule>,
}

impl Default for Redaction {
    fn default() -> Self {
        Self {
            forms: true,
            rules: Vec::new(),
        }
    }
}

impl Redaction {
    /// Takes nothing out: for hosts whose texts are clean, or that need them as they are.
    pub const fn none() -> Self {
        Self {
            forms: false,
            rules: Vec::new(),
        }
    }

    /// Adds a rule behind those that are there: given a text, it returns the text to be stored
    /// instead, or `None` to leave it. Called for each text and name, mostly by the writer thread; a
    /// panic in it stops the recorder, as one of the sink does.
    ///
    /// While somebody [watches](crate::Telemetry::subscribe) it is called under the lock that
    /// subscribing, dropping a [`Live`](crate::Live) and the writer take: they wait while it works, and
    /// a rule that does one of the two itself, or waits for a flush, waits for ever. Recording does not
    /// wait for it.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// A text as it is stored, or `None` where nothing is taken out of it.
    ///
    /// ```
    /// use agent_telemetry::Redaction;
    ///
    /// let redaction = Redaction::default();
    /// assert_eq!(redaction.redacted("ask ada@example.com").as_deref(), Some("ask [email]"));
    /// assert_eq!(redaction.redacted("ask Ada"), None);
    /// ```
    pub fn redacted(&self, text: &str) -> Option<String> {
        let mut changed = if self.forms { masked(text) } else { None };
        for rule in &self.rules {
            if let Some(next) = rule(changed.as_deref().unwrap_or(text)) {
                changed = Some(next);
            }
        }
        changed
    }

    /// Does to a record what a recorder does to those that it stores: for records that come to a store
    /// by another way, and for tests of a host's own rules. Names are hashed under `key`.
    ///
    /// ```
    /// use agent_primitives::{SessionId, Timestamp};
    /// use agent_telemetry::{Metric, Record, Redaction, UserKey};
    ///
    /// let mut record = Record::new(Timestamp::UNIX_EPOCH, Metric::count("mails to ada@example.com", 1))
    ///     .of_session(SessionId::new("ada@example.com")?);
    /// Redaction::default().redact(&mut record, UserKey::from_bytes([7; 16]));
    /// let json = serde_json::to_string(&record)?;
    /// assert!(json.contains("mails to [email]") && !json.contains("ada@"), "{json}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn redact(&self, record: &mut Record, key: UserKey) {
        Masks {
            redaction: self,
            key,
        }
        .record(record);
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("forms", &self.forms)
            .field("rules", &self.rules.len())
            .finish()
    }
}

/// A redaction with the key that names are hashed with.
#[derive(Debug)]
pub(crate) struct Redactor {
    redaction: Redaction,
    key: UserKey,
}

impl Redactor {
    pub(crate) const fn new(redaction: Redaction, key: UserKey) -> Self {
        Self { redaction, key }
    }

    const fn masks(&self) -> Masks<'_> {
        Masks {
            redaction: &self.redaction,
            key: self.key,
        }
    }

    pub(crate) fn context(&self, context: &mut Context) {
        self.masks().context(context);
    }

    pub(crate) fn record(&self, record: &mut Record) {
        self.masks().record(record);
    }
}

/// A redaction at work.
#[derive(Clone, Copy)]
struct Masks<'a> {
    redaction: &'a Redaction,
    key: UserKey,
}

impl Masks<'_> {
    fn text(self, text: &mut Cow<'static, str>) {
        if let Some(masked) = self.redaction.redacted(text) {
            *text = Cow::Owned(masked);
        }
    }

    fn maybe_text(self, text: &mut Option<Cow<'static, str>>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// `new` takes the masked name: it is short, visible ASCII.
    fn name<T: AsRef<str>, E>(self, name: &mut T, new: impl Fn(String) -> Result<T, E>) {
        if self.redaction.redacted(name.as_ref()).is_some() {
            let hash = self.key.hash("name", name.as_ref());
            if let Ok(masked) = new(format!("masked-{hash:032x}")) {
                *name = masked;
            }
        }
    }

    fn maybe_name<T: AsRef<str>, E>(
        &self,
        name: &mut Option<T>,
        new: impl Fn(String) -> Result<T, E>,
    ) {
        if let Some(name) = name {
            self.name(name, new);
        }
    }

    fn context(self, context: &mut Context) {
        self.maybe_name(&mut context.project, crate::ProjectId::new);
        self.name(&mut context.session, agent_primitives::SessionId::new);
        self.name(&mut context.agent, agent_primitives::AgentId::new);
        match &mut context.target {
            Target::Session => {}
            Target::Model(provider, model) => {
                self.name(provider, agent_primitives::ProviderId::new);
                self.name(model, agent_primitives::ModelId::new);
            }
            Target::Tool(tool) => self.name(tool, agent_primitives::ToolName::new),
        }
    }

    fn record(self, record: &mut Record) {
        use agent_primitives::{AgentId, CheckpointId, ModelId, ProviderId, SessionId, ToolName};
        self.maybe_name(&mut record.project, crate::ProjectId::new);
        self.maybe_name(&mut record.session, SessionId::new);
        self.maybe_name(&mut record.agent, AgentId::new);
        match &mut record.body {
            Body::SessionStart(task) | Body::SessionResume(task) => self.task(task),
            Body::ModelCall(it) => {
                self.name(&mut it.provider, ProviderId::new);
                self.name(&mut it.model, ModelId::new);
            }
            Body::ToolCall(it) => self.name(&mut it.tool, ToolName::new),
            Body::Handoff(it) => {
                self.party(&mut it.from);
                self.party(&mut it.to);
            }
            Body::Attempt(it) => self.name(&mut it.provider, ProviderId::new),
            Body::Retry(it) => self.name(&mut it.provider, ProviderId::new),
            Body::Breaker(it) => self.name(&mut it.provider, ProviderId::new),
            Body::Cooldown(it) => self.name(&mut it.provider, ProviderId::new),
            Body::CheckpointSaved(it) => self.name(&mut it.checkpoint, CheckpointId::new),
            Body::Restored(it) => self.name(&mut it.checkpoint, CheckpointId::new),
            Body::Metric(it) => self.text(it.name_mut()),
            Body::Violation(it) => {
                self.text(&mut it.kind);
                self.text(&mut it.message);
                self.maybe_text(&mut it.file);
            }
            Body::Decision(it) => self.decision(it),
            Body::DecisionOutcome(it) => self.text(&mut it.decision),
            Body::SessionEnd(_)
            | Body::ContextPressure(_)
            | Body::FilesChanged(_)
            | Body::TaskTiming(_) => {}
        }
    }

    fn task(self, task: &mut Task) {
        self.maybe_text(&mut task.task_type);
        self.maybe_text(&mut task.description);
        if let Some(parent) = &mut task.parent {
            self.name(&mut parent.session, agent_primitives::SessionId::new);
            self.maybe_name(&mut parent.agent, agent_primitives::AgentId::new);
        }
    }

    fn party(self, party: &mut Party) {
        match party {
            Party::Provider(id) => self.name(id, agent_primitives::ProviderId::new),
            Party::Agent(id) => self.name(id, agent_primitives::AgentId::new),
            // A kind that this version does not know is stored by its name, as an agent.
            other => {
                if let Ok(mut id) = agent_primitives::AgentId::new(other.name()) {
                    self.name(&mut id, agent_primitives::AgentId::new);
                    *other = id.into();
                }
            }
        }
    }

    fn decision(self, it: &mut Decision) {
        self.text(&mut it.id);
        self.text(&mut it.subject);
        self.maybe_text(&mut it.choice);
        for candidate in &mut it.candidates {
            self.text(&mut candidate.name);
            self.maybe_text(&mut candidate.lost);
        }
    }
}
