//! What a receiver is told.

use std::fmt;
use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::limit::Reading;
use super::{Rule, Subject, sentence};
use crate::Severity;
use crate::privacy::siphash_2_4_128;
use crate::words::words;

words! {
    /// Whether an alert began or ended.
    ///
    /// ```
    /// assert_eq!(agent_telemetry::alert::Status::Resolved.as_str(), "resolved");
    /// ```
    Status {
        /// It began.
        Firing = "firing",
        /// It ended.
        Resolved = "resolved",
    }
}

/// An alert began or ended: told once each. After a crash the same one may come again, under the same `id`.
///
/// ```
/// use std::time::Duration;
/// use agent_primitives::Timestamp;
/// use agent_telemetry::alert::{Alerts, Condition, Rule, Rules, Status};
///
/// let silent = Condition::Silence { after: Duration::from_secs(600) };
/// let rules = Rules::new(vec![Rule::new("silent", silent)])?;
/// let mut alerts = Alerts::new(&rules, Timestamp::UNIX_EPOCH);
/// let told = alerts.tick(Timestamp::from_unix_seconds(600));
/// assert_eq!((told[0].rule.as_str(), told[0].status), ("silent", Status::Firing));
/// assert_eq!(told[0].to_string(), "[warning] silent: nothing was recorded for 10m (limit 10m)");
/// # Ok::<(), agent_telemetry::alert::InvalidRules>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notification {
    /// 32 hexadecimal digits, made of all that it tells: a receiver that has seen it already may leave it out.
    pub id: String,
    /// Which rule.
    pub rule: String,
    /// How bad, by the rule.
    pub severity: Severity,
    /// Whether it began or ended.
    pub status: Status,
    /// Whom or what it is about.
    pub subject: Subject,
    /// When it began or ended, by the records.
    pub at: Timestamp,
    /// When it began.
    pub since: Timestamp,
    /// What was measured, where there is anything, in the unit of the rule. Of percentiles, the share of calls that took
    /// longer; of burn rates, how many times faster than allowed in that window of
    /// the pair where it is less; of providers, failures since the last
    /// answer.
    pub value: Option<f64>,
    /// What the value was held against.
    pub limit: f64,
    /// The same in words.
    pub summary: String,
}

/// A change of one state of a rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) status: Status,
    pub(super) at: Timestamp,
    pub(super) since: Timestamp,
    /// How often the rule had fired then.
    pub(super) times: u64,
    pub(super) reading: Reading,
}

impl Notification {
    pub(super) fn new(rule: &Rule, subject: &Subject, told: &Told) -> Self {
        let Told {
            status,
            at,
            since,
            times,
            reading,
        } = *told;
        let text = format!(
            "{}\0{subject}\0{status}\0{}\0{times}",
            rule.name,
            since.unix_nanos()
        );
        let mut summary = sentence::about(&rule.when, reading);
        if status == Status::Resolved {
            summary = format!("over after {}: {summary}", sentence::span(at.since(since)));
        }
        Self {
            id: format!("{:032x}", siphash_2_4_128([0; 16], text.as_bytes())),
            rule: rule.name.clone(),
            severity: rule.severity,
            status,
            subject: subject.clone(),
            at,
            since,
            value: reading.value.filter(|value| value.is_finite()),
            limit: reading.limit,
            summary,
        }
    }

    /// How long it lasted; zero for one that begins.
    pub fn lasted(&self) -> Duration {
        self.at.since(self.since)
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.severity, self.rule, self.summary)?;
        if self.subject == Subject::default() {
            return Ok(());
        }
        write!(f, "; {}", self.subject)
    }
}
