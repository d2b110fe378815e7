//! The table of paths and what is to be done about them.

use std::fmt;

use super::judge::{Finding, Verdict, judge};
use super::measure::Measured;
use super::record::{Gate, Gates};

/// Every path beside its gate. `Display` is the table.
///
/// ```
/// use agent_benches::gates::{Gates, Measured, Report};
///
/// let gates: Gates = serde_json::from_str(
///     r#"{"rustc": "rustc 1.95.0", "gates": [
///         {"group": "retry, no failure", "case": "retry", "instructions": 146.0, "allocations": 0.0}
///     ]}"#,
/// )?;
/// let slower = Measured { instructions: 171.0, allocations: 0.0 };
/// let report = Report::new(&gates, "rustc 1.95.0", &[slower]);
/// assert!(!report.passes());
/// assert!(report.to_string().contains("171.0"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Report {
    written_with: String,
    rustc: String,
    paths: Vec<(Gate, Measured, Verdict)>,
}

impl Report {
    /// Holds `measured`, in the order of `gates`, against them.
    pub fn new(gates: &Gates, rustc: &str, measured: &[Measured]) -> Self {
        let paths = gates.gates.iter().zip(measured);
        Self {
            written_with: gates.rustc.clone(),
            rustc: rustc.to_owned(),
            paths: paths
                .map(|(gate, measured)| (gate.clone(), *measured, judge(gate, *measured)))
                .collect(),
        }
    }

    /// Whether every path passes.
    pub fn passes(&self) -> bool {
        let same = self.same_compiler();
        self.paths.iter().all(|(.., verdict)| verdict.passes(same))
    }

    fn same_compiler(&self) -> bool {
        self.written_with == self.rustc
    }

    fn any(&self, wanted: Finding) -> bool {
        let is = |verdict: &Verdict| [verdict.instructions, verdict.allocations].contains(&wanted);
        self.paths.iter().any(|(.., verdict)| is(verdict))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self
            .paths
            .iter()
            .map(|(gate, ..)| format!("{}: {}", gate.group, gate.case))
            .collect();
        let width = names.iter().map(|name| name.chars().count()).max();
        let width = width.unwrap_or_default().max("path".len());
        writeln!(
            f,
            "{:width$}  {:>10}  {:>10}  {:>11}  {:>6}",
            "path", "Ir/call", "gate", "allocs/call", "gate"
        )?;
        for (name, (gate, measured, verdict)) in names.iter().zip(&self.paths) {
            writeln!(
                f,
                "{name:width$}  {:>10.1}  {:>10}  {:>11}  {:>6}{}",
                measured.instructions,
                gate.instructions
                    .map_or("-".to_owned(), |ir| format!("{ir:.1}")),
                short(measured.allocations),
                gate.allocations.map_or("-".to_owned(), short),
                remark(*verdict),
            )?;
        }
        if !self.same_compiler() {
            writeln!(
                f,
                "WARNING: the gates were written with {}, this is {}: instructions are shown and not \
                 enforced, allocations are",
                self.written_with, self.rustc
            )?;
        }
        if !self.passes() {
            writeln!(
                f,
                "a path takes more than its gate allows: mend it, or write the new figures with \
                 `bash .ci/gates --write` and say in the commit what they buy"
            )?;
        } else if self.any(Finding::Better) && self.same_compiler() {
            writeln!(
                f,
                "a path takes less than its gate: keep it so with `bash .ci/gates --write`"
            )?;
        }
        Ok(())
    }
}

fn short(allocations: f64) -> String {
    if allocations.fract() == 0.0 {
        format!("{allocations:.0}")
    } else {
        format!("{allocations:.2}")
    }
}

fn remark(verdict: Verdict) -> &'static str {
    let either = |finding| verdict.instructions == finding || verdict.allocations == finding;
    if either(Finding::New) {
        "  no figure yet"
    } else if either(Finding::Worse) {
        "  WORSE"
    } else if either(Finding::Better) {
        "  better"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rustc: &str, instructions: f64) -> Report {
        let gates = Gates {
            rustc: "rustc 1.95.0".to_owned(),
            gates: vec![Gate {
                group: "g".to_owned(),
                case: "c".to_owned(),
                calls: None,
                instructions: Some(100.0),
                allocations: Some(0.0),
            }],
        };
        let measured = Measured {
            instructions,
            allocations: 0.0,
        };
        Report::new(&gates, rustc, &[measured])
    }

    #[test]
    fn worse_path_is_marked_and_told_what_to_do() {
        let table = report("rustc 1.95.0", 120.0).to_string();
        assert_eq!(
            table.lines().nth(1).unwrap(),
            "g: c       120.0       100.0            0       0  WORSE"
        );
        assert!(table.contains(".ci/gates --write"), "{table}");
    }

    #[test]
    fn kept_path_needs_no_word() {
        let report = report("rustc 1.95.0", 101.0);
        assert!(report.passes());
        assert_eq!(report.to_string().lines().count(), 2);
    }

    #[test]
    fn another_compiler_is_named_in_a_warning_and_passes() {
        let report = report("rustc 1.96.0", 120.0);
        let table = report.to_string();
        assert!(report.passes());
        assert!(
            table.contains("rustc 1.95.0, this is rustc 1.96.0"),
            "{table}"
        );
    }

    #[test]
    fn better_path_asks_for_a_lower_gate() {
        let report = report("rustc 1.95.0", 50.0);
        assert!(report.passes());
        assert!(report.to_string().contains("takes less than its gate"));
    }
}
