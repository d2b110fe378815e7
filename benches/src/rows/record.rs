//! Recording a call: what telemetry charges the thread that reports, alone and with another thread
//! that reports as well.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use agent_primitives::{
    AgentId, Clock, ModelId, ProviderId, SessionId, SystemClock, TokenUsage, ToolName, Usd,
};
use agent_telemetry::{
    Answer, CoarseTimestamps, Dropped, Live, LiveConfig, ModelCall, Record, Session, SessionStart,
    Sink, SinkError, Telemetry, ToolOutcome,
};
use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing_subscriber::Registry;

use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};

/// Calls of a thread between two times that the queue is emptied: fewer than it holds.
const CALLS: u32 = 1000;
/// As large as an event with names and numbers in it.
type Event = [u64; 16];
/// All calls that one thread makes in a run.
type Calls = Box<dyn FnMut() + Send>;
/// A way to record on a recorder.
type Recorded = fn(&Recorder) -> Result<Calls, Broken>;

fn repeated(mut call: impl FnMut(u32) + Send + 'static) -> Calls {
    Box::new(move || (0..CALLS).for_each(&mut call))
}

pub(super) fn plans() -> Vec<Plan> {
    let mut plans = vec![Plan::new("record a model call", |name| {
        Ok(Group::new(name, cases(1)?).samples(201))
    })];
    plans.push(Plan::new(
        "record a model call, two threads at once",
        |name| Ok(Group::new(name, cases(2)?).samples(201)),
    ));
    plans
}

fn cases(threads: usize) -> Result<Vec<Case>, Broken> {
    let version = version_of("agent-telemetry");
    let recorded_by = |recorder: Recorder, name: &str, call: Recorded| {
        let calls = (0..threads)
            .map(|_| call(&recorder))
            .collect::<Result<_, _>>()?;
        let empty = move || recorder.empty();
        Ok(Case::steps(
            Kind::Ours,
            name,
            version,
            Together::new(calls, empty),
        ))
    };
    let recorded = |name: &str, call: Recorded| recorded_by(Recorder::new(None)?, name, call);
    let mut watched = Vec::new();
    if threads == 1 {
        // Whoever reads needs a processor too, so two threads and a reader do not run at once everywhere.
        for (name, reader) in [
            ("model handle, watched", Reader::Reads),
            ("model handle, watched by one that is stuck", Reader::Stuck),
        ] {
            let seen = Recorder::new(None)?.watched(reader)?;
            watched.push(recorded_by(seen, name, Recorder::model_handle)?);
        }
    }
    let mut cases = vec![
        recorded("model handle", Recorder::model_handle)?,
        recorded("tool handle", Recorder::tool_handle)?,
        recorded_by(
            Recorder::new(Some(CoarseTimestamps))?,
            "model handle, coarse time stamps",
            Recorder::model_handle,
        )?,
        recorded("session.model_call", Recorder::model_call)?,
        recorded("session.tool_call", Recorder::tool_call)?,
        otel(threads),
        registry(threads),
        channel(threads),
        clock(threads),
    ];
    cases.extend(watched);
    Ok(cases)
}

/// Who watches what is recorded.
#[derive(Clone, Copy)]
enum Reader {
    /// A thread of its own that takes each record.
    Reads,
    /// Nobody reads, and the recorder goes on trying.
    Stuck,
}

/// Takes everything and keeps nothing: the writer's work is not what is measured.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _batch: &[Record]) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A recorder with one session that all threads share.
struct Recorder {
    telemetry: Telemetry,
    session: Arc<Session>,
    /// A subscription that nobody reads.
    _stuck: Option<Live>,
}

static PROVIDER: LazyLock<Option<ProviderId>> = LazyLock::new(|| "anthropic".parse().ok());

impl Recorder {
    fn new(clock: Option<CoarseTimestamps>) -> Result<Self, Broken> {
        let doing = "start telemetry";
        let builder = Telemetry::builder(Nowhere);
        let telemetry = match clock {
            Some(clock) => builder.clock(clock).start(),
            None => builder.start(),
        };
        let telemetry = telemetry.map_err(Broken::when(doing))?;
        let session = SessionId::new("bench").map_err(Broken::when(doing))?;
        let agent = AgentId::new("bench").map_err(Broken::when(doing))?;
        Ok(Self {
            session: Arc::new(telemetry.session(SessionStart::new(session, agent))),
            telemetry,
            _stuck: None,
        })
    }

