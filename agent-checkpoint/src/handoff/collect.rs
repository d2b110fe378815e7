//! Reads a package from a session.

use std::collections::HashMap;
use std::sync::Arc;

use super::acts::{Act, acts};
use super::clip::clip;
use super::failed::is_failure;
use super::inherited::NAME;
use super::masked::Masks;
use super::paths::paths;
use super::tail::{is_spoken, tail};
use super::{Bounds, Inherited, Link, Package, Piece, Tried};
use crate::history::open_calls;
use crate::redact::Redaction;
use crate::truncate::Kind;
use crate::{
    Checkpointer, CountTokens, EstimateTokens, Message, Role, SessionState, StepStatus, Work,
    Workflow,
};

/// What a package is made of.
pub(crate) struct Source<'a> {
    pub(crate) from: Link,
    pub(crate) work: &'a Work,
    /// From the first message on, unless the session was opened at its end.
    pub(crate) history: Vec<&'a Message>,
    /// What the model is sent.
    pub(crate) context: Vec<&'a Message>,
    /// Messages of the history that are not in memory.
    pub(crate) skipped: usize,
    /// The host's own components, which a package does not hold.
    pub(crate) components: usize,
    /// What the session masks in its log.
    pub(crate) redaction: Arc<Redaction>,
}

impl Package {
    /// What `session` amounts to now, within the default [`Bounds`], with tokens as [`EstimateTokens`] counts
    /// them. The newest messages are those of the context; everything else is read from the whole history
    /// in memory.
    ///
    /// [`Checkpointer::hand_off`](crate::Checkpointer::hand_off) saves first, so that the package names a checkpoint.
    pub fn of(session: &Checkpointer) -> Self {
        Self::of_within(session, &Bounds::default(), &EstimateTokens)
    }

    /// As [`of`](Self::of), within other bounds and with another counter.
    pub fn of_within(session: &Checkpointer, bounds: &Bounds, counter: &dyn CountTokens) -> Self {
        Self::collect(&session.handoff_source(), bounds, counter)
    }

    /// As [`of`](Self::of), of a state that was read without opening its session: the giver is gone, say,
    /// and a [`Reader`](crate::Reader) found what it saved. `from` says where the state is from.
    ///
    /// ```
    /// use agent_checkpoint::handoff::{Link, Package};
    /// use agent_checkpoint::{Message, SessionState, ToolCall};
    /// use agent_primitives::{SessionId, Timestamp};
    ///
    /// let mut state = SessionState::default();
    /// state.conversation = vec![
    ///     Message::user("Fix the build."),
    ///     Message::assistant("").with_tool_call(ToolCall::new("c1", "sh", r#"{"command":"make"}"#)),
    ///     Message::tool("c1", "make: *** [all] Error 1"),
    /// ];
    /// let from = Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH);
    /// let package = Package::of_state(&state, from);
    /// assert_eq!(package.tried[0].what, r#"sh {"command":"make"}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_state(state: &SessionState, from: Link) -> Self {
        let conversation: Vec<&Message> = state.conversation.iter().collect();
        let source = Source {
            from,
            work: &state.work,
            history: conversation.clone(),
            context: conversation,
            skipped: 0,
            components: 0,
            redaction: Arc::default(),
        };
        Self::collect(&source, &Bounds::default(), &EstimateTokens)
    }

    fn collect(source: &Source<'_>, bounds: &Bounds, counter: &dyn CountTokens) -> Self {
        let mut package = Self::gather(source, bounds, counter);
        package.fit(bounds);
        package
    }

    /// Everything, whatever its length.
    pub(super) fn gather(source: &Source<'_>, bounds: &Bounds, counter: &dyn CountTokens) -> Self {
        let given = Inherited::of(source.work).unwrap_or_default();
        // What the session began with was made of a package, and is in `given`.
        let opening = usize::try_from(given.opening).unwrap_or(usize::MAX);
        let own = opening.saturating_sub(source.skipped);
        let mut package = Self::new(source.from.clone());
        package.masks = Masks::of(Arc::clone(&source.redaction));
        package.work = source.work.clone();
        package.work.extra.remove(NAME);
        // Where the giver went on is nothing to the taker.
        package.work.extra.remove(crate::cycle::NAME);
        package.left_out.clone_from(&given.left_out);
        package.count_left_out(Piece::Components, source.components);

        let (mut acts, observed) = acts(&source.history);
        acts.retain(|act| act.at >= own);
        // Where the beginning is not in memory, the first message there is not the task.
        let wants_task = given.objective.is_none() && source.skipped == 0;
        let said = source.history.iter().zip(&observed).skip(own);
        let (said, task) = said_by_user(said, wants_task);
        package.objective = given.objective.or_else(|| own_task(source)).or(task);
        package.requests = given.requests;
        package.requests.extend(said);
        package.instructions = instructions(&source.context);
        package.summary = summary(&source.context).or(given.summary);
        package.progress = given.progress;
        progress(&package.work, &mut package.progress);
        package.tried = given.tried;
        failed_steps(package.work.workflow.as_ref(), &mut package.tried);
        failed_acts(&acts, bounds, &mut package.tried);
        package.files = files(&acts, given.files);
        package.facts = given.facts;
        package.earlier = given.earlier;
        package.extra = given.extra;
        let open = open_calls(&source.context);
        package.open_calls = open.into_iter().map(|open| open.call.clone()).collect();
        if package.open_calls.is_empty() && own >= source.history.len() {
            // Nothing was said since, and the messages that made the calls were too long to be given.
            package.open_calls = given.open_calls;
        }
        package.recent = tail(&source.context, bounds.recent_tokens, counter);
        let spoken = source.context.iter().filter(|m| is_spoken(m)).count();
        let cut = spoken.saturating_sub(package.recent.len());
        package.count_left_out(Piece::Recent, cut.saturating_add(source.skipped));
        package
    }
}

