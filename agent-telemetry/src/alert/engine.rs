//! Rules over records as they come.

use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::crew::Crews;
use super::measure::Sample;
use super::outbox::Outbox;
use super::state::{AlertState, RuleState};
use super::subject::Seen;
use super::watch::{Desk, Watch};
use super::{Condition, Notification, Queue, Rules, Subject};
use crate::{Record, Severity};

/// How far a record may be ahead of the time that was told last.
const AHEAD: Duration = Duration::from_secs(60);

/// How much alerts keep.
///
/// ```
/// use agent_telemetry::alert::AlertsConfig;
///
/// assert_eq!(AlertsConfig::default().subjects, 256);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertsConfig {
    /// Subjects of a rule; 256 unless set. Each takes some 2 KiB, one of a burn rate some 3 KiB a pair. Further ones take the
    /// places of those that were quiet for the longest time.
    pub subjects: usize,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self { subjects: 256 }
    }
}

/// What alerts have left out.
///
/// ```
/// use agent_telemetry::alert::AlertCounts;
///
/// assert_eq!(AlertCounts::default().records, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AlertCounts {
    /// Records that were looked at.
    pub records: u64,
    /// Records that came too late for a rule that they are about.
    pub late: u64,
    /// Records that were more than a minute ahead of the clock, and counted as of now.
    pub ahead: u64,
    /// Quiet subjects that made room for others, and are forgotten.
    pub evicted: u64,
    /// Times that a subject had no room, since all others fire. Of a state that is gone on with, also those that found no
    /// room; what fired of them is told as ended.
    pub left_out: u64,
    /// Notifications that made room before anybody acknowledged them.
    pub unheard: u64,
    /// Times that the clock was set back by more than a minute.
    pub rewound: u64,
    /// Sessions whose agents were forgotten to make room for others: such a one ends with the next end of any of its agents.
    #[serde(default)]
    pub forgotten: u64,
}

/// An alert that fires at this moment.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::alert::{Alerts, Rules};
///
/// let alerts = Alerts::new(&Rules::recommended(), Timestamp::UNIX_EPOCH);
/// assert!(alerts.firing().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FiringAlert {
    /// Which rule.
    pub rule: String,
    /// How bad, by the rule.
    pub severity: Severity,
    /// Whom or what it is about.
    pub subject: Subject,
    /// Since when.
    pub since: Timestamp,
}

/// Rules at work: takes in records one by one, and says what fires and what ends, once each. Pure: it reads no clock and
/// tells nobody. [`Alerting`](super::Alerting) does that.
///
/// Time is that of the records, as far as it is not more than a minute ahead of the time that [`tick`](Self::tick) was told
/// last. Whatever time alone changes happens at its own moment, however late the tick: while records come in the order of
/// their times, how often it ticks decides when somebody hears of it, and not what they hear. A record that comes late is added to what
/// is known by then.
///
/// ```
/// use agent_primitives::{ContextPressure, SessionId, Timestamp};
/// use agent_telemetry::alert::{Alerts, Rules};
/// use agent_telemetry::Record;
///
/// let now = Timestamp::from_unix_seconds(1_795_219_200);
/// let mut alerts = Alerts::new(&Rules::recommended(), now);
/// let full = Record::new(now, ContextPressure::new(170_000, 200_000)).of_session(SessionId::new("s1")?);
/// let told = alerts.observe(&full);
/// assert_eq!(
///     told[0].to_string(),
///     "[warning] context-window: 85 % of the context window are used (limit 80 %); session s1"
/// );
/// assert!(alerts.observe(&full).is_empty(), "told once");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Alerts {
    watches: Vec<Watch>,
    /// Who works in which session, where a rule asks for it.
    crews: Option<Crews>,
    config: AlertsConfig,
    /// The latest time of all records and ticks.
    now: Timestamp,
    /// The last time that was told, which records may not be far ahead of.
    told: Timestamp,
    counts: AlertCounts,
    outbox: Outbox,
}

impl Alerts {
    /// These rules, with nothing seen before `now`.
    pub fn new(rules: &Rules, now: Timestamp) -> Self {
        Self::with_config(rules, AlertsConfig::default(), now)
    }

    /// The same with other bounds.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::alert::{Alerts, AlertsConfig, Rules};
    ///
    /// let few = AlertsConfig { subjects: 10 };
    /// let alerts = Alerts::with_config(&Rules::recommended(), few, Timestamp::UNIX_EPOCH);
    /// assert_eq!(alerts.counts().evicted, 0);
    /// ```
    pub fn with_config(rules: &Rules, config: AlertsConfig, now: Timestamp) -> Self {
        let rules = rules.as_slice().iter();
        let watches: Vec<_> = rules.map(|rule| Watch::new(rule, now)).collect();
        Self {
            crews: watches
                .iter()
                .any(Watch::is_by_session)
                .then(Crews::default),
            watches,
            config,
            now,
            told: now,
            counts: AlertCounts::default(),
            outbox: Outbox::default(),
        }
    }

