//! The result as JSON, for machines that compare runs.

use std::path::Path;
use std::{fs, thread};

use serde::Serialize;

use super::case::Broken;
use super::effort::Effort;
use super::row::Row;

/// Raised when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    schema: u32,
    mode: Effort,
    cpus: usize,
    /// Runnable tasks when the run began. Above a fraction of one, somebody else took part.
    load_before: Option<f64>,
    os: &'static str,
    arch: &'static str,
    rows: &'a [Row],
    skipped: &'a [Skipped],
}

/// Something that a run left out, and why.
///
/// ```
/// use agent_benches::harness::Skipped;
///
/// let skipped = Skipped::new("recorded sessions", "the folder is not there");
/// assert_eq!(skipped.to_string(), "SKIPPED recorded sessions: the folder is not there");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    what: String,
    why: String,
}

impl Skipped {
    /// `what` was left out because of `why`.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
        }
    }
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SKIPPED {}: {}", self.what, self.why)
    }
}

impl<'a> Summary<'a> {
    pub(crate) fn new(
        mode: Effort,
        load_before: Option<f64>,
        rows: &'a [Row],
        skipped: &'a [Skipped],
    ) -> Self {
        Self {
            schema: SCHEMA,
            mode,
            load_before,
            cpus: thread::available_parallelism().map_or(1, usize::from),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            rows,
            skipped,
        }
    }

    pub(crate) fn to_json(&self) -> Result<String, Broken> {
        serde_json::to_string_pretty(self).map_err(Broken::when("write the summary"))
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), Broken> {
        fs::write(path, self.to_json()? + "\n")
            .map_err(|error| Broken::new(format!("write {}", path.display()), error))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::case::Kind;
    use super::*;

    #[test]
    fn rows_keep_their_names_and_unmeasured_figures_are_null() {
        let row = Row {
            group: "breaker, closed",
            case: "consecutive".to_owned(),
            version: "0.1.0".to_owned(),
            kind: Kind::Ours,
            threads: 2,
            ns_median: Some(4.5),
            ns_mad: Some(0.25),
            ns_p99: None,
            samples: 61,
            allocations: Some(0.0),
            allocated_bytes: Some(0.0),
            peak_bytes: Some(0.0),
            ratio_to_best_peer: Some(0.5),
            ratio_to_floor: None,
            p99_to_floor: None,
            written_per_byte: None,
            device_per_byte: None,
            disk_per_byte: None,
        };
        let skipped = [Skipped::new("a", "b")];
        let rows = [row];
        let text = Summary::new(Effort::Test, Some(0.5), &rows, &skipped)
            .to_json()
            .unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&json["schema"], &json["mode"]),
            (&json!(1), &json!("test"))
        );
        assert_eq!(json["load_before"], json!(0.5));
        assert_eq!(
            json["rows"][0],
            json!({
                "group": "breaker, closed", "case": "consecutive", "version": "0.1.0",
                "kind": "ours", "threads": 2, "ns_median": 4.5, "ns_mad": 0.25, "ns_p99": null,
                "samples": 61, "allocations": 0.0, "allocated_bytes": 0.0, "peak_bytes": 0.0,
                "ratio_to_best_peer": 0.5, "ratio_to_floor": null, "p99_to_floor": null, "written_per_byte": null, "device_per_byte": null,
                "disk_per_byte": null,
            })
        );
        assert_eq!(json["skipped"], json!([{"what": "a", "why": "b"}]));
    }
}