/// The task of the agent that works.
fn own_task(source: &Source<'_>) -> Option<String> {
    let agents = &source.work.agents;
    let context = match &source.from.agent {
        Some(agent) => agents.get(agent),
        // The only one there is.
        None if agents.len() == 1 => agents.values().next(),
        None => None,
    };
    context?.task.clone().filter(|task| !task.trim().is_empty())
}

fn instructions(context: &[&Message]) -> Vec<Message> {
    let leading = context.iter().take_while(|m| m.role == Role::System);
    leading.map(|message| (*message).clone()).collect()
}

/// What the newest cut of the context put in the place of what it dropped.
fn summary(context: &[&Message]) -> Option<String> {
    let mut notes = context.iter().rev();
    let note = notes.find(|message| Kind::of(message) == Some(Kind::Summary))?;
    Some(note.content.clone())
}

/// What the user said that is no result of an action: later requests, and the task where one is looked for.
fn said_by_user<'a>(
    messages: impl Iterator<Item = (&'a &'a Message, &'a bool)>,
    wants_task: bool,
) -> (Vec<String>, Option<String>) {
    let said = messages.filter(|(message, observed)| message.role == Role::User && !**observed);
    let said = said.map(|(message, _)| text_of(message));
    let mut said = said.filter(|text| !text.trim().is_empty());
    let task = if wants_task { said.next() } else { None };
    (said.collect(), task)
}

/// The text of a message, that of its parts included.
fn text_of(message: &Message) -> String {
    let parts = message
        .parts
        .iter()
        .filter_map(|part| part.get("text")?.as_str());
    let texts = std::iter::once(message.content.as_str()).chain(parts);
    let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}

/// Adds what is finished and not there yet.
fn progress(work: &Work, progress: &mut Vec<String>) {
    let workflow = work.workflow.iter();
    let steps = workflow.flat_map(|workflow| workflow.with_status(&StepStatus::Done));
    let steps = steps.map(|step| step.name.clone());
    let next = work.next_steps.iter().filter(|step| step.is_done());
    for done in steps.chain(next.map(|step| step.text.clone())) {
        if !progress.contains(&done) {
            progress.push(done);
        }
    }
}

fn failed_steps(workflow: Option<&Workflow>, tried: &mut Vec<Tried>) {
    for step in workflow.into_iter().flat_map(|workflow| &workflow.steps) {
        let Some(error) = &step.error else {
            continue;
        };
        if tried
            .iter()
            .any(|t| t.what == step.name && t.error == *error)
        {
            continue;
        }
        let mut failed = Tried::new(&step.name, error);
        failed.times = step.attempts.max(1);
        tried.push(failed);
    }
}

/// Adds the acts that failed, each once, with its last error.
fn failed_acts(acts: &[Act<'_>], bounds: &Bounds, tried: &mut Vec<Tried>) {
    let mut known: HashMap<String, usize> = HashMap::new();
    for (at, before) in tried.iter().enumerate() {
        known.insert(before.what.clone(), at);
    }
    for act in acts {
        let Some(result) = act.result else {
            continue;
        };
        let text = act.text();
        let text = clip(&text, bounds.text_bytes).unwrap_or(text);
        let before = known.get(&text).and_then(|at| tried.get_mut(*at));
        match (is_failure(result), before) {
            (false, Some(before)) => before.worked_since = true,
            (false, None) => {}
            (true, Some(before)) => {
                before.times = before.times.saturating_add(1);
                before.worked_since = false;
                before.error = error_of(result, bounds);
            }
            (true, None) => {
                known.insert(text.clone(), tried.len());
                tried.push(Tried::new(text, error_of(result, bounds)));
            }
        }
    }
}

fn error_of(result: &Message, bounds: &Bounds) -> String {
    let text = text_of(result);
    let text = text.trim();
    clip(text, bounds.text_bytes).unwrap_or_else(|| text.to_owned())
}

/// Each path once, those named last first.
fn files(acts: &[Act<'_>], before: Vec<String>) -> Vec<String> {
    let mut found = before;
    found.reverse();
    for act in acts {
        paths(act, &mut found);
    }
    let mut seen = std::collections::HashSet::new();
    let mut files: Vec<String> = Vec::new();
    for path in found.into_iter().rev() {
        if seen.insert(path.clone()) {
            files.push(path);
        }
    }
    files
}
