//! The charts of the report on what is to be expected.

use std::time::Duration;

use agent_primitives::{Timestamp, Usd};

use crate::forecast::{ForecastReport, TimeoutRisk};
use crate::report::sheet::{Bar, Chart, Scale, Series, dollars};
use crate::stats::layout::{offer, plural};

impl ForecastReport {
    /// What was spent in the month, and what is to come.
    pub(super) fn fan(&self) -> Chart {
        let day = Duration::from_secs(86_400);
        let (mut spent, mut sum) = (Vec::new(), Usd::ZERO);
        let (mut course, mut band) = (Vec::new(), Vec::new());
        for it in &self.projection.days {
            if it.from > self.now {
                break;
            }
            spent.push((it.from, dollars(sum)));
            sum += it.spent;
        }
        spent.push((self.now, dollars(sum)));
        for it in &self.projection.days {
            let Some(month) = it.month else { continue };
            if course.is_empty() {
                course.push((self.now, dollars(sum)));
                band.push((dollars(sum), dollars(sum)));
            }
            course.push((it.from + day, dollars(month.middle)));
            band.push((dollars(month.low), dollars(month.high)));
        }
        Chart::Lines {
            title: "Cost of the month, and where 80 of 100 courses lie".to_owned(),
            scale: Scale::Usd,
            series: if course.is_empty() {
                Vec::new()
            } else {
                vec![
                    series("spent", spent, None),
                    series("to come", course, Some(band)),
                ]
            },
        }
    }

    /// What the days of the month came to, and what they come to.
    pub(super) fn daily(&self) -> Chart {
        let (mut spent, mut course, mut band) = (Vec::new(), Vec::new(), Vec::new());
        for it in &self.projection.days {
            if let Some(total) = it.total {
                course.push((it.from, dollars(total.middle)));
                band.push((dollars(total.low), dollars(total.high)));
            } else if it.from <= self.now {
                spent.push((it.from, dollars(it.spent)));
            }
        }
        Chart::Lines {
            title: "Cost of each day, and where 80 of 100 courses lie".to_owned(),
            scale: Scale::Usd,
            series: if course.is_empty() {
                Vec::new()
            } else {
                vec![
                    series("spent", spent, None),
                    series("to come", course, Some(band)),
                ]
            },
        }
    }

    pub(super) fn risks(&self) -> Chart {
        let bar = |it: &TimeoutRisk| {
            let label = format!(
                "{}, {} in",
                offer(&it.provider, &it.model),
                plural(it.request.input, "token")
            );
            let mut bar = Bar::new(label, it.probability?);
            bar.interval = it.interval;
            Some(bar)
        };
        Chart::Bars {
            title: "Requests that take longer than the limit".to_owned(),
            scale: Scale::Share,
            bars: self.timeouts.iter().filter_map(bar).collect(),
        }
    }
}

fn series(label: &str, points: Vec<(Timestamp, f64)>, band: Option<Vec<(f64, f64)>>) -> Series {
    Series {
        label: label.to_owned(),
        points,
        band,
    }
}
