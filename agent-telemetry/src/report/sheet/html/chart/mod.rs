//! Charts of a page: shapes in SVG, which stretch, and words beside them, which do not.

mod axis;
pub(super) mod bars;
mod flow;
mod frame;
mod lines;
mod stacked;

use std::fmt;

use super::escape::escaped;
use super::table::more;
use super::{Out, table};
use crate::report::sheet::{Chart, Series};

/// Most courses in one chart: as many as there are colours.
const SERIES: usize = 8;

pub(super) fn write(out: Out<'_>, chart: &Chart) -> fmt::Result {
    let (Chart::Bars { title, .. }
    | Chart::Lines { title, .. }
    | Chart::Stacked { title, .. }
    | Chart::Flow { title, .. }) = chart;
    writeln!(out, "<figure>\n<figcaption>{}</figcaption>", escaped(title))?;
    match chart {
        Chart::Bars { scale, bars, .. } => bars::write(out, *scale, bars)?,
        Chart::Lines { scale, series, .. } => lines::write(out, title, *scale, series)?,
        Chart::Stacked { scale, series, .. } => stacked::write(out, title, *scale, series)?,
        Chart::Flow { title, paths } => flow::write(out, title, paths)?,
    }
    out.write_str("</figure>\n")
}

/// Which colour is whose; one alone is named by the title.
fn legend(out: Out<'_>, series: &[Series]) -> fmt::Result {
    if series.len() > 1 {
        out.write_str("<ul class=\"legend\">")?;
        for (colour, line) in (1..=SERIES).zip(series) {
            let label = escaped(&line.label);
            write!(out, "<li><i class=\"c{colour}\"></i>{label}</li>")?;
        }
        out.write_str("</ul>\n")?;
    }
    more(out, series.len().saturating_sub(SERIES))
}
