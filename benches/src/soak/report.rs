//! What a soak shows, and whether it is right.

use std::fmt;

use agent_primitives::Usd;

use super::SESSIONS;
use super::send::Sent;

/// Rows may be one of so many points.
const POINTS_A_ROW: u64 = 10;

/// Tokens and money of all sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Of all models and sorts.
    pub tokens: u64,
    /// Of all models.
    pub cost: Usd,
}

/// What a host took, and what that took of it. Memory is resident, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Soak {
    /// What the senders say.
    pub sent: Sent,
    /// Points that arrived.
    pub points: u64,
    /// Those of them that added something.
    pub taken: u64,
    /// Records that were written.
    pub records: u64,
    /// Marks that were written with them.
    pub marks: u64,
    /// Memory before anything was opened.
    pub bare: u64,
    /// Memory with the store in use, before the processor was made.
    pub before: u64,
    /// Memory when the last point was acknowledged.
    pub after: u64,
    /// The most meanwhile.
    pub peak: u64,
    /// Memory when half of the time was over.
    pub half: u64,
    /// By how much the files of the database grew.
    pub bytes: u64,
    /// What is stored.
    pub held: Sum,
    /// What was sent.
    pub truth: Sum,
    /// Sessions of which any value differs.
    pub wrong: u32,
}

impl Soak {
    /// Why it is not right; `None` where it is.
    ///
    /// Times and memory depend on the machine, and are left to be read.
    pub fn fault(&self) -> Option<String> {
        if self.wrong > 0 || self.held != self.truth {
            let why = format!("{} sessions differ from what was sent", self.wrong);
            return Some(why);
        }
        let rows = self.records + self.marks;
        if rows * POINTS_A_ROW > self.points {
            return Some(format!("{rows} rows for {} points", self.points));
        }
        None
    }
}

impl fmt::Display for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = &self.sent;
        let kib = |bytes: u64| bytes / 1_024;
        let over = |bytes: u64| kib(bytes.saturating_sub(self.before));
        writeln!(
            f,
            "sent          {} points of {SESSIONS} sessions in {:.1} s: {:.0} a second; {} refused, at most {:.1} ms behind",
            sent.points,
            sent.seconds,
            share(sent.points, sent.seconds),
            sent.refused,
            sent.behind / 1e3,
        )?;
        writeln!(
            f,
            "acknowledged  {} requests: p50 {:.0} µs, p99 {:.0} µs, p99.9 {:.0} µs, max {:.0} µs",
            sent.requests, sent.p50, sent.p99, sent.p999, sent.max,
        )?;
        if sent.large > 0 {
            writeln!(f, "beside them   {} bodies of 60 MiB", sent.large)?;
        }
        writeln!(
            f,
            "taken         {} points, {} of them added something",
            self.points, self.taken
        )?;
        writeln!(
            f,
            "written       {} records and {} marks: {:.2} % fewer than one a point; the database grew by {} KiB",
            self.records,
            self.marks,
            100.0 - share(100 * (self.records + self.marks), float(self.points)),
            kib(self.bytes),
        )?;
        writeln!(
            f,
            "memory        {} KiB bare, {} KiB with the store in use; beyond the store {} KiB at half time, {} KiB in the end, {} KiB at most",
            kib(self.bare),
            kib(self.before),
            over(self.half),
            over(self.after),
            over(self.peak),
        )?;
        write!(
            f,
            "sums          {} tokens and {} held, {} and {} sent; {} of {SESSIONS} sessions differ",
            self.held.tokens, self.held.cost, self.truth.tokens, self.truth.cost, self.wrong
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is printed in short")]
fn float(count: u64) -> f64 {
    count as f64
}

fn share(count: u64, of: f64) -> f64 {
    float(count) / of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_sums_and_too_many_rows_are_faults() {
        let right = Soak {
            sent: Sent::default(),
            points: 1_000,
            taken: 1_000,
            records: 40,
            marks: 60,
            bare: 0,
            before: 0,
            after: 0,
            peak: 0,
            half: 0,
            bytes: 0,
            held: Sum::default(),
            truth: Sum::default(),
            wrong: 0,
        };
        assert_eq!(right.fault(), None);
        let rows = Soak {
            records: 41,
            ..right.clone()
        };
        assert_eq!(rows.fault().unwrap(), "101 rows for 1000 points");
        let wrong = Soak { wrong: 1, ..right };
        assert!(wrong.fault().is_some());
    }
}
