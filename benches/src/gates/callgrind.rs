//! Runs the counting program under callgrind.

use std::path::Path;
use std::process::Command;

use super::record::Gate;
use crate::harness::{Broken, COUNTED};

/// Calls of the two runs whose difference is counted: what is done once falls out.
const CALLS: [u32; 2] = [200, 1200];

/// Instructions of one call through `gate`'s path, by running `program` twice.
pub(super) fn instructions(program: &Path, gate: &Gate) -> Result<f64, Broken> {
    let (few_calls, few) = run(program, gate, CALLS[0])?;
    let (many_calls, many) = run(program, gate, CALLS[1])?;
    let doing = "count instructions";
    let difference = many.checked_sub(few).zip(many_calls.checked_sub(few_calls));
    let Some((spent, calls @ 1..)) = difference else {
        let why = format!("{many_calls} calls took {many}, {few_calls} took {few}");
        return Err(Broken::new(doing, why));
    };
    let spent = u32::try_from(spent).map_err(Broken::when(doing))?;
    Ok(f64::from(spent) / f64::from(calls))
}

/// How often the case ran and what was collected.
fn run(program: &Path, gate: &Gate, calls: u32) -> Result<(u32, u64), Broken> {
    let doing = "count instructions";
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(program)
        .args([&gate.group, &gate.case, &calls.to_string()])
        .output()
        .map_err(Broken::when("start valgrind"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let last = said.lines().rev().find(|line| !line.starts_with("=="));
        return Err(Broken::new(doing, last.unwrap_or("valgrind failed")));
    }
    let calls = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .map_err(Broken::when("read how often a case ran"))?;
    match collected(&said) {
        Some(0) => Err(Broken::new(
            doing,
            "callgrind saw none of the counted functions",
        )),
        Some(count) => Ok((calls, count)),
        None => Err(Broken::new(
            doing,
            "callgrind did not say what it collected",
        )),
    }
}

/// The count in what callgrind says on its error stream.
///
/// ```
/// use agent_benches::gates::collected;
///
/// assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 175235\n"), Some(175_235));
/// assert_eq!(collected("==7== Collected :\n"), None);
/// ```
pub fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains(" Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}