    /// The same, watched.
    fn watched(self, reader: Reader) -> Result<Self, Broken> {
        let config = LiveConfig::new().patience(NonZeroUsize::MAX);
        let live = self.telemetry.subscribe(config);
        let live = live.map_err(Broken::when("watch the recorder"))?;
        let stuck = match reader {
            Reader::Stuck => Some(live),
            Reader::Reads => {
                // Ends with the recorder.
                thread::spawn(move || live.for_each(drop));
                None
            }
        };
        Ok(Self {
            _stuck: stuck,
            ..self
        })
    }

    fn names() -> Result<(ProviderId, ModelId), Broken> {
        let doing = "name the model";
        let provider = PROVIDER.clone();
        let provider = provider.ok_or_else(|| Broken::new(doing, "the provider has no name"))?;
        let model = ModelId::new("claude-sonnet-4-5").map_err(Broken::when(doing))?;
        Ok((provider, model))
    }

    fn empty(&self) -> Result<(), Broken> {
        self.telemetry
            .flush(Duration::from_secs(5))
            .map_err(Broken::when("empty the queue"))?;
        if self.telemetry.dropped() == Dropped::default() {
            Ok(())
        } else {
            Err(Broken::new("record a call", "the queue was full"))
        }
    }

    fn model_handle(&self) -> Result<Calls, Broken> {
        let (provider, model) = Self::names()?;
        let handle = self.session.model(provider, model);
        Ok(repeated(move |number| {
            let usage = TokenUsage::new(u64::from(number), 200);
            let latency = Duration::from_millis(u64::from(number));
            handle.record(std::hint::black_box(
                Answer::new(usage, latency).cost(Usd::ZERO),
            ));
        }))
    }

    fn tool_handle(&self) -> Result<Calls, Broken> {
        let tool = ToolName::new("grep").map_err(Broken::when("name the tool"))?;
        let handle = self.session.tool(tool);
        Ok(repeated(move |number| {
            let elapsed = Duration::from_millis(u64::from(number));
            handle.record(std::hint::black_box(ToolOutcome::Ok), elapsed);
        }))
    }

    fn model_call(&self) -> Result<Calls, Broken> {
        let (provider, model) = Self::names()?;
        let session = Arc::clone(&self.session);
        Ok(repeated(move |number| {
            let call = ModelCall::new(provider.clone(), model.clone())
                .usage(TokenUsage::new(u64::from(number), 200))
                .cost(Usd::ZERO)
                .latency(Duration::from_millis(u64::from(number)));
            session.model_call(std::hint::black_box(call));
        }))
    }

    fn tool_call(&self) -> Result<Calls, Broken> {
        let tool = ToolName::new("grep").map_err(Broken::when("name the tool"))?;
        let session = Arc::clone(&self.session);
        Ok(repeated(move |_| session.tool_call(tool.clone()).ok()))
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what stands between two rounds may fail elsewhere"
)]
fn nothing() -> Result<(), Broken> {
    Ok(())
}

/// The SDK alone, without an exporter: what it charges the thread that ends a span.
fn otel(threads: usize) -> Case {
    let provider = SdkTracerProvider::builder().build();
    let tracer: SdkTracer = provider.tracer("bench");
    let call = || -> Calls {
        let (tracer, _provider) = (tracer.clone(), provider.clone());
        repeated(move |number| {
            let mut span = tracer.start("chat");
            span.set_attribute(opentelemetry::KeyValue::new(
                "gen_ai.operation.name",
                "chat",
            ));
            span.set_attribute(opentelemetry::KeyValue::new(
                "gen_ai.request.model",
                "claude-sonnet-4-5",
            ));
            span.set_attribute(opentelemetry::KeyValue::new(
                "gen_ai.usage.input_tokens",
                i64::from(number),
            ));
            span.set_attribute(opentelemetry::KeyValue::new(
                "gen_ai.usage.output_tokens",
                200,
            ));
            span.end();
        })
    };
    let calls = (0..threads).map(|_| call()).collect();
    let version = version_of("opentelemetry_sdk");
    let work = Together::new(calls, nothing);
    Case::steps(Kind::Peer, "OpenTelemetry span", version, work)
}

