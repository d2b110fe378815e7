//! What every sink that stores records must do, to be run against one's own.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use agent_primitives::{
    FailureKind, Handoff, HandoffReason, ModelId, ProviderId, SessionId, Timestamp, TokenUsage,
    ToolName, Usd,
};

use crate::{
    Body, Candidate, Decision, FilesChanged, Mark, Metric, ModelCall, Outcome, ProjectId, Record,
    SessionEnd, Severity, Sink, Task, TaskTiming, ToolCall, ToolOutcome, Violation,
};

/// What a sink did that the contract of [`Sink`] does not allow.
///
/// ```
/// use agent_telemetry::{MemorySink, check_sink};
///
/// let error = check_sink(|| Ok(MemorySink::new()), || Ok(Vec::new())).unwrap_err();
/// assert_eq!(error.to_string(), "a sink broke its contract: 1 of 1 records of the first batch are missing");
/// ```
#[derive(Debug)]
pub struct BrokenContract(String);

impl fmt::Display for BrokenContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sink broke its contract: {}", self.0)
    }
}

impl std::error::Error for BrokenContract {}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Checks that a sink stores whole batches in order, gives every kind of record back as it was, keeps
/// what it has when it is opened again, keeps one key for people, and has either no marks ever or the newest
/// of each key. `open` opens the store, empty at first and the same one each time; `read` gives all that it
/// holds, in the order of recording and without marks.
///
/// ```
/// use agent_telemetry::{MemorySink, check_sink};
///
/// let sink = MemorySink::new();
/// check_sink(|| Ok(sink.clone()), || Ok(sink.records()))?;
/// # Ok::<(), agent_telemetry::BrokenContract>(())
/// ```
///
/// # Errors
/// [`BrokenContract`] says what was not so.
pub fn check_sink<S: Sink>(
    mut open: impl FnMut() -> Result<S, Cause>,
    mut read: impl FnMut() -> Result<Vec<Record>, Cause>,
) -> Result<(), BrokenContract> {
    let fail = |what: &'static str| move |cause: Cause| BrokenContract(format!("{what}: {cause}"));
    let written = |cause: crate::SinkError| BrokenContract(format!("a batch is refused: {cause}"));
    let mut expected: Vec<Record> = Vec::new();
    let mut key = None;
    let mut marks = Marks::default();
    for (what, batch) in batches() {
        // Opened again for each, and so closed in between.
        let mut sink = open().map_err(fail("it does not open"))?;
        let found = sink
            .user_key()
            .map_err(|cause| BrokenContract(format!("it gives no key: {cause}")))?
            .to_bytes();
        if *key.get_or_insert(found) != found {
            return Err(BrokenContract(
                "the key for people is another one".to_owned(),
            ));
        }
        marks.compare(&mut sink)?;
        sink.write(&[]).map_err(written)?;
        sink.write(&batch).map_err(written)?;
        let size = batch.len();
        marks.expect(&batch);
        marks.compare(&mut sink)?;
        expected.extend(batch.iter().map(Record::clone_without_marks));
        drop(sink);
        let stored = read().map_err(fail("it cannot be read"))?;
        if let Some(missing) = expected.len().checked_sub(stored.len())
            && missing > 0
        {
            return Err(BrokenContract(format!(
                "{missing} of {size} records of {what} are missing"
            )));
        }
        let differ = expected.iter().zip(&stored).find(|(was, is)| was != is);
        if let Some((was, is)) = differ {
            return Err(BrokenContract(format!(
                "in {what}, {was:?} reads back as {is:?}"
            )));
        }
        if stored.len() > expected.len() {
            return Err(BrokenContract(format!("{what} is there more than once")));
        }
    }
    Ok(())
}

/// What a sink must have by now, if it has any.
#[derive(Default)]
struct Marks {
    expected: BTreeMap<u128, Mark>,
    has_had: bool,
}

impl Marks {
    fn expect(&mut self, batch: &[Record]) {
        let marks = batch.iter().flat_map(Record::marks);
        self.expected
            .extend(marks.map(|mark| (mark.key(), mark.clone())));
    }

