//! From quiet to pending to firing and back, as pure steps.

use std::time::Duration;

use agent_primitives::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a measured value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Within the limit that ends an alert.
    Clear,
    /// Beyond that one, and not beyond the limit that fires.
    Near,
    /// Beyond the limit that fires.
    Over,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    #[default]
    Quiet,
    /// Over since then, and not for long enough yet.
    Pending { since: Timestamp },
    /// Told, since then.
    Firing { since: Timestamp },
    /// Ended, and silent until then.
    Cooling { until: Timestamp },
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Fired,
    /// It had fired then.
    Resolved {
        since: Timestamp,
    },
}

/// The times of a rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) hold: Duration,
    pub(super) cooldown: Duration,
}

impl Phase {
    pub(super) fn step(self, level: Level, now: Timestamp, pace: Pace) -> (Self, Option<Change>) {
        match (self, level) {
            (Self::Firing { since }, Level::Clear) => {
                let phase = if pace.cooldown.is_zero() {
                    Self::Quiet
                } else {
                    Self::Cooling {
                        until: now + pace.cooldown,
                    }
                };
                (phase, Some(Change::Resolved { since }))
            }
            (Self::Cooling { until }, _) if now < until => (self, None),
            (Self::Quiet | Self::Cooling { .. }, Level::Over) if pace.hold.is_zero() => fired(now),
            (Self::Quiet | Self::Cooling { .. }, Level::Over) => {
                (Self::Pending { since: now }, None)
            }
            (Self::Pending { since }, Level::Over) if now >= since + pace.hold => fired(now),
            (Self::Firing { .. } | Self::Pending { .. }, Level::Over)
            | (Self::Firing { .. }, Level::Near) => (self, None),
            (Self::Quiet | Self::Pending { .. } | Self::Cooling { .. }, _) => (Self::Quiet, None),
        }
    }

    /// When it goes on although its value stays what it is.
    pub(super) fn due(self, pace: Pace) -> Option<Timestamp> {
        match self {
            Self::Pending { since } => Some(since + pace.hold),
            Self::Cooling { until } => Some(until),
            Self::Quiet | Self::Firing { .. } => None,
        }
    }

    /// Which has to stay where there is no room for all: the lowest.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Firing { .. } => 0,
            Self::Pending { .. } | Self::Cooling { .. } => 1,
            Self::Quiet => 2,
        }
    }

    /// The same, with no time in it that lies beyond `now`: the clock was set back.
    pub(super) fn rewind(self, now: Timestamp, pace: Pace) -> Self {
        match self {
            Self::Quiet => self,
            Self::Pending { since } => Self::Pending {
                since: since.min(now),
            },
            Self::Firing { since } => Self::Firing {
                since: since.min(now),
            },
            Self::Cooling { until } => Self::Cooling {
                until: until.min(now + pace.cooldown),
            },
        }
    }
}

const fn fired(now: Timestamp) -> (Phase, Option<Change>) {
    (Phase::Firing { since: now }, Some(Change::Fired))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Pace = Pace {
        hold: Duration::ZERO,
        cooldown: Duration::ZERO,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    /// The seconds at which something was told, with `F` or `R`.
    fn told(pace: Pace, levels: &[(i64, Level)]) -> Vec<String> {
        let mut phase = Phase::Quiet;
        let mut told = Vec::new();
        for (second, level) in levels {
            let (next, change) = phase.step(*level, at(*second), pace);
            phase = next;
            told.extend(change.map(|change| match change {
                Change::Fired => format!("F{second}"),
                Change::Resolved { since } => format!("R{second} of {}", since.unix_seconds()),
            }));
        }
        told
    }

    use Level::{Clear, Near, Over};

    #[test]
    fn fires_once_and_ends_once_however_long_it_lasts() {
        let levels = [
            (1, Over),
            (2, Over),
            (3, Near),
            (4, Over),
            (5, Clear),
            (6, Clear),
            (7, Near),
            (8, Over),
        ];
        assert_eq!(told(AT_ONCE, &levels), ["F1", "R5 of 1", "F8"]);
    }

    #[test]
    fn held_condition_fires_after_the_time_without_a_break() {
        let pace = Pace {
            hold: Duration::from_secs(10),
            ..AT_ONCE
        };
        let broken = [
            (0, Over),
            (5, Near),
            (6, Over),
            (15, Over),
            (16, Over),
            (17, Clear),
        ];
        assert_eq!(told(pace, &broken), ["F16", "R17 of 16"]);
    }

    #[test]
    fn ended_alert_is_silent_for_its_cooldown() {
        let pace = Pace {
            cooldown: Duration::from_secs(10),
            ..AT_ONCE
        };
        let levels = [
            (0, Over),
            (1, Clear),
            (2, Over),
            (10, Over),
            (11, Over),
            (12, Clear),
        ];
        assert_eq!(told(pace, &levels), ["F0", "R1 of 0", "F11", "R12 of 11"]);
    }
}
