//! Work that is made up, the same each time.

use std::error::Error;
use std::time::Duration;

use agent_primitives::{
    AgentId, FailureKind, ModelId, ProviderId, SessionId, TokenUsage, ToolName, Usd,
};
use agent_telemetry::{
    Family, Histogram, Instrument, Metrics, MetricsError, ModelCall, Outcome, SessionStart,
    Telemetry,
};

/// A metric of the host's own, beside those of the records.
const STEPS: Instrument<(String,)> =
    Instrument::new("agent.step.duration", "s", ["step"]).description("How long steps took.");

pub(crate) struct Work<'a> {
    telemetry: &'a Telemetry,
    steps: Family<(String,), Histogram>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(telemetry: &'a Telemetry, metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            telemetry,
            steps: metrics.histogram(STEPS)?,
        })
    }

    /// Every second session is the reviewer's, every fifth fails.
    pub(crate) fn session(&self, number: u64) -> Result<(), Box<dyn Error>> {
        let (agent, task) = if number.is_multiple_of(2) {
            ("coder", "fix")
        } else {
            ("reviewer", "review")
        };
        let id = SessionId::new(format!("session-{number}"))?;
        let session = self
            .telemetry
            .session(SessionStart::new(id, AgentId::new(agent)?).task_type(task));
        for turn in 1..=3 {
            let call = ModelCall::new(
                ProviderId::new("anthropic")?,
                ModelId::new("claude-sonnet-4-5")?,
            )
            .usage(TokenUsage::new(1_200, 250).with_cache_read(8_000))
            .cost(Usd::from_micros(9_750))
            .latency(Duration::from_millis(700) * turn)
            .first_token(Duration::from_millis(180) * turn);
            session.model_call(call);
            session.tool_call(ToolName::new("grep")?).ok();
            self.steps
                .record_duration(("turn",), Duration::from_millis(800) * turn);
        }
        let failed = number % 5 == 4;
        if failed {
            let call = ModelCall::new(
                ProviderId::new("anthropic")?,
                ModelId::new("claude-sonnet-4-5")?,
            );
            session.model_call(call.failed(FailureKind::Overloaded));
        }
        session.end(if failed {
            Outcome::Failed
        } else {
            Outcome::Success
        });
        Ok(())
    }
}
