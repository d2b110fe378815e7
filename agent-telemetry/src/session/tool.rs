//! Calls of one tool: a handle that is resolved once, and a call under way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, Monotonic, ToolName};

use super::Origin;
use super::bound::Bound;
use crate::record::nanos;
use crate::telemetry::{Figures, Target};
use crate::{ToolCall, ToolOutcome, trace};

/// Records calls of one tool in one session. Made once and kept, it records a call without an
/// allocation, and threads that share it do not wait for each other.
///
/// Cheap to clone. It may outlive its session.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, SessionId, ToolName};
/// use agent_telemetry::{MemorySink, SessionStart, Stats, Telemetry, ToolOutcome};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// let grep = session.tool(ToolName::new("grep")?);
/// grep.record(ToolOutcome::Ok, Duration::from_millis(3));
///
/// telemetry.flush(Duration::from_secs(5))?;
/// assert_eq!(Stats::of(sink.records()).performance.tools[0].ok, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ToolHandle(Arc<Bound<ToolName>>);

impl ToolHandle {
    pub(super) fn new(origin: Arc<Origin>, tool: ToolName) -> Self {
        let target = Target::Tool(tool.clone());
        Self(Bound::new(origin, target, tool))
    }

    /// Records a call that has just ended. Durations beyond 584 years are cut to that.
    pub fn record(&self, outcome: ToolOutcome, elapsed: Duration) {
        let it = &*self.0;
        let nanos = nanos(elapsed);
        it.push(Figures::Tool { outcome, nanos });
        if trace::is_enabled() {
            trace::tool_end(&trace::tool_span(&it.origin.span, &it.called), outcome);
        }
    }
}

impl fmt::Debug for ToolHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolHandle")
            .field("tool", &self.0.called)
            .finish_non_exhaustive()
    }
}

/// A tool call under way. Dropping it without [`ok`](Self::ok) or [`failed`](Self::failed) records
/// [`ToolOutcome::Aborted`]. May outlive its session and move to another thread.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::{AgentId, SessionId, Timestamp, ToolName};
/// use agent_telemetry::{MemorySink, SessionStart, Stats, Telemetry};
///
/// let sink = MemorySink::new();
/// let telemetry = Telemetry::builder(sink.clone()).start()?;
/// let session = telemetry.session(SessionStart::new(SessionId::new("s1")?, AgentId::new("coder")?));
/// let grep = ToolName::new("grep")?;
/// session.tool_call(grep.clone()).ok();
/// session.tool_call(grep.clone()).failed();
/// drop(session.tool_call(grep));
///
/// telemetry.flush(Duration::from_secs(5))?;
/// let tools = Stats::of(sink.records()).performance.tools;
/// assert_eq!((tools[0].calls, tools[0].ok, tools[0].failed, tools[0].aborted), (3, 1, 1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping the span records the call as aborted"]
pub struct ToolCallSpan {
    pub(super) origin: Arc<Origin>,
    pub(super) span: tracing::Span,
    pub(super) tool: ToolName,
    pub(super) began: Monotonic,
    pub(super) outcome: ToolOutcome,
}

impl ToolCallSpan {
    /// The tool did its work.
    pub fn ok(mut self) {
        self.outcome = ToolOutcome::Ok;
    }

    /// The tool reported an error.
    pub fn failed(mut self) {
        self.outcome = ToolOutcome::Failed;
    }
}

impl Drop for ToolCallSpan {
    fn drop(&mut self) {
        let elapsed = self.origin.telemetry.clock().monotonic().since(self.began);
        trace::tool_end(&self.span, self.outcome);
        self.origin
            .record(ToolCall::new(self.tool.clone(), self.outcome, elapsed));
    }
}

impl fmt::Debug for ToolCallSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCallSpan")
            .field("tool", &self.tool)
            .finish_non_exhaustive()
    }
}
