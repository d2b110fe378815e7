//! Sends the records of a folder of [`JsonlStore`] with an [`OtlpSink`], and prints what became of them as one line of
//! JSON:
//!
//! ```text
//! otlp_export --records FOLDER --endpoint URL [--names 1.36|1.41|latest] [--temporality WORD] [--handoffs WORD]
//!             [--gzip] [--batch RECORDS] [--queue FOLDER] [--stop-after BATCHES] [--pause MILLISECONDS]
//! ```
//!
//! With `--stop-after` it says `stopped` once so many batches are sent, and goes on with the next line of its input. With
//! `--pause` it waits between batches.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use agent_benches::harness::Broken;
use agent_telemetry::otlp::{
    HandoffSpans, OtlpCounts, OtlpRetry, OtlpSignalCounts, OtlpSink, OtlpStats, OtlpTemporality,
};
use agent_telemetry::{GenAiNames, JsonlStore, Record, Sink as _};
use serde::Serialize;

/// Longest that a server may be away.
const PATIENCE: Duration = Duration::from_secs(60);

struct Options {
    records: PathBuf,
    endpoint: String,
    names: GenAiNames,
    temporality: OtlpTemporality,
    handoffs: HandoffSpans,
    gzip: bool,
    batch: usize,
    queue: Option<PathBuf>,
    stop_after: Option<usize>,
    pause: Duration,
}

#[derive(Serialize)]
struct Said {
    traces: Signal,
    metrics: Signal,
    logs: Signal,
    requests: u64,
    retries: u64,
    queued: u64,
}

#[derive(Serialize)]
struct Signal {
    sent: u64,
    dropped: u64,
}

fn main() -> ExitCode {
    match run() {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            eprintln!("otlp_export: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Broken> {
    let options = options().map_err(Broken::when("read the arguments"))?;
    let records = JsonlStore::open(&options.records).map(|it| it.records());
    let records: Result<Vec<Record>, _> = records.and_then(Iterator::collect);
    let records = records.map_err(Broken::when("read the records"))?;
    let mut sink = sink(&options)?;
    let stats = sink.stats();
    let (_open, never) = std::sync::mpsc::channel::<()>();
    for (batch, number) in records.chunks(options.batch).zip(0..) {
        if options.stop_after == Some(number) {
            empty(&stats)?;
            wait_for_a_line()?;
        }
        sink.write(batch).map_err(Broken::when("send a batch"))?;
        // Nothing comes.
        let _ = never.recv_timeout(options.pause);
    }
    empty(&stats)?;
    drop(sink);
    let said = serde_json::to_string(&Said::of(stats.counts()));
    said.map_err(Broken::when("write the figures"))
}

fn sink(options: &Options) -> Result<OtlpSink, Broken> {
    let retry = OtlpRetry {
        first_delay: Duration::from_millis(10),
        longest_delay: Duration::from_millis(200),
        ..OtlpRetry::default()
    };
    let mut builder = OtlpSink::builder(&options.endpoint)
        .service_name("peers")
        .service_instance("exporter-1")
        .resource("deployment.environment.name", "test")
        .names(options.names)
        .temporality(options.temporality)
        .handoffs(options.handoffs)
        .retry(retry);
    if options.gzip {
        builder = builder.with_gzip();
    }
    if let Some(folder) = &options.queue {
        builder = builder.queue(folder, 1 << 30);
    }
    builder.build().map_err(Broken::when("make the sink"))
}

/// Waits until the queue on disk is empty.
fn empty(stats: &OtlpStats) -> Result<(), Broken> {
    if stats.wait_until_sent(PATIENCE) {
        return Ok(());
    }
    Err(Broken::new("empty the queue", "the server is away"))
}

fn wait_for_a_line() -> Result<(), Broken> {
    println!("stopped");
    let told = std::io::stdout().flush();
    told.map_err(Broken::when("say that it stopped"))?;
    let read = std::io::stdin().read_line(&mut String::new());
    read.map(drop).map_err(Broken::when("wait for a line"))
}

fn options() -> Result<Options, lexopt::Error> {
    use lexopt::Arg::Long;
    use lexopt::ValueExt as _;

    let mut parser = lexopt::Parser::from_env();
    let (mut records, mut endpoint) = (None, None);
    let mut options = Options {
        records: PathBuf::new(),
        endpoint: String::new(),
        names: GenAiNames::default(),
        temporality: OtlpTemporality::Cumulative,
        handoffs: HandoffSpans::ToolCall,
        gzip: false,
        batch: 100,
        queue: None,
        stop_after: None,
        pause: Duration::ZERO,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("records") => records = Some(parser.value()?.into()),
            Long("endpoint") => endpoint = Some(parser.value()?.string()?),
            Long("names") => options.names = parser.value()?.parse_with(names)?,
            Long("temporality") => {
                let word = |word: &str| OtlpTemporality::from_word(word).ok_or("no temporality");
                options.temporality = parser.value()?.parse_with(word)?;
            }
            Long("handoffs") => {
                let word = |word: &str| HandoffSpans::from_word(word).ok_or("no kind of span");
                options.handoffs = parser.value()?.parse_with(word)?;
            }
            Long("gzip") => options.gzip = true,
            Long("batch") => options.batch = parser.value()?.parse::<usize>()?.max(1),
            Long("queue") => options.queue = Some(parser.value()?.into()),
            Long("stop-after") => options.stop_after = Some(parser.value()?.parse()?),
            Long("pause") => options.pause = Duration::from_millis(parser.value()?.parse()?),
            _ => return Err(argument.unexpected()),
        }
    }
    options.records = records.ok_or("--records is wanted")?;
    options.endpoint = endpoint.ok_or("--endpoint is wanted")?;
    Ok(options)
}

fn names(word: &str) -> Result<GenAiNames, &'static str> {
    match word {
        "1.36" => Ok(GenAiNames::V1_36),
        "1.41" => Ok(GenAiNames::V1_41),
        "latest" => Ok(GenAiNames::Latest),
        _ => Err("no generation of names"),
    }
}

impl Said {
    const fn of(counts: OtlpCounts) -> Self {
        Self {
            traces: Signal::of(counts.traces),
            metrics: Signal::of(counts.metrics),
            logs: Signal::of(counts.logs),
            requests: counts.requests,
            retries: counts.retries,
            queued: counts.queued,
        }
    }
}

impl Signal {
    const fn of(counts: OtlpSignalCounts) -> Self {
        Self {
            sent: counts.sent,
            dropped: counts.dropped(),
        }
    }
}
