//! One bar for each name, with the interval that its value is thought to lie in.

use std::fmt;

use super::axis::{Axis, written};
use super::{Out, escaped, more};
use crate::report::sheet::{Bar, Scale};

/// Most bars of a chart.
const BARS: usize = 24;

pub(in crate::report::sheet::html) fn write(
    out: Out<'_>,
    scale: Scale,
    bars: &[Bar],
) -> fmt::Result {
    let shown = bars.get(..BARS).unwrap_or(bars);
    let has_intervals = shown.iter().any(|bar| bar.interval.is_some());
    let has_notes = shown.iter().any(|bar| !bar.note.is_empty());
    let bounds = shown.iter().filter_map(|bar| bar.interval);
    let values = shown.iter().map(|bar| bar.value);
    let axis = Axis::over(
        scale,
        values.chain(bounds.flat_map(|(low, high)| [low, high])),
    );
    out.write_str("<table class=\"bars\">\n<tbody>\n")?;
    for bar in shown {
        write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"bar\">",
            escaped(&bar.label)
        )?;
        draw(out, &axis, bar)?;
        let value = written(scale, bar.value);
        write!(out, "</td><td class=\"number\">{value}</td>")?;
        if let Some((low, high)) = bar.interval {
            let (low, high) = (written(scale, low), written(scale, high));
            write!(out, "<td class=\"interval\">{low} to {high}</td>")?;
        } else if has_intervals {
            out.write_str("<td class=\"interval\"></td>")?;
        }
        if has_notes {
            write!(out, "<td class=\"note\">{}</td>", escaped(&bar.note))?;
        }
        out.write_str("</tr>\n")?;
    }
    out.write_str("</tbody>\n</table>\n")?;
    more(out, bars.len() - shown.len())
}

/// The figures stand beside it, so that it says nothing to whom it is read out.
fn draw(out: Out<'_>, axis: &Axis, bar: &Bar) -> fmt::Result {
    let (zero, end) = (axis.place(0.0), axis.place(bar.value));
    let (from, width) = (zero.min(end), (zero - end).abs());
    out.write_str(
        "<svg viewBox=\"0 0 100 16\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
    )?;
    out.write_str("<rect class=\"track\" width=\"100\" height=\"16\"/>")?;
    write!(
        out,
        "<rect class=\"fill\" x=\"{from:.2}\" y=\"2\" width=\"{width:.2}\" height=\"12\"/>"
    )?;
    if axis.is_below_zero() {
        write!(out, "<path class=\"axis\" d=\"M{zero:.2} 0V16\"/>")?;
    }
    if let Some((low, high)) = bar.interval {
        let (low, high) = (axis.place(low), axis.place(high));
        write!(
            out,
            "<path class=\"whisker\" d=\"M{low:.2} 8H{high:.2}M{low:.2} 4V12M{high:.2} 4V12\"/>"
        )?;
    }
    out.write_str("</svg>")
}
