//! Runs the counting program under callgrind.

use std::path::Path;
use std::process::Command;

use super::record::Gate;
use crate::harness::{Broken, COUNTED};

/// Calls that are counted unless a gate says otherwise.
const CALLS: u32 = 1000;
/// A run of so many of them, as many to warm up before, is taken off one that is longer by the calls that count:
/// what is done once falls out.
const SHORTER: u32 = 5;

/// Instructions of one call through `gate`'s path, by running `program` twice.
pub(super) fn instructions(program: &Path, gate: &Gate) -> Result<f64, Broken> {
    let counted = gate.calls.unwrap_or(CALLS);
    let before = (counted / SHORTER).max(1);
    let (few_calls, few) = run(program, gate, before, before)?;
    let (many_calls, many) = run(program, gate, counted.saturating_add(before), before)?;
    let doing = "count instructions";
    let difference = many.checked_sub(few).zip(many_calls.checked_sub(few_calls));
    let Some((spent, calls @ 1..)) = difference else {
        let why = format!("{many_calls} calls took {many}, {few_calls} took {few}");
        return Err(Broken::new(doing, why));
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "far below 2^52, and shown with a decimal"
    )]
    let spent = spent as f64;
    Ok(spent / f64::from(calls))
}

/// How often the case ran after so many calls before, and what was collected.
fn run(program: &Path, gate: &Gate, calls: u32, before: u32) -> Result<(u32, u64), Broken> {
    let doing = "count instructions";
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(program)
        .args([&gate.group, &gate.case, &calls.to_string()])
        .arg(before.to_string())
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
