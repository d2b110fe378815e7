//! Runs one case so many times, for callgrind to count what it executes: `count_instructions GROUP
//! CASE CALLS BEFORE`, after so many calls before. Prints how often it ran.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the count is the product, and the caller reads it from there"
)]

use std::process::ExitCode;

use agent_benches::harness::{Broken, Effort, perform};
use agent_benches::rows::{self, Setting};

fn main() -> ExitCode {
    match run() {
        Ok(calls) => {
            println!("{calls}");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            eprintln!("count_instructions: {broken}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<u32, Broken> {
    let doing = "read the arguments (GROUP CASE CALLS BEFORE)";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [group, case, calls, before] = arguments.as_slice() else {
        return Err(Broken::new(doing, "there are not four of them"));
    };
    let number = |text: &String| text.parse::<u32>().map_err(Broken::when(doing));
    let (calls, before) = (number(calls)?, number(before)?);
    let setting = Setting::new(std::env::temp_dir(), Effort::Full);
    // The first of that name is the one on a single thread.
    let plan = rows::plans(&setting)
        .into_iter()
        .find(|plan| plan.name == group);
    let plan =
        plan.ok_or_else(|| Broken::new(format!("find the group {group:?}"), "there is none"))?;
    perform(&mut plan.group()?, case, calls, before)
}
