//! What a simulation found, beside what it had to find.

use std::fmt;
use std::time::Duration;

/// A line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) what: String,
    /// Time that passed in the simulation.
    pub(crate) simulated: Duration,
    /// Requests that were made.
    pub(crate) requests: u64,
    /// What was found.
    pub(crate) measured: f64,
    /// What it is counted in.
    pub(crate) unit: Unit,
    /// What it must not cross; `None` for what is shown beside.
    pub(crate) bound: Option<Bound>,
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Calls for each request.
    Times,
    /// A share.
    Percent,
    /// So many.
    Count,
    /// Seconds.
    Seconds,
    /// Fair shares.
    Shares,
}

/// What a figure must not cross.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// How much was simulated: time and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) simulated: Duration,
    pub(crate) requests: u64,
}

impl Finding {
    /// A figure that is only shown.
    pub(crate) fn new(what: impl Into<String>, extent: Extent, measured: f64, unit: Unit) -> Self {
        Self {
            what: what.into(),
            simulated: extent.simulated,
            requests: extent.requests,
            measured,
            unit,
            bound: None,
        }
    }

    /// It must be no more than this.
    pub(crate) fn at_most(mut self, most: f64) -> Self {
        self.bound = Some(Bound::AtMost(most));
        self
    }

    /// It must be no less than this.
    pub(crate) fn at_least(mut self, least: f64) -> Self {
        self.bound = Some(Bound::AtLeast(least));
        self
    }

    /// Whether the bound, if there is one, was kept.
    pub(crate) fn holds(&self) -> bool {
        match self.bound {
            Some(Bound::AtMost(most)) => self.measured <= most,
            Some(Bound::AtLeast(least)) => self.measured >= least,
            None => true,
        }
    }
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Times => format!("{figure:.4} x"),
            Self::Percent => format!("{figure:.3} %"),
            Self::Count => format!("{figure:.0}"),
            Self::Seconds => format!("{figure:.1} s"),
            Self::Shares => format!("{figure:.2} shares"),
        }
    }
}

/// The names of the columns, as wide as the lines.
pub(crate) fn head() -> String {
    format!(
        "{:<66}{:>8}{:>10}{:>12}{:>15}  holds",
        "simulation", "hours", "requests", "measured", "bound"
    )
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.simulated.as_secs_f64() / 3_600.0;
        let bound = match self.bound {
            Some(Bound::AtMost(most)) => format!("<= {}", self.unit.show(most)),
            Some(Bound::AtLeast(least)) => format!(">= {}", self.unit.show(least)),
            None => String::new(),
        };
        let holds = match self.bound {
            None => "",
            Some(_) if self.holds() => "yes",
            Some(_) => "NO",
        };
        let line = format!(
            "{:<66}{hours:>8.1}{:>10}{:>12}{bound:>15}  {holds}",
            self.what,
            self.requests,
            self.unit.show(self.measured),
        );
        f.write_str(line.trim_end())
    }
}

/// `part` for each of `whole`.
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    figure(part) / figure(whole.max(1))
}

/// `part` of `whole` in percent.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    100.0 * ratio(part, whole)
}

/// A count as a figure; counts stay far below what a figure holds exactly.
#[expect(clippy::cast_precision_loss, reason = "no simulation counts to 2^53")]
pub(crate) fn figure(count: u64) -> f64 {
    count as f64
}
