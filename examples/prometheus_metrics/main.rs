//! Two agents at work, and a page about them that Prometheus reads.
//!
//! ```text
//! cargo run --example prometheus_metrics                  # works, reads its own page once and says what is on it
//! cargo run --example prometheus_metrics -- --port 9464   # goes on until it is stopped; point a Prometheus at it
//! ```
//!
//! Ends with 0 where the page says what was done, with 1 where it does not or cannot be served, and with 2 where the
//! arguments cannot be used.

#![allow(clippy::print_stdout, reason = "a command-line program")]
#![allow(clippy::print_stderr, reason = "a command-line program")]

mod agents;
mod server;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use agent_telemetry::prometheus::{Exporter, Format, Totals};
use agent_telemetry::{MemorySink, Metrics, Telemetry};
use tokio::net::TcpListener;

const FAILED: u8 = 1;
const REFUSED: u8 = 2;
const FLUSH: Duration = Duration::from_secs(5);
/// Between two sessions, where the program goes on.
const PAUSE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let port = match port() {
        Ok(port) => port,
        Err(error) => {
            eprintln!("prometheus_metrics: {error}; give --port NUMBER or nothing");
            return ExitCode::from(REFUSED);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(Into::into)
        .and_then(|it| it.block_on(run(port)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prometheus_metrics: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn port() -> Result<Option<u16>, lexopt::Error> {
    use lexopt::ValueExt as _;
    let mut arguments = lexopt::Parser::from_env();
    let mut port = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("port") => port = Some(arguments.value()?.parse()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(port)
}

async fn run(port: Option<u16>) -> Result<(), Box<dyn Error>> {
    // Any sink: the totals count what it has stored.
    let totals = Totals::new();
    let telemetry = Telemetry::builder(totals.around(MemorySink::new())).start()?;
    let metrics = Metrics::new();
    let exporter = Exporter::new()
        .telemetry(telemetry.clone())
        .totals(totals)
        .metrics(metrics.clone());

    let listener = TcpListener::bind(("127.0.0.1", port.unwrap_or(0))).await?;
    let address = listener.local_addr()?;
    println!("metrics are at http://{address}/metrics");
    tokio::spawn(server::serve(listener, exporter));

    let work = agents::Work::new(&telemetry, &metrics)?;
    if port.is_some() {
        for session in 0_u64.. {
            work.session(session)?;
            tokio::time::sleep(PAUSE).await;
        }
    }
    for session in 0..20 {
        work.session(session)?;
    }
    telemetry.flush(FLUSH)?;
    for format in [Format::Text, Format::OpenMetrics] {
        let page = server::fetch(address, format.content_type()).await?;
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        println!(
            "\n{format:?}: {} lines with values, among them",
            lines.clone().count()
        );
        let shown = [
            "agent_sessions_ended_total",
            "agent_model_cost_usd_total",
            "agent_step_duration_seconds_count",
        ];
        let shown: Vec<&str> = lines
            .filter(|line| shown.iter().any(|it| line.starts_with(it)))
            .collect();
        for line in &shown {
            println!("  {line}");
        }
        let wanted =
            r#"agent_sessions_ended_total{agent="coder",task_type="fix",outcome="success"} 8"#;
        if !shown.contains(&wanted) {
            return Err(format!("the page does not say {wanted}").into());
        }
    }
    Ok(())
}
