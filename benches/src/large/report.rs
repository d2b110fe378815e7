//! What was found out about a long session. `Display` is the table.

use std::fmt;

use serde::Serialize;

use super::tasks::Outcome;

/// Every figure of one session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LargeSession {
    /// Told from recorded sessions; from a generated one where false.
    pub is_recorded: bool,
    /// How often each way to read was taken.
    pub rounds: usize,
    /// What telling the session takes that is written to no store.
    pub told: Outcome,
    /// One for each store.
    pub written: Vec<Written>,
    /// One for each way to read each of them.
    pub read: Vec<Read>,
}

/// A session in a store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// The store.
    pub store: &'static str,
    /// Bytes that its files take.
    pub disk: u64,
    /// What writing it took, the telling included.
    pub outcome: Outcome,
}

/// A way to read it, medians of so many rounds, from the disk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Read {
    /// The store.
    pub store: &'static str,
    /// What is read of it.
    pub what: &'static str,
    /// Messages or entries that came back.
    pub count: usize,
    /// Milliseconds.
    pub ms: f64,
    /// Milliseconds of processors; `None` where the system does not tell.
    pub cpu_ms: Option<f64>,
    /// Most bytes of resident memory of the process, in any round.
    pub peak: Option<u64>,
    /// Bytes of resident memory while it held what it had read.
    pub held: Option<u64>,
    /// Time by that of one compressed JSON file, restored whole.
    pub ratio_to_snapshot: Option<f64>,
    /// Time of processors by the same.
    pub cpu_to_snapshot: Option<f64>,
}

impl Read {
    pub(super) fn new(store: &'static str, what: &'static str, outcome: &Outcome) -> Self {
        Self {
            store,
            what,
            count: outcome.count,
            ms: outcome.ms,
            cpu_ms: outcome.cpu_ms,
            peak: outcome.peak,
            held: outcome.held,
            ratio_to_snapshot: None,
            cpu_to_snapshot: None,
        }
    }

    pub(super) fn beside(&mut self, snapshot: Option<&Self>) {
        self.ratio_to_snapshot = snapshot.map(|snapshot| self.ms / snapshot.ms);
        let cpu = snapshot.and_then(|snapshot| snapshot.cpu_ms);
        self.cpu_to_snapshot = self.cpu_ms.zip(cpu).map(|(own, other)| own / other);
    }
}

impl fmt::Display for LargeSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = if self.is_recorded {
            "told from recorded sessions"
        } else {
            "generated: there are no recorded sessions"
        };
        writeln!(
            f,
            "{} MB of JSON in {} messages, {from}; telling it takes {} MB of memory\n",
            megabytes(self.told.logical),
            self.told.count,
            shown(self.told.peak),
        )?;
        writeln!(
            f,
            "{:<26} {:>8} {:>9} {:>9} {:>9} {:>11} {:>11}",
            "written", "disk MB", "disk/JSON", "seconds", "peak MB", "save ms", "p99 ms"
        )?;
        for written in &self.written {
            let outcome = &written.outcome;
            writeln!(
                f,
                "{:<26} {:>8} {:>9.3} {:>9.1} {:>9} {:>11} {:>11}",
                written.store,
                megabytes(written.disk),
                float(written.disk) / float(outcome.logical.max(1)),
                outcome.ms / 1e3,
                shown(outcome.peak),
                optional(outcome.save_ms),
                optional(outcome.save_p99_ms),
            )?;
        }
        writeln!(
            f,
            "\n{:<26} {:<24} {:>7} {:>9} {:>9} {:>10} {:>10} {:>9} {:>9}",
            "read, cold", "", "count", "ms", "CPU ms", "x snapshot", "CPU x", "peak MB", "held MB"
        )?;
        for read in &self.read {
            writeln!(
                f,
                "{:<26} {:<24} {:>7} {:>9.2} {:>9} {:>10} {:>10} {:>9} {:>9}",
                read.store,
                read.what,
                read.count,
                read.ms,
                optional(read.cpu_ms),
                optional(read.ratio_to_snapshot),
                optional(read.cpu_to_snapshot),
                shown(read.peak),
                shown(read.held),
            )?;
        }
        Ok(())
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| match value {
        ..0.1 => format!("{value:.4}"),
        ..10.0 => format!("{value:.2}"),
        _ => format!("{value:.1}"),
    })
}

fn shown(bytes: Option<u64>) -> String {
    bytes.map_or("-".to_owned(), megabytes)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", float(bytes) / 1e6)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shown with three digits; sizes are far below 2^52"
)]
fn float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_refer_to_the_snapshot_and_the_table_shows_them() {
        let outcome = Outcome {
            ms: 30.0,
            cpu_ms: Some(20.0),
            peak: Some(7_000_000),
            held: None,
            count: 5,
            logical: 2_000_000,
            save_ms: Some(0.5),
            save_p99_ms: None,
        };
        let snapshot = Read {
            ms: 60.0,
            cpu_ms: Some(10.0),
            ..Read::new("snapshot", "whole", &outcome)
        };
        let mut read = Read::new("log", "whole", &outcome);
        read.beside(Some(&snapshot));
        assert_eq!(
            (read.ratio_to_snapshot, read.cpu_to_snapshot),
            (Some(0.5), Some(2.0))
        );
        let session = LargeSession {
            is_recorded: false,
            rounds: 3,
            told: outcome.clone(),
            written: vec![Written {
                store: "log",
                disk: 500_000,
                outcome,
            }],
            read: vec![read],
        };
        let table = session.to_string();
        assert!(
            table.starts_with("2.0 MB of JSON in 5 messages, generated"),
            "{table}"
        );
        assert!(table.contains("0.250"), "{table}");
        let json = serde_json::to_value(&session).unwrap();
        assert_eq!(json["read"][0]["ratio_to_snapshot"], 0.5);
    }
}
