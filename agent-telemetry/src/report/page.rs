//! Several reports on one page.

use agent_primitives::Timestamp;

use super::sheet::{Sheet, page};
use super::{
    AgentsReport, CompareReport, CostReport, ErrorsReport, HandoffsReport, ModelsReport,
    PerformanceReport, QualityReport, SuggestionsReport, ToolSequencesReport, ToolsReport,
};
use crate::{ForecastReport, Stats};

/// Several reports on one self-contained page: no scripts, nothing from the network, light and dark as the
/// reader has it. Names and texts are escaped, so that what a record says is never markup. A table shows 200
/// rows, a chart 24 bars, 8 courses or 24 paths, and each says how many more there are.
///
/// ```
/// use agent_primitives::Timestamp;
/// use agent_telemetry::{AgentsReport, HtmlPage, ModelsReport, Period, Rollups};
///
/// let now = Timestamp::from_unix_seconds(1_795_219_200);
/// let (period, sums) = (Period::last_24_hours(now), Rollups::default());
/// let page = HtmlPage::new("Our agents")
///     .made(now)
///     .report(&AgentsReport::of(period, &sums))
///     .report(&ModelsReport::of(period, &sums))
///     .to_html();
/// assert!(page.contains("<h1>Our agents</h1>") && page.contains("<h2>Models</h2>"));
/// ```
#[derive(Debug)]
#[must_use]
pub struct HtmlPage {
    title: String,
    made: Option<Timestamp>,
    parts: Vec<Sheet>,
}

/// A report as part of an [`HtmlPage`].
///
/// ```
/// use agent_telemetry::{HtmlPage, HtmlPart, Record, Stats};
///
/// let part = HtmlPart::from(&Stats::of(Vec::<Record>::new()));
/// assert!(HtmlPage::new("Nothing yet").report(part).to_html().contains("There are no records."));
/// ```
#[derive(Debug)]
#[must_use]
pub struct HtmlPart(Sheet);

impl HtmlPage {
    /// With its title, and nothing on it.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            made: None,
            parts: Vec::new(),
        }
    }

    /// When it is made, which it says at its end; nothing about it unless set.
    pub const fn made(mut self, at: Timestamp) -> Self {
        self.made = Some(at);
        self
    }

    /// One more, behind the others.
    pub fn report(mut self, report: impl Into<HtmlPart>) -> Self {
        self.parts.push(report.into().0);
        self
    }

    /// The page.
    #[must_use]
    pub fn to_html(&self) -> String {
        page(&self.title, self.made, &self.parts)
    }
}

macro_rules! parts {
    ($($report:ty),+ $(,)?) => {$(
        impl From<&$report> for HtmlPart {
            fn from(report: &$report) -> Self {
                Self(report.sheet())
            }
        }
    )+};
}

/// On a page of several reports it is the one from the records themselves.
impl From<&Stats> for HtmlPart {
    fn from(report: &Stats) -> Self {
        Self(report.sheet().called("Records"))
    }
}

parts! {
    AgentsReport,
    CompareReport,
    CostReport,
    ErrorsReport,
    ForecastReport,
    HandoffsReport,
    ModelsReport,
    PerformanceReport,
    QualityReport,
    SuggestionsReport,
    ToolSequencesReport,
    ToolsReport,
}
