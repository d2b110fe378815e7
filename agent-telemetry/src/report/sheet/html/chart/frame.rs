//! The frame that courses over time are drawn in: lines across, and words at its edges.

use std::fmt;

use agent_primitives::Timestamp;

use super::axis::{Axis, marked};
use super::{Out, escaped};
use crate::report::sheet::Scale;

/// More than two days are told apart by their dates.
const DATES_FROM_NANOS: i128 = 2 * 86_400 * 1_000_000_000;

/// Opens the frame and draws the lines of the axis; what is drawn next is within the picture.
pub(super) fn open(
    out: Out<'_>,
    title: &str,
    told: &str,
    axis: &Axis,
    scale: Scale,
) -> fmt::Result {
    out.write_str("<div class=\"plot\">\n")?;
    for tick in axis.ticks() {
        let (place, mark) = (axis.place(tick), marked(scale, tick));
        write!(
            out,
            "<span class=\"y\" style=\"bottom:{place:.2}%\">{mark}</span>"
        )?;
    }
    let (title, told) = (escaped(title), escaped(told));
    write!(
        out,
        "\n<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{title}\">\
         <title>{title}</title><desc>{told}</desc>\n<path class=\"grid\" d=\""
    )?;
    for tick in axis.ticks() {
        write!(out, "M0 {:.2}H100", 100.0 - axis.place(tick))?;
    }
    out.write_str("\"/>\n")
}

/// Closes it, with the first, the middle and the last of these times below.
pub(super) fn close(out: Out<'_>, from: Timestamp, to: Timestamp) -> fmt::Result {
    out.write_str("</svg>\n")?;
    let (first, last) = (i128::from(from.unix_nanos()), i128::from(to.unix_nanos()));
    let middle = i64::try_from(i128::midpoint(first, last)).unwrap_or_default();
    let middle = Timestamp::from_unix_nanos(middle);
    let short = |at| short(at, last - first >= DATES_FROM_NANOS);
    let labels = [("first", from), ("middle", middle), ("last", to)];
    let shown = if first == last { 1 } else { labels.len() };
    for (class, at) in labels.into_iter().take(shown) {
        write!(out, "<span class=\"x {class}\">{}</span>", short(at))?;
    }
    out.write_str("\n</div>\n")
}

/// `2026-11-20`, or `11-20 08:30`.
pub(super) fn short(at: Timestamp, is_date: bool) -> String {
    let text = at.to_string();
    let cut = if is_date {
        text.get(..10)
    } else {
        text.get(5..16)
    };
    cut.unwrap_or(&text).replace('T', " ")
}