fn registry(threads: usize) -> Case {
    let dispatch = tracing::Dispatch::new(Registry::default());
    let call = || -> Calls {
        let dispatch = dispatch.clone();
        Box::new(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                for number in 0..CALLS {
                    let _span = tracing::info_span!(
                        "chat",
                        gen_ai.operation.name = "chat",
                        gen_ai.request.model = "claude-sonnet-4-5",
                        gen_ai.usage.input_tokens = number,
                        gen_ai.usage.output_tokens = 200,
                    )
                    .entered();
                }
            });
        })
    };
    let calls = (0..threads).map(|_| call()).collect();
    let version = version_of("tracing-subscriber");
    let work = Together::new(calls, nothing);
    Case::steps(Kind::Peer, "tracing span on a registry", version, work)
}

/// What a bounded queue takes alone.
fn channel(threads: usize) -> Case {
    let (sender, receiver): (SyncSender<Event>, Receiver<Event>) =
        sync_channel(2 * threads * CALLS as usize);
    let call = || -> Calls {
        let sender = sender.clone();
        repeated(move |number| {
            let event = std::hint::black_box([u64::from(number); 16]);
            // Has room for all calls of a run.
            let _ = sender.try_send(event);
        })
    };
    let calls = (0..threads).map(|_| call()).collect();
    let empty = move || {
        while receiver.try_recv().is_ok() {}
        Ok(())
    };
    let work = Together::new(calls, empty);
    Case::steps(Kind::Floor, "std channel, 128 B", "", work)
}

/// What every record has in it.
fn clock(threads: usize) -> Case {
    let call = || -> Calls {
        repeated(|_| {
            std::hint::black_box(SystemClock.timestamp());
        })
    };
    let calls = (0..threads).map(|_| call()).collect();
    let work = Together::new(calls, nothing);
    Case::steps(Kind::Floor, "one time stamp", "", work)
}

/// The same calls on several threads at once: the calling one and those that wait for it.
struct Together {
    own: Calls,
    others: Vec<JoinHandle<()>>,
    signals: Arc<Signals>,
    empty: Box<dyn FnMut() -> Result<(), Broken>>,
}

/// Rounds begun and ended; `u32::MAX` begun means the end of all.
#[derive(Default)]
struct Signals {
    begun: AtomicU32,
    ended: AtomicU32,
}

impl Together {
    fn new(calls: Vec<Calls>, empty: impl FnMut() -> Result<(), Broken> + 'static) -> Self {
        let signals = Arc::new(Signals::default());
        let mut calls = calls.into_iter();
        let own = calls.next().unwrap_or_else(|| Box::new(|| ()));
        let others = calls
            .map(|mut call| {
                let signals = Arc::clone(&signals);
                thread::spawn(move || {
                    let mut round = 1;
                    loop {
                        match signals.begun.load(Ordering::Acquire) {
                            u32::MAX => break,
                            begun if begun < round => thread::yield_now(),
                            _ => {
                                call();
                                signals.ended.fetch_add(1, Ordering::Release);
                                round += 1;
                            }
                        }
                    }
                })
            })
            .collect();
        Self {
            own,
            others,
            signals,
            empty: Box::new(empty),
        }
    }

    /// Until all others have ended so many rounds.
    fn wait(&self, rounds: u32) {
        let others = u32::try_from(self.others.len()).unwrap_or(0);
        while self.signals.ended.load(Ordering::Acquire) < rounds * others {
            std::hint::spin_loop();
        }
    }
}

impl Steps for Together {
    fn prepare(&mut self) -> Result<(), Broken> {
        self.wait(self.signals.begun.load(Ordering::Relaxed));
        (self.empty)()
    }

    fn calls(&self) -> u32 {
        CALLS
    }

    fn run(&mut self) -> Result<(), Broken> {
        self.signals.begun.fetch_add(1, Ordering::Release);
        (self.own)();
        Ok(())
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        self.signals.begun.store(u32::MAX, Ordering::Release);
        for other in self.others.drain(..) {
            // It has nothing to say, and a panic in it was its own.
            let _ = other.join();
        }
    }
}
