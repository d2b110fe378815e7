//! The file that holds the figures.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::measure::Measured;
use crate::harness::Broken;

/// Every gate, and the compiler that its figures were taken with.
///
/// ```
/// use agent_benches::gates::Gates;
///
/// let gates: Gates = serde_json::from_str(
///     r#"{"rustc": "rustc 1.95.0", "gates": [{"group": "retry, no failure", "case": "retry"}]}"#,
/// )?;
/// assert_eq!(gates.gates[0].instructions, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// What `rustc --version` said. Another compiler emits other instructions.
    pub rustc: String,
    /// In the order of the table.
    pub gates: Vec<Gate>,
}

/// One path and the most that a call through it may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The group of the row.
    pub group: String,
    /// The case in it.
    pub case: String,
    /// Calls to count over; 1 000 unless set. For paths that take so long that a thousand take minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// Instructions of a call; `None` until they are written for the first time.
    #[serde(default)]
    pub instructions: Option<f64>,
    /// Allocations of a call; `None` until they are written for the first time.
    #[serde(default)]
    pub allocations: Option<f64>,
}

impl Gates {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read or holds something else.
    pub fn open(path: &Path) -> Result<Self, Broken> {
        let text = fs::read_to_string(path).map_err(Broken::when("read the gates"))?;
        serde_json::from_str(&text).map_err(Broken::when("read the gates"))
    }

    /// Takes what was measured as the figures to keep: instructions to the hundredth, allocations to the
    /// ten-thousandth, since what a case makes once is a few allocations in a thousand calls.
    pub fn take(&mut self, rustc: &str, measured: &[Measured]) {
        rustc.clone_into(&mut self.rustc);
        for (gate, measured) in self.gates.iter_mut().zip(measured) {
            gate.instructions = Some(rounded(measured.instructions, 100.0));
            gate.allocations = Some(rounded(measured.allocations, 10_000.0));
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Broken> {
        let doing = "write the gates";
        let text = serde_json::to_string_pretty(self).map_err(Broken::when(doing))?;
        fs::write(path, text + "\n").map_err(Broken::when(doing))
    }
}

fn rounded(figure: f64, parts: f64) -> f64 {
    (figure * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::judge;

    #[test]
    fn figures_that_were_taken_are_the_figures_that_are_read_again() {
        let mut gates: Gates = serde_json::from_str(
            r#"{"rustc": "rustc 1.0.0", "gates": [{"group": "g", "case": "c", "instructions": 9.0}]}"#,
        )
        .unwrap();
        let measured = Measured {
            instructions: 145.998,
            allocations: 2.0,
        };
        gates.take("rustc 2.0.0", &[measured]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gates.json");
        gates.save(&path).unwrap();
        let read = Gates::open(&path).unwrap();
        assert_eq!(read, gates);
        assert_eq!(read.rustc, "rustc 2.0.0");
        assert_eq!(read.gates[0].instructions, Some(146.0));
        assert_eq!(read.gates[0].allocations, Some(2.0));
    }

    #[test]
    fn a_figure_that_was_just_taken_passes_its_own_gate() {
        let mut gates: Gates = serde_json::from_str(
            r#"{"rustc": "rustc 1.0.0", "gates": [{"group": "g", "case": "c"}]}"#,
        )
        .unwrap();
        let measured = Measured {
            instructions: 173.484,
            allocations: 0.003,
        };
        gates.take("rustc 1.0.0", &[measured]);
        assert!(judge(&gates.gates[0], measured).passes(true));
    }

    #[test]
    fn misspelt_field_is_refused() {
        let text = r#"{"rustc": "x", "gates": [{"group": "g", "case": "c", "instruction": 9.0}]}"#;
        assert!(serde_json::from_str::<Gates>(text).is_err());
    }
}
