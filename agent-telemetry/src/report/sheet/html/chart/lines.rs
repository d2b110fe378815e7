//! Courses over time, each with its band.

use std::fmt;

use agent_primitives::Timestamp;

use super::axis::{Axis, written};
use super::{Out, SERIES, frame, legend};
use crate::report::sheet::{Scale, Series};
use crate::stats::layout::plural;

/// Most points of a course that are drawn: about as many as there are pixels side by side.
const POINTS: usize = 400;

pub(super) fn write(out: Out<'_>, title: &str, scale: Scale, series: &[Series]) -> fmt::Result {
    let shown = series.get(..SERIES).unwrap_or(series);
    let times = || {
        shown
            .iter()
            .flat_map(|line| &line.points)
            .map(|(at, _)| *at)
    };
    let (Some(from), Some(to)) = (times().min(), times().max()) else {
        return Ok(());
    };
    let values = shown
        .iter()
        .flat_map(|line| &line.points)
        .map(|(_, value)| *value);
    let bounds = shown.iter().filter_map(|line| line.band.as_ref()).flatten();
    let bounds = bounds.flat_map(|(low, high)| [*low, *high]);
    let axis = Axis::over(scale, values.chain(bounds));
    frame::open(out, title, &told(scale, shown), &axis, scale)?;
    for (colour, line) in (1..=SERIES).zip(shown) {
        draw(out, colour, line, |at, value| {
            (across(at, from, to), 100.0 - axis.place(value))
        })?;
    }
    frame::close(out, from, to)?;
    legend(out, series)?;
    match thinned(shown) {
        1 => Ok(()),
        step => writeln!(out, "<p class=\"more\">drawn from one point of {step}</p>"),
    }
}

fn thinned(shown: &[Series]) -> usize {
    let longest = shown.iter().map(|line| line.points.len()).max();
    longest.unwrap_or(0).div_ceil(POINTS).max(1)
}

fn draw(
    out: Out<'_>,
    colour: usize,
    line: &Series,
    place: impl Fn(Timestamp, f64) -> (f64, f64),
) -> fmt::Result {
    let step = line.points.len().div_ceil(POINTS).max(1);
    if let Some(band) = &line.band {
        let mut bounds: Vec<_> = line.points.iter().zip(band).step_by(step).collect();
        write!(out, "<path class=\"band c{colour}\" d=\"")?;
        for (index, ((at, _), (_, high))) in bounds.iter().enumerate() {
            mark(out, index, place(*at, *high))?;
        }
        bounds.reverse();
        for ((at, _), (low, _)) in bounds {
            mark(out, 1, place(*at, *low))?;
        }
        out.write_str("Z\"/>\n")?;
    }
    write!(out, "<path class=\"line c{colour}\" d=\"")?;
    // A value that is none leaves a gap, and one by itself is a dot of the width of the line.
    let mut drawn = 0;
    for (at, value) in line.points.iter().step_by(step) {
        if value.is_finite() {
            mark(out, drawn, place(*at, *value))?;
            if drawn == 0 {
                out.write_str("h0")?;
            }
            drawn += 1;
        } else {
            drawn = 0;
        }
    }
    out.write_str("\"/>\n")
}

fn mark(out: Out<'_>, index: usize, (x, y): (f64, f64)) -> fmt::Result {
    let pen = if index == 0 { 'M' } else { 'L' };
    write!(out, "{pen}{x:.2} {y:.2}")
}

/// From 0 to 100.
fn across(at: Timestamp, from: Timestamp, to: Timestamp) -> f64 {
    let whole = to.since(from).as_secs_f64();
    if whole > 0.0 {
        (100.0 * at.since(from).as_secs_f64() / whole).min(100.0)
    } else {
        50.0
    }
}

/// What the picture shows, for whom it is read out.
fn told(scale: Scale, shown: &[Series]) -> String {
    let each = shown.iter().filter_map(|line| {
        let ((_, first), (_, last)) = (line.points.first()?, line.points.last()?);
        Some(format!(
            "{}: {}, from {} to {}.",
            line.label,
            plural(line.points.len() as u64, "point"),
            written(scale, *first),
            written(scale, *last)
        ))
    });
    each.collect::<Vec<_>>().join(" ")
}