    fn compare(&mut self, sink: &mut impl Sink) -> Result<(), BrokenContract> {
        let found = sink
            .marks()
            .map_err(|cause| BrokenContract(format!("it gives no marks: {cause}")))?;
        self.has_had |= !found.is_empty();
        let count = found.len();
        let found: BTreeMap<u128, Mark> =
            found.into_iter().map(|mark| (mark.key(), mark)).collect();
        let is_newest = count == found.len() && found == self.expected;
        if self.has_had && !is_newest {
            return Err(BrokenContract(
                "its marks are not the newest of each key".to_owned(),
            ));
        }
        Ok(())
    }
}

fn batches() -> Vec<(&'static str, Vec<Record>)> {
    let numbered = |number: u32| {
        let at = Timestamp::from_unix_seconds(1_800_000_000 + i64::from(number));
        Record::new(at, Metric::count("number", number))
    };
    // Keys that come again in one batch, in a later one, and never.
    let marked = |number: u32| {
        let state = number.to_be_bytes().repeat(number as usize % 5);
        let keys = [u128::from(number % 7), u128::MAX - u128::from(number)];
        let marks: Vec<Mark> = keys
            .into_iter()
            .filter_map(|key| Mark::new(key, state.clone()).ok())
            .collect();
        let record = numbered(number);
        record.clone().with_marks(marks).unwrap_or(record)
    };
    let kinds = kinds().unwrap_or_default();
    vec![
        ("the first batch", vec![numbered(0)]),
        ("the batch of all kinds", kinds),
        ("the long batch", (1..5_000).map(numbered).collect()),
        ("the batch with marks", (5_000..5_050).map(marked).collect()),
        ("the last batch", (5_050..5_053).map(marked).collect()),
    ]
}

/// Extremes and texts that a format may stumble over.
fn kinds() -> Result<Vec<Record>, Cause> {
    let text = "\"quoted\", back\\slash, line\nfeed, nul \0, \u{2028} and 🦀";
    let (provider, model) = (ProviderId::new("claude")?, ModelId::new("large")?);
    let mut call = ModelCall::new(provider.clone(), model.clone())
        .usage(
            TokenUsage::new(1, 1 << 50)
                .with_cache_read(3)
                .with_cache_write_5m(4)
                .with_cache_write_1h(5)
                .with_reasoning(1 << 49)?,
        )
        .cost(Usd::from_picos(i128::MAX))
        .latency(Duration::from_nanos(i64::MAX as u64))
        .first_token(Duration::from_nanos(1))
        .attempts(u32::MAX)
        .streamed();
    call.failure = Some(FailureKind::Overloaded);
    let task = Task {
        task_type: Some("bug_fix".into()),
        description: Some(text.into()),
        ..Task::default()
    };
    let bodies: Vec<Body> = vec![
        Body::SessionStart(task.clone()),
        Body::SessionResume(task),
        call.into(),
        ModelCall::new(provider.clone(), model)
            .cost(Usd::from_picos(-1))
            .into(),
        ToolCall::new(ToolName::new("grep")?, ToolOutcome::Aborted, Duration::ZERO).into(),
        Handoff::manual(provider.clone(), provider, HandoffReason::Manual).into(),
        Metric::count("number", 0).into(),
        Violation::new("lint", Severity::Critical, text)
            .at(text, 7)
            .into(),
        Decision::new("d-1", "provider")
            .candidate(Candidate::new("claude").score(0.1).lost(text))
            .choice("claude")
            .confidence(0.3)
            .into(),
        FilesChanged::new(i64::MAX as u64).lines(0, 1).into(),
        TaskTiming::new(Duration::from_nanos(7), Duration::ZERO).into(),
        SessionEnd::new(Outcome::Escalated, Duration::from_secs(90)).into(),
    ];
    let (session, project) = (SessionId::new("s-1")?, ProjectId::new("acme/shop")?);
    let times = [1_800_000_000_000_000_001, 1_800_000_000_000_000_000];
    Ok(bodies
        .into_iter()
        .zip(times.into_iter().cycle())
        .enumerate()
        .map(|(place, (body, nanos))| {
            let record = Record::new(Timestamp::from_unix_nanos(nanos), body);
            if place % 3 == 0 {
                record
            } else {
                record
                    .of_session(session.clone())
                    .of_project(project.clone())
            }
        })
        .collect())
}
