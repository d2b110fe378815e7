//! What went from whom to whom: names on both sides, and between them ribbons as wide as it was often.

use std::fmt;

use super::{Out, escaped, more, table};
use crate::report::sheet::{Flow, number};
use crate::stats::layout::{Table, count, plural};

/// Most paths of a chart.
const PATHS: usize = 24;
/// Of the height that a name has, what its ribbons may fill.
const FILLED: f64 = 0.7;

pub(super) fn write(out: Out<'_>, title: &str, paths: &[Flow]) -> fmt::Result {
    let shown = paths.get(..PATHS).unwrap_or(paths);
    let mut sources = Side::of(shown, |path| &path.from);
    let mut targets = Side::of(shown, |path| &path.to);
    let busiest = sources.busiest().max(targets.busiest());
    let per_time = FILLED * sources.slot().min(targets.slot()) / busiest;
    let height = 2.5 * sources.slots().max(targets.slots());
    write!(
        out,
        "<div class=\"flow\" style=\"height:{height:.1}rem\">\n<div>"
    )?;
    sources.write(out)?;
    let title = escaped(title);
    write!(
        out,
        "</div>\n<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{title}\">\
         <title>{title}</title><desc>The same paths stand in the table below.</desc>\n"
    )?;
    for path in shown {
        let wide = per_time * number(path.count);
        let (from, to) = (
            sources.take(&path.from, per_time, wide),
            targets.take(&path.to, per_time, wide),
        );
        let (lower_from, lower_to) = (from + wide, to + wide);
        let colour = sources.colour(&path.from);
        write!(
            out,
            "<path class=\"ribbon c{colour}\" d=\"M0 {from:.2}C50 {from:.2} 50 {to:.2} 100 {to:.2}V{lower_to:.2}\
             C50 {lower_to:.2} 50 {lower_from:.2} 0 {lower_from:.2}Z\"><title>{} → {}: {}</title></path>",
            escaped(&path.from),
            escaped(&path.to),
            plural(path.count, "time")
        )?;
    }
    out.write_str("\n</svg>\n<div>")?;
    targets.write(out)?;
    out.write_str("</div>\n</div>\n")?;
    more(out, paths.len() - shown.len())?;
    let mut rows = Table::new(1, ["from", "to", "times", "remark"]);
    for path in shown {
        let [from, to, note] = [&path.from, &path.to, &path.note].map(Clone::clone);
        rows.row([from, to, count(path.count), note]);
    }
    out.write_str("<details><summary>Figures</summary>\n")?;
    table::write(out, &rows)?;
    out.write_str("</details>\n")
}

/// The names on one side, in the order in which they come first.
struct Side<'p> {
    /// Each with how often it is passed, and how much of it is drawn.
    names: Vec<(&'p str, f64, f64)>,
}

impl<'p> Side<'p> {
    fn of(paths: &'p [Flow], name: impl Fn(&'p Flow) -> &'p String) -> Self {
        let mut names: Vec<(&str, f64, f64)> = Vec::new();
        for path in paths {
            let (its, times) = (name(path).as_str(), number(path.count));
            match names.iter_mut().find(|(known, ..)| *known == its) {
                Some((_, sum, _)) => *sum += times,
                None => names.push((its, times, 0.0)),
            }
        }
        Self { names }
    }

    fn slots(&self) -> f64 {
        number(self.names.len().max(1) as u64)
    }

    fn slot(&self) -> f64 {
        100.0 / self.slots()
    }

    fn busiest(&self) -> f64 {
        let sums = self.names.iter().map(|(_, sum, _)| *sum);
        sums.fold(1.0, f64::max)
    }

    /// The upper edge of its next ribbon; all of them stand in the middle of its slot.
    fn take(&mut self, name: &str, per_time: f64, wide: f64) -> f64 {
        let slot = self.slot();
        let mut top = 0.0;
        for (known, sum, drawn) in &mut self.names {
            if *known == name {
                let edge = top + (slot - *sum * per_time) / 2.0 + *drawn;
                *drawn += wide;
                return edge;
            }
            top += slot;
        }
        top
    }

    fn colour(&self, name: &str) -> usize {
        let place = self.names.iter().position(|(known, ..)| *known == name);
        place.unwrap_or(0) % super::SERIES + 1
    }

    fn write(&self, out: Out<'_>) -> fmt::Result {
        for (name, sum, _) in &self.names {
            let name = escaped(name);
            write!(out, "<p><span>{name}</span> <small>{sum}</small></p>")?;
        }
        Ok(())
    }
}
