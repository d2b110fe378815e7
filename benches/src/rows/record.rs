//! Recording a model call: what telemetry charges the thread that reports.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use agent_primitives::{AgentId, ModelId, ProviderId, SessionId, TokenUsage, Usd};
use agent_telemetry::{ModelCall, Record, Session, SessionStart, Sink, SinkError, Telemetry};

use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};

/// Calls between two times that the queue is emptied: fewer than it holds.
const CALLS: u32 = 1000;
/// As large as an event with names and numbers in it.
type Event = [u64; 16];

pub(super) fn plans() -> Vec<Plan> {
    vec![Plan::new("record a model call", |name| {
        let version = version_of("agent-telemetry");
        let cases = vec![
            Case::steps(Kind::Ours, "session.model_call", version, Recorded::new()?),
            Case::steps(Kind::Floor, "std channel, 128 B", "", Sent::new()),
        ];
        Ok(Group::new(name, cases).samples(201))
    })]
}

/// Takes everything and keeps nothing: the writer's work is not what is measured.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _batch: &[Record]) -> Result<(), SinkError> {
        Ok(())
    }
}

struct Recorded {
    telemetry: Telemetry,
    session: Session,
    provider: ProviderId,
    model: ModelId,
}

impl Recorded {
    fn new() -> Result<Self, Broken> {
        let doing = "start telemetry";
        let telemetry = Telemetry::builder(Nowhere).start();
        let telemetry = telemetry.map_err(Broken::when(doing))?;
        let session = SessionId::new("bench").map_err(Broken::when(doing))?;
        let agent = AgentId::new("bench").map_err(Broken::when(doing))?;
        Ok(Self {
            session: telemetry.session(SessionStart::new(session, agent)),
            telemetry,
            provider: ProviderId::new("anthropic").map_err(Broken::when(doing))?,
            model: ModelId::new("claude-sonnet-4-5").map_err(Broken::when(doing))?,
        })
    }
}

impl Steps for Recorded {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.telemetry
            .flush(Duration::from_secs(5))
            .map_err(Broken::when("empty the queue"))?;
        if self.telemetry.dropped() == agent_telemetry::Dropped::default() {
            Ok(())
        } else {
            Err(Broken::new("record a call", "the queue was full"))
        }
    }

    fn calls(&self) -> u32 {
        CALLS
    }

    fn run(&mut self) -> Result<(), Broken> {
        for number in 0..CALLS {
            let call = ModelCall::new(self.provider.clone(), self.model.clone())
                .usage(TokenUsage::new(u64::from(number), 200))
                .cost(Usd::ZERO)
                .latency(Duration::from_millis(u64::from(number)));
            self.session.model_call(std::hint::black_box(call));
        }
        Ok(())
    }
}

/// What a bounded queue takes alone.
struct Sent {
    sender: SyncSender<Event>,
    receiver: Receiver<Event>,
}

impl Sent {
    fn new() -> Self {
        let (sender, receiver) = sync_channel(2 * CALLS as usize);
        Self { sender, receiver }
    }
}

impl Steps for Sent {
    fn prepare(&mut self) -> Result<(), Broken> {
        while self.receiver.try_recv().is_ok() {}
        Ok(())
    }

    fn calls(&self) -> u32 {
        CALLS
    }

    fn run(&mut self) -> Result<(), Broken> {
        for number in 0..CALLS {
            let event = std::hint::black_box([u64::from(number); 16]);
            self.sender
                .try_send(event)
                .map_err(Broken::when("send an event"))?;
        }
        Ok(())
    }
}
