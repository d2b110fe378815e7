//! Runs every case under a counting allocator and prints what one operation allocates, as JSON.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the counts are the product, and the caller reads them from there"
)]

use std::process::ExitCode;

use agent_benches::harness::{Allocated, Broken, Options, count};
use agent_benches::rows::{self, Setting};

fn main() -> ExitCode {
    match run() {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            eprintln!("count_allocations: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Broken> {
    let options = Options::parse(std::env::args_os().skip(1))?;
    let mut counted = Vec::new();
    let scratch = options.scratch.clone().unwrap_or_else(std::env::temp_dir);
    for plan in rows::plans(&Setting::new(scratch, options.effort)) {
        if options.wants(plan.name) {
            counted.extend(count(&mut plan.group()?, options.effort, meter)?);
        }
    }
    serde_json::to_string(&counted).map_err(Broken::when("write the counts"))
}

fn meter(work: &mut dyn FnMut()) -> Allocated {
    let seen = allocation_counter::measure(work);
    Allocated {
        count: seen.count_total,
        bytes: seen.bytes_total,
        peak: seen.bytes_max,
    }
}
