//! A host that others send OTLP to: `otlp_figures --dir FOLDER` prints where it listens, and when its input ends what it
//! stored, in sums by session, as one line of JSON. `otlp_figures FILE` prints the sums of a database.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are the product"
)]

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use agent_benches::harness::Broken;
use agent_benches::held::Held;
use agent_telemetry::otlp::{Processor, Receiver};
use agent_telemetry::{Prices, SqliteSink, SqliteStore, Telemetry};
use serde::Serialize;

const PATIENCE: Duration = Duration::from_secs(30);

/// What was received, and what is held of it.
#[derive(Serialize)]
struct Said {
    #[serde(flatten)]
    held: Held,
    received: Received,
}

#[derive(Serialize)]
struct Received {
    points: u64,
    logs: u64,
    spans: u64,
}

fn main() -> ExitCode {
    match run() {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            eprintln!("otlp_figures: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Broken> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [file] => json(&held(Path::new(file))?),
        [option, folder] if option == "--dir" => host(Path::new(folder)),
        _ => Err(Broken::new(
            "read the arguments",
            "the name of a file is wanted, or --dir and that of a folder",
        )),
    }
}

fn held(file: &Path) -> Result<Held, Broken> {
    let store = SqliteStore::open_read_only(file).map_err(Broken::when("open the database"))?;
    Held::of(&store).map_err(Broken::when("read the database"))
}

fn json(figures: &impl Serialize) -> Result<String, Broken> {
    serde_json::to_string(figures).map_err(Broken::when("write the figures"))
}

fn host(folder: &Path) -> Result<String, Broken> {
    let file = folder.join("telemetry.db");
    let sink = SqliteSink::open(&file).map_err(Broken::when("open the database"))?;
    // What was sent, and nothing that prices add.
    let telemetry = Telemetry::builder(sink)
        .prices(Prices::none())
        .start()
        .map_err(Broken::when("start the recorder"))?;
    let processor = Processor::builder(&telemetry)
        .start()
        .map_err(Broken::when("start the processor"))?;
    let receiver = Receiver::builder(processor.clone())
        .bind("127.0.0.1:0")
        .grpc("127.0.0.1:0")
        .start()
        .map_err(Broken::when("start the receiver"))?;
    if let Some(address) = receiver.grpc_addr() {
        println!("grpc on http://{address}");
    }
    println!("listening on http://{}", receiver.local_addr());
    let told = std::io::stdout().flush();
    told.map_err(Broken::when("say where it listens"))?;

    let mut input = Vec::new();
    let ended = std::io::stdin().read_to_end(&mut input);
    ended.map_err(Broken::when("wait for the end of the input"))?;
    receiver
        .shutdown(PATIENCE)
        .map_err(Broken::when("stop the receiver"))?;
    if !processor.flush(PATIENCE) {
        return Err(Broken::new(
            "store what waits",
            "the recorder did not take it",
        ));
    }
    let figures = processor.figures();
    drop(processor);
    let stopped = telemetry.shutdown(PATIENCE);
    stopped.map_err(Broken::when("stop the recorder"))?;
    json(&Said {
        held: held(&file)?,
        received: Received {
            points: figures.points.total(),
            logs: figures.logs.total(),
            spans: figures.spans.total(),
        },
    })
}
