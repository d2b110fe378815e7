//! What taking a data point or an event costs, beside decoding it alone. The peers stop where ours begins: they
//! deduplicate, subtract and add up nothing.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use agent_telemetry::otlp::{Encoding, Processor, Signal};
use agent_telemetry::{Record, Sink, SinkError, Telemetry};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use serde::de::DeserializeOwned;

use crate::claude_code::Sessions;
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};

const SESSIONS: u32 = 100;
/// Points or events of one request.
const ITEMS: u32 = 1_000;
/// Events of one session in each request.
const EVENTS: u32 = ITEMS / SESSIONS;
/// Requests that are made at a time.
const AHEAD: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn plans() -> Vec<Plan> {
    vec![
        Plan::new("otlp, a data point", |name| {
            group::<ExportMetricsServiceRequest>(name, Signal::Metrics, Encoding::Protobuf)
        }),
        Plan::new("otlp, a data point in JSON", |name| {
            group::<ExportMetricsServiceRequest>(name, Signal::Metrics, Encoding::Json)
        }),
        Plan::new("otlp, an event", |name| {
            group::<ExportLogsServiceRequest>(name, Signal::Logs, Encoding::Protobuf)
        }),
        Plan::new("otlp, an event in JSON", |name| {
            group::<ExportLogsServiceRequest>(name, Signal::Logs, Encoding::Json)
        }),
    ]
}

fn group<T>(name: &'static str, signal: Signal, encoding: Encoding) -> Result<Group, Broken>
where
    T: Message + Default + DeserializeOwned + 'static,
{
    let requests = || Requests::new(signal, encoding);
    let mut cases = vec![Case::steps(
        Kind::Ours,
        "taken by the processor",
        version_of("agent-telemetry"),
        Taken::new(requests(), 1)?,
    )];
    if signal == Signal::Metrics {
        cases.push(Case::steps(
            Kind::Ours,
            "taken, eight requests in a row",
            version_of("agent-telemetry"),
            Taken::new(requests(), AHEAD)?,
        ));
    }
    let mut peer = |crate_name, decode| {
        let decoded = Decoded {
            requests: requests(),
            body: Vec::new(),
            decode,
        };
        let name = format!("{crate_name}, decoded");
        cases.push(Case::steps(
            Kind::Peer,
            name,
            version_of(crate_name),
            decoded,
        ));
    };
    match encoding {
        Encoding::Json => {
            peer("serde_json", |body| {
                let read = serde_json::from_slice::<T>(body);
                read.map(drop_read).map_err(Broken::when("read a request"))
            });
            peer("sonic-rs", |body| {
                let read = sonic_rs::from_slice::<T>(body);
                read.map(drop_read).map_err(Broken::when("read a request"))
            });
        }
        _ => peer("prost", |body| {
            let read = T::decode(body);
            read.map(drop_read).map_err(Broken::when("read a request"))
        }),
    }
    Ok(Group::new(name, cases))
}

fn drop_read<T>(read: T) {
    drop(black_box(read));
}

/// One request after the other, each a minute after the one before.
struct Requests {
    sessions: Sessions,
    signal: Signal,
    encoding: Encoding,
    rounds: u32,
    /// Made ahead, for what makes them leaves the caches to those who read them.
    ahead: VecDeque<Vec<u8>>,
}

impl Requests {
    fn new(signal: Signal, encoding: Encoding) -> Self {
        Self {
            sessions: Sessions {
                began: 1_795_132_800_000_000_000,
                between: 60_000_000_000,
            },
            signal,
            encoding,
            rounds: 0,
            ahead: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Result<Vec<u8>, Broken> {
        if self.ahead.is_empty() {
            for _ in 0..AHEAD {
                let request = self.request()?;
                self.ahead.push_back(request);
            }
        }
        Ok(self.ahead.pop_front().unwrap_or_default())
    }

    fn request(&mut self) -> Result<Vec<u8>, Broken> {
        let before = self.rounds;
        if self.signal == Signal::Metrics {
            self.rounds += 1;
            let sent = &self.sessions;
            return sent.metrics(0..SESSIONS, self.rounds, self.encoding);
        }
        self.rounds += EVENTS;
        let rounds = before..self.rounds;
        self.sessions.events(0..SESSIONS, rounds, self.encoding)
    }
}

/// Every item is news, of a series or a session that is known.
struct Taken {
    requests: Requests,
    processor: Processor,
    in_a_row: u32,
    bodies: Vec<Vec<u8>>,
    sent: u64,
}

/// What is recorded is not what is measured.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        black_box(batch);
        Ok(())
    }
}

impl Taken {
    fn new(requests: Requests, in_a_row: u32) -> Result<Self, Broken> {
        let telemetry = Telemetry::builder(Nowhere)
            .start()
            .map_err(Broken::when("start the recorder"))?;
        let processor = Processor::builder(&telemetry)
            .start()
            .map_err(Broken::when("start the processor"))?;
        let mut taken = Self {
            requests,
            processor,
            in_a_row,
            bodies: Vec::new(),
            sent: 0,
        };
        // From here on all series are known.
        taken.prepare()?;
        taken.run()?;
        Ok(taken)
    }

    /// How many were taken as what they are.
    fn news(&self) -> u64 {
        let figures = self.processor.figures();
        figures.points.added + figures.logs.known
    }
}

impl Steps for Taken {
    fn prepare(&mut self) -> Result<(), Broken> {
        let news = self.news();
        if news != self.sent {
            let why = format!("{news} of {} were news", self.sent);
            return Err(Broken::new("take a request", why));
        }
        self.bodies.clear();
        for _ in 0..self.in_a_row {
            self.bodies.push(self.requests.next()?);
        }
        if self.requests.signal == Signal::Metrics {
            return Ok(());
        }
        // Each event becomes a record, of which so many may wait.
        let flushed = self.processor.flush(PATIENCE);
        flushed
            .then_some(())
            .ok_or_else(|| Broken::new("record what was taken", "it takes too long"))
    }

    fn calls(&self) -> u32 {
        self.in_a_row * ITEMS
    }

    fn run(&mut self) -> Result<(), Broken> {
        let (signal, encoding) = (self.requests.signal, self.requests.encoding);
        for body in &self.bodies {
            let accepted = self.processor.ingest(signal, encoding, black_box(body));
            black_box(accepted.map_err(Broken::when("take a request"))?);
        }
        self.sent += u64::from(self.calls());
        Ok(())
    }
}

struct Decoded {
    requests: Requests,
    body: Vec<u8>,
    decode: fn(&[u8]) -> Result<(), Broken>,
}

impl Steps for Decoded {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.body = self.requests.next()?;
        Ok(())
    }

    fn calls(&self) -> u32 {
        ITEMS
    }

    fn run(&mut self) -> Result<(), Broken> {
        (self.decode)(black_box(&self.body))
    }
}
