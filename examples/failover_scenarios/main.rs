//! Sixteen ways in which a provider fails, and what the caller of a chain sees of each.
//!
//! ```text
//! cargo run --release --example failover_scenarios
//! ```
//!
//! Two scripted providers answer over real HTTP; time is virtual, so that minutes of silence are over in
//! milliseconds. Exit code 1 when a scenario does not pass.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use support::failover::{Caller, Score, Verdict};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let started = Instant::now();
    let score = Score::of(Caller::Chain).await?;
    println!("{score}");
    println!();
    for (name, caller) in [
        ("the same chain, shown word by word", Caller::Streaming),
        ("one provider, with a Policy", Caller::Retrying),
        ("one provider, asked once", Caller::Once),
    ] {
        let other = Score::of(caller).await?;
        println!(
            "{name:<36} {:>2} pass {:>2} partial {:>2} safe errors {:>2} fail",
            other.count(Verdict::Pass),
            other.count(Verdict::Partial),
            other.count(Verdict::SafeError),
            other.count(Verdict::Fail)
        );
    }
    println!("in {:.1} s of real time", started.elapsed().as_secs_f64());
    let all = score.count(Verdict::Pass) == score.0.len();
    Ok(if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
