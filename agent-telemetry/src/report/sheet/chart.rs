//! What a chart shows: figures and their names, before anything is drawn.

use std::time::Duration;

use agent_primitives::{Timestamp, Usd};

/// Shown on a page, and in no text.
#[derive(Debug)]
pub(crate) enum Chart {
    /// One bar for each of a few names.
    Bars {
        title: String,
        scale: Scale,
        bars: Vec<Bar>,
    },
    /// Courses over time, with the band that each is thought to lie in.
    Lines {
        title: String,
        scale: Scale,
        series: Vec<Series>,
    },
    /// Amounts of each day, one on top of the other.
    Stacked {
        title: String,
        scale: Scale,
        series: Vec<Series>,
    },
    /// What went from whom to whom.
    Flow { title: String, paths: Vec<Flow> },
}

/// What a value is, which says how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// A number of things.
    Count,
    /// From 0 to 1, written in percent.
    Share,
    /// Dollars.
    Usd,
    /// Seconds.
    Time,
    /// Tokens.
    Tokens,
}

/// One name and its value.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// Where the value is thought to lie, the lower bound first.
    pub(crate) interval: Option<(f64, f64)>,
    /// A few words that stand behind it; may be empty.
    pub(crate) note: String,
}

/// One course over time.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) label: String,
    /// In the order of time.
    pub(crate) points: Vec<(Timestamp, f64)>,
    /// One interval for each point, the lower bound first.
    pub(crate) band: Option<Vec<(f64, f64)>>,
}

/// How often something went from one to another.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) count: u64,
    /// A few words about it; may be empty.
    pub(crate) note: String,
}

impl Bar {
    /// Without an interval and without a remark.
    pub(crate) const fn new(label: String, value: f64) -> Self {
        Self {
            label,
            value,
            interval: None,
            note: String::new(),
        }
    }

    pub(crate) fn with_note(mut self, note: String) -> Self {
        self.note = note;
        self
    }
}

/// As values of [`Scale::Count`] and [`Scale::Tokens`] are.
#[expect(clippy::cast_precision_loss, reason = "a picture has no 53 bits")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

/// As values of [`Scale::Usd`] are.
#[expect(clippy::cast_precision_loss, reason = "a picture has no 53 bits")]
pub(crate) const fn dollars(amount: Usd) -> f64 {
    amount.picos() as f64 / 1e12
}

/// As values of [`Scale::Time`] are.
pub(crate) const fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

impl Chart {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Bars { bars, .. } => bars.is_empty(),
            Self::Lines { series, .. } | Self::Stacked { series, .. } => {
                series.iter().all(|line| line.points.is_empty())
            }
            Self::Flow { paths, .. } => paths.is_empty(),
        }
    }
}
