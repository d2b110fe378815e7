//! What a database of records holds, in sums by session that can be put beside what was sent.

use std::collections::BTreeMap;

use agent_telemetry::{
    Body, Metric, ModelCall, Record, SqliteStore, StoreError, ToolCall, ToolOutcome,
};
use serde::Serialize;

/// Sums by session. Records without a session count under the empty name.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Held {
    /// By name of the session.
    pub sessions: BTreeMap<String, Of>,
}

/// What is held of one session.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Of {
    /// By name of the model.
    pub models: BTreeMap<String, Calls>,
    /// By name of the tool.
    pub tools: BTreeMap<String, Tools>,
    /// By name of the metric.
    pub metrics: BTreeMap<String, Metrics>,
}

/// Calls to one model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Those that were answered.
    pub calls: u64,
    /// Those that were not.
    pub failed: u64,
    /// Tokens of input that were neither read from a cache nor written to one.
    pub input: u64,
    /// Tokens read from a cache.
    pub cache_read: u64,
    /// Tokens written to a cache.
    pub cache_write: u64,
    /// Tokens of output, with those of reasoning.
    pub output: u64,
    /// Tokens of reasoning.
    pub reasoning: u64,
    /// Money in pico-dollars.
    pub cost_picos: i128,
}

/// Calls of one tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tools {
    /// Those that did their work.
    pub ok: u64,
    /// All others.
    pub failed: u64,
}

/// Values of one metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// How many there are.
    pub count: u64,
    /// All of them together.
    pub sum: f64,
    /// The one that was recorded last.
    pub last: f64,
}

impl Held {
    /// Adds up all that is stored by now.
    ///
    /// # Errors
    /// When the database cannot be read to its end.
    pub fn of(store: &SqliteStore) -> Result<Self, StoreError> {
        let mut held = Self::default();
        for record in store.records() {
            held.add(&record?);
        }
        Ok(held)
    }

    fn add(&mut self, record: &Record) {
        let session = record.session.as_ref().map_or("", |it| it.as_str());
        let of = self.sessions.entry(session.to_owned()).or_default();
        match &record.body {
            Body::ModelCall(call) => {
                let model = call.model.as_str().to_owned();
                of.models.entry(model).or_default().add(call);
            }
            Body::ToolCall(call) => {
                let tool = call.tool.as_str().to_owned();
                of.tools.entry(tool).or_default().add(call);
            }
            Body::Metric(metric) => {
                let name = metric.name().to_owned();
                of.metrics.entry(name).or_default().add(metric);
            }
            _ => {}
        }
    }
}

impl Calls {
    fn add(&mut self, call: &ModelCall) {
        // Usage that no single call explains is no call.
        match (call.failure, call.attempts) {
            (Some(_), _) => self.failed += 1,
            (None, 0) => {}
            (None, _) => self.calls += 1,
        }
        self.input += call.usage.input();
        self.cache_read += call.usage.cache_read();
        self.cache_write += call.usage.cache_write();
        self.output += call.usage.output();
        self.reasoning += call.usage.reasoning();
        self.cost_picos += call.cost.map_or(0, agent_primitives::Usd::picos);
    }
}

impl Tools {
    fn add(&mut self, call: &ToolCall) {
        match call.outcome {
            ToolOutcome::Ok => self.ok += 1,
            _ => self.failed += 1,
        }
    }
}

impl Metrics {
    fn add(&mut self, metric: &Metric) {
        self.count += 1;
        self.sum += metric.value();
        self.last = metric.value();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_primitives::{
        FailureKind, ModelId, ProviderId, SessionId, Timestamp, TokenUsage, ToolName, Usd,
    };
    use agent_telemetry::{Sink, SqliteSink, Unit};

    use super::*;

    fn call() -> ModelCall {
        let usage = TokenUsage::new(10, 5)
            .with_cache_read(100)
            .with_cache_write_1h(7);
        ModelCall::new(
            ProviderId::new("anthropic").unwrap(),
            ModelId::new("opus").unwrap(),
        )
        .usage(usage.with_reasoning(2).unwrap())
        .cost(Usd::from_picos(3))
    }

    #[test]
    fn a_database_is_added_up_by_session() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("held.db");
        let tool = |outcome| ToolCall::new(ToolName::new("grep").unwrap(), outcome, Duration::ZERO);
        let of = |body: Body| {
            Record::new(Timestamp::UNIX_EPOCH, body).of_session(SessionId::new("s").unwrap())
        };
        let records = [
            of(call().into()),
            of(call().attempts(0).into()),
            of(call()
                .usage(TokenUsage::default())
                .failed(FailureKind::Timeout)
                .into()),
            of(tool(ToolOutcome::Ok).into()),
            of(tool(ToolOutcome::Aborted).into()),
            of(Metric::new("waiting", 3.0, Unit::Count).unwrap().into()),
            of(Metric::new("waiting", -1.0, Unit::Count).unwrap().into()),
            Record::new(Timestamp::UNIX_EPOCH, call()),
        ];
        SqliteSink::open(&path).unwrap().write(&records).unwrap();

        let held = Held::of(&SqliteStore::open_read_only(&path).unwrap()).unwrap();
        let said = serde_json::to_string(&held).unwrap();
        let one = r#""input":10,"cache_read":100,"cache_write":7,"output":5,"reasoning":2,"cost_picos":3"#;
        let two = r#""input":20,"cache_read":200,"cache_write":14,"output":10,"reasoning":4,"cost_picos":9"#;
        assert_eq!(
            said,
            format!(
                "{}{}{}{}{}",
                r#"{"sessions":{"":{"models":{"opus":{"calls":1,"failed":0,"#,
                one,
                r#"}},"tools":{},"metrics":{}},"s":{"models":{"opus":{"calls":1,"failed":1,"#,
                two,
                r#"}},"tools":{"grep":{"ok":1,"failed":1}},"metrics":{"waiting":{"count":2,"sum":2.0,"last":-1.0}}}}}"#,
            )
        );
    }
}
