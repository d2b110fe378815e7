//! Amounts of each day, one on top of the other, and the same as a table.

use std::collections::BTreeMap;
use std::fmt;

use agent_primitives::Timestamp;

use super::axis::{Axis, written};
use super::{Out, SERIES, frame, legend, table};
use crate::report::sheet::{Scale, Series};
use crate::stats::layout::{Table, dash};

/// Most days of a chart; the latest are shown.
const DAYS: usize = 120;

pub(super) fn write(out: Out<'_>, title: &str, scale: Scale, series: &[Series]) -> fmt::Result {
    let shown = series.get(..SERIES).unwrap_or(series);
    let mut days: BTreeMap<Timestamp, Vec<f64>> = BTreeMap::new();
    for (index, line) in shown.iter().enumerate() {
        for (at, value) in &line.points {
            let parts = days.entry(*at).or_insert_with(|| vec![0.0; shown.len()]);
            if let Some(part) = parts.get_mut(index).filter(|_| value.is_finite()) {
                *part += value.max(0.0);
            }
        }
    }
    let left_out = days.len().saturating_sub(DAYS);
    let days: Vec<(Timestamp, Vec<f64>)> = days.into_iter().skip(left_out).collect();
    let (Some((from, _)), Some((to, _))) = (days.first(), days.last()) else {
        return Ok(());
    };
    let heights = days.iter().map(|(_, parts)| parts.iter().sum());
    let axis = Axis::over(scale, heights);
    frame::open(
        out,
        title,
        "The same figures stand in the table below.",
        &axis,
        scale,
    )?;
    #[expect(clippy::cast_precision_loss, reason = "at most 120")]
    let width = 100.0 / days.len() as f64;
    let mut left = width * 0.1;
    for (_, parts) in &days {
        let mut sum = 0.0;
        for (colour, part) in (1..=SERIES).zip(parts) {
            let below = axis.place(sum);
            sum += part;
            let (top, height) = (100.0 - axis.place(sum), axis.place(sum) - below);
            if height > 0.0 {
                write!(
                    out,
                    "<rect class=\"c{colour}\" x=\"{left:.2}\" y=\"{top:.2}\" width=\"{:.2}\" height=\"{height:.2}\"/>",
                    width * 0.8
                )?;
            }
        }
        left += width;
    }
    out.write_str("\n")?;
    frame::close(out, *from, *to)?;
    legend(out, series)?;
    if left_out > 0 {
        writeln!(
            out,
            "<p class=\"more\">{left_out} days before are not shown</p>"
        )?;
    }
    figures(out, scale, shown, &days)
}

fn figures(
    out: Out<'_>,
    scale: Scale,
    shown: &[Series],
    days: &[(Timestamp, Vec<f64>)],
) -> fmt::Result {
    let mut header = vec!["day".to_owned()];
    header.extend(shown.iter().map(|line| line.label.clone()));
    let mut rows = Table::headed(0, header);
    for (at, parts) in days {
        let mut row = vec![frame::short(*at, true)];
        row.extend(parts.iter().map(|part| match part {
            0.0 => dash(),
            part => written(scale, *part),
        }));
        rows.push(&row);
    }
    out.write_str("<details><summary>Figures</summary>\n")?;
    table::write(out, &rows)?;
    out.write_str("</details>\n")
}