    /// Goes on after a restart: what fires goes on firing untold, and what has ended in the meantime is told as ended, with
    /// the moment when it did. A rule that has changed begins anew; what it, or a rule that is gone, had told to fire is
    /// told as ended, and so is what finds no room among fewer subjects. [`unacknowledged`](Self::unacknowledged) has all that is to be told now.
    ///
    /// ```
    /// use agent_primitives::{ContextPressure, SessionId, Timestamp};
    /// use agent_telemetry::alert::{Alerts, AlertsConfig, Rules};
    /// use agent_telemetry::Record;
    ///
    /// let now = Timestamp::from_unix_seconds(1_795_219_200);
    /// let rules = Rules::recommended();
    /// let full = Record::new(now, ContextPressure::new(9, 10)).of_session(SessionId::new("s1")?);
    /// let mut before = Alerts::new(&rules, now);
    /// assert_eq!(before.observe(&full).len(), 1);
    ///
    /// let mut after = Alerts::restore(&rules, AlertsConfig::default(), before.state(), now);
    /// assert!(after.observe(&full).is_empty(), "told before");
    /// assert_eq!(after.unacknowledged().len(), 1, "and nobody has said that they heard it");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restore(rules: &Rules, config: AlertsConfig, state: AlertState, now: Timestamp) -> Self {
        let AlertState {
            now: before,
            rules: old,
            sessions,
            outbox,
        } = state;
        let latest = now + AHEAD;
        let now = if before > latest {
            now
        } else {
            now.max(before)
        };
        let mut alerts = Self::with_config(rules, config, now);
        alerts.outbox = Outbox::of(outbox);
        if let Some(crews) = &mut alerts.crews {
            (*crews, alerts.counts.forgotten) = Crews::of(sessions, latest);
        }
        for old in old {
            let mut watches = alerts.watches.iter_mut();
            let Some(watch) = watches.find(|it| *it.rule() == old.rule) else {
                let ended = old.states.iter();
                let ended: Vec<_> = ended
                    .filter_map(|(subject, state)| state.ended(&old.rule, subject, now))
                    .collect();
                alerts.keep(&ended);
                continue;
            };
            let mut ended = Vec::new();
            let mut desk = Desk {
                now,
                subjects: config.subjects,
                counts: &mut alerts.counts,
                told: &mut ended,
            };
            watch.restore(old, latest, &mut desk);
            alerts.keep(&ended);
        }
        alerts.told = now;
        if before > latest {
            alerts.rewind(now);
        }
        let _ = alerts.go_on();
        alerts
    }

    /// Takes in a record, in the order of recording. What it changes is told.
    pub fn observe(&mut self, record: &Record) -> Vec<Notification> {
        let mut told = Vec::new();
        self.take(record, &mut told);
        self.keep(&told);
        told
    }

    /// Takes in records that were recorded up to `now`, and then what time has changed until then.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::alert::{Alerts, Rules};
    ///
    /// let mut alerts = Alerts::new(&Rules::recommended(), Timestamp::UNIX_EPOCH);
    /// assert!(alerts.observe_batch(&[], Timestamp::from_unix_seconds(5)).is_empty());
    /// ```
    pub fn observe_batch(&mut self, records: &[Record], now: Timestamp) -> Vec<Notification> {
        self.set_told(now);
        let mut told = Vec::new();
        for record in records {
            self.take(record, &mut told);
        }
        self.keep(&told);
        self.now = self.now.max(now);
        told.append(&mut self.go_on());
        told
    }

    /// It is `now`: what time has changed until then is told, each with its own moment.
    ///
    /// The time is taken to be right. One that is more than a minute before the last one means that the clock was set back:
    /// then windows that reach into the future begin anew.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Notification> {
        self.set_told(now);
        self.now = self.now.max(now);
        self.go_on()
    }

    /// When the next tick has anything to do, unless a record comes before; `None` while there is nothing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::alert::{Alerts, Condition, Rule, Rules};
    ///
    /// let silent = Condition::Silence { after: Duration::from_secs(600) };
    /// let mut alerts = Alerts::new(&Rules::new(vec![Rule::new("silent", silent)])?, Timestamp::UNIX_EPOCH);
    /// alerts.tick(Timestamp::UNIX_EPOCH);
    /// assert_eq!(alerts.next_tick(), Some(Timestamp::from_unix_seconds(600)));
    /// # Ok::<(), agent_telemetry::alert::InvalidRules>(())
    /// ```
    pub fn next_tick(&self) -> Option<Timestamp> {
        let due = self.watches.iter().map(Watch::due).min();
        due.filter(|due| *due < Timestamp::MAX)
    }

    /// So many records wait for the sink at this moment, as [`Health::waiting`](crate::Health) says: for rules with
    /// [`Queue::Recorder`].
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::alert::{Alerts, Rules};
    ///
    /// let mut alerts = Alerts::new(&Rules::recommended(), Timestamp::UNIX_EPOCH);
    /// let at = Timestamp::from_unix_seconds;
    /// assert!(alerts.waiting(500, at(0)).is_empty());
    /// assert_eq!(alerts.waiting(500, at(120))[0].rule, "recorder-queue");
    /// ```
    pub fn waiting(&mut self, records: usize, now: Timestamp) -> Vec<Notification> {
        let mut told = self.tick(now);
        let mut more = Vec::new();
        let value = u32::try_from(records).map_or(f64::from(u32::MAX), f64::from);
        let mut desk = Desk {
            now: self.now,
            subjects: self.config.subjects,
            counts: &mut self.counts,
            told: &mut more,
        };
        for watch in &mut self.watches {
            if let Condition::QueueDepth {
                of: Queue::Recorder,
                ..
            } = watch.rule().when
            {
                watch.add(
                    &Subject::default(),
                    Sample::Value(value),
                    self.now,
                    &mut desk,
                );
            }
        }
        self.keep(&more);
        told.append(&mut more);
        told
    }

    /// What fires.
    pub fn firing(&self) -> Vec<FiringAlert> {
        let mut firing = Vec::new();
        for watch in &self.watches {
            let rule = watch.rule();
            firing.extend(watch.firing().map(|(subject, since)| FiringAlert {
                rule: rule.name.clone(),
                severity: rule.severity,
                subject: subject.clone(),
                since,
            }));
        }
        firing
    }

    /// What was told and not acknowledged, in the order of telling: at most the newest 256.
    pub fn unacknowledged(&self) -> Vec<Notification> {
        self.outbox.iter().cloned().collect()
    }

    /// Whoever was to hear of it has: it is not told again after a restart. Whether it was waiting for that.
    ///
    /// ```
    /// use agent_primitives::Timestamp;
    /// use agent_telemetry::alert::{Alerts, Rules};
    ///
    /// let mut alerts = Alerts::new(&Rules::recommended(), Timestamp::UNIX_EPOCH);
    /// assert!(!alerts.acknowledge("00000000000000000000000000000000"));
    /// ```
    pub fn acknowledge(&mut self, id: &str) -> bool {
        self.outbox.remove(id)
    }

    /// What was left out since the start.
    pub const fn counts(&self) -> AlertCounts {
        self.counts
    }

    /// Everything that a restart needs.
    pub fn state(&self) -> AlertState {
        let states = |watch: &Watch| {
            let states = watch.states().iter();
            states
                .map(|(subject, state)| (subject.clone(), state.clone()))
                .collect()
        };
        let rules = self.watches.iter().map(|watch| RuleState {
            rule: watch.rule().clone(),
            states: states(watch),
            fired: watch.fired(),
        });
        AlertState {
            now: self.now,
            rules: rules.collect(),
            sessions: self.crews.as_ref().map(Crews::states).unwrap_or_default(),
            outbox: self.unacknowledged(),
        }
    }

    fn take(&mut self, record: &Record, told: &mut Vec<Notification>) {
        self.counts.records = self.counts.records.saturating_add(1);
        let mut at = record.at;
        if at > self.told + AHEAD {
            self.counts.ahead = self.counts.ahead.saturating_add(1);
            at = self.now;
        }
        self.now = self.now.max(at);
        let mut desk = Desk {
            now: self.now,
            subjects: self.config.subjects,
            counts: &mut self.counts,
            told,
        };
        let mut seen = Seen::new(record);
        if let Some(crews) = &mut self.crews {
            let turn = crews.follow(record, at);
            seen.ends_session = turn.is_end;
            let counts = &mut *desk.counts;
            counts.forgotten = counts.forgotten.saturating_add(turn.forgotten);
        }
        let mut is_late = false;
        for watch in &mut self.watches {
            is_late |= watch.observe(&seen, at, &mut desk);
        }
        self.counts.late = self.counts.late.saturating_add(is_late.into());
    }

    /// Takes the time for the right one, also where it is earlier than before.
    fn set_told(&mut self, now: Timestamp) {
        self.told = now;
        if now + AHEAD < self.now {
            self.rewind(now);
        }
    }

    /// The clock was set back to `now`.
    fn rewind(&mut self, now: Timestamp) {
        self.counts.rewound = self.counts.rewound.saturating_add(1);
        self.now = now;
        if let Some(crews) = &mut self.crews {
            crews.rewind(now);
        }
        for watch in &mut self.watches {
            watch.rewind(now);
        }
    }

    /// What time has changed until now, in its order.
    fn go_on(&mut self) -> Vec<Notification> {
        let mut told = Vec::new();
        let mut desk = Desk {
            now: self.now,
            subjects: self.config.subjects,
            counts: &mut self.counts,
            told: &mut told,
        };
        for watch in &mut self.watches {
            watch.tick(&mut desk);
        }
        told.sort_by_key(|it| it.at);
        self.keep(&told);
        told
    }

    fn keep(&mut self, told: &[Notification]) {
        for notification in told {
            let gone = self.outbox.put(notification.clone());
            self.counts.unheard = self.counts.unheard.saturating_add(gone);
        }
    }
}
