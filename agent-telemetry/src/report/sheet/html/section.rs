//! What stands on a page about one report: its tiles, and section by section its parts.

use std::fmt;

use super::chart;
use super::escape::escaped;
use super::{Out, table};
use crate::report::ratio;
use crate::report::sheet::{Bar, Part, Scale, Section, Sheet};
use crate::stats::layout::count;

impl Sheet {
    /// Its sections that have a title and something in them, with their numbers on the page.
    pub(super) fn titled(&self) -> impl Iterator<Item = (usize, &str)> {
        let shown = self.sections.iter().filter(|it| !it.is_empty());
        (1..).zip(shown.filter_map(|it| it.title.as_deref()))
    }

    pub(super) fn write_html(&self, out: Out<'_>, number: usize, is_headed: bool) -> fmt::Result {
        writeln!(out, "<article id=\"r{number}\">")?;
        if is_headed {
            let title = escaped(&self.title);
            writeln!(out, "<header>\n<h2>{title}</h2>")?;
            period(out, self.period.as_deref())?;
            out.write_str("</header>\n")?;
        }
        self.write_tiles(out)?;
        if !self.top.is_empty() {
            out.write_str("<section>\n")?;
            self.top.write_html(out)?;
            out.write_str("</section>\n")?;
        }
        let shown = self.sections.iter().filter(|it| !it.is_empty());
        for (place, section) in (1..).zip(shown) {
            writeln!(out, "<section id=\"r{number}-{place}\">")?;
            if let Some(title) = &section.title {
                writeln!(out, "<h3>{}</h3>", escaped(title))?;
            }
            section.write_html(out)?;
            out.write_str("</section>\n")?;
        }
        out.write_str("</article>\n")
    }

    fn write_tiles(&self, out: Out<'_>) -> fmt::Result {
        if self.tiles.is_empty() {
            return Ok(());
        }
        out.write_str("<dl class=\"tiles\">\n")?;
        for tile in &self.tiles {
            let [name, figure, remark] =
                [&tile.name, &tile.figure, &tile.remark].map(|text| escaped(text));
            writeln!(
                out,
                "<div><dt>{name}</dt><dd><strong>{figure}</strong> <span>{remark}</span></dd></div>"
            )?;
        }
        out.write_str("</dl>\n")
    }
}

pub(super) fn period(out: Out<'_>, period: Option<&str>) -> fmt::Result {
    period.map_or(Ok(()), |it| {
        writeln!(out, "<p class=\"period\">{}</p>", escaped(it))
    })
}

impl Section {
    fn write_html(&self, out: Out<'_>) -> fmt::Result {
        // Facts that follow each other are one list, and so are parts of one whole.
        for run in self.parts.chunk_by(|a, b| {
            matches!(
                (a, b),
                (Part::Fact { .. }, Part::Fact { .. }) | (Part::Split { .. }, Part::Split { .. })
            )
        }) {
            match run.first() {
                Some(Part::Fact { .. }) => facts(out, run)?,
                Some(Part::Split { .. }) => chart::bars::write(out, Scale::Share, &splits(run))?,
                Some(Part::Note(text)) => writeln!(out, "<p>{}</p>", escaped(text))?,
                Some(Part::Table(table)) => table::write(out, table)?,
                Some(Part::Chart(chart)) => chart::write(out, chart)?,
                None => {}
            }
        }
        Ok(())
    }
}

fn facts(out: Out<'_>, run: &[Part]) -> fmt::Result {
    out.write_str("<dl class=\"facts\">\n")?;
    for part in run {
        if let Part::Fact { name, what } = part {
            let (name, what) = (escaped(name), escaped(what));
            writeln!(out, "<div><dt>{name}</dt><dd>{what}</dd></div>")?;
        }
    }
    out.write_str("</dl>\n")
}

fn splits(run: &[Part]) -> Vec<Bar> {
    let bar = |part: &Part| match part {
        Part::Split { name, part, whole } => {
            let value = ratio(*part, *whole)?;
            let note = format!("{} of {}", count(*part), count(*whole));
            Some(Bar::new(name.clone(), value).with_note(note))
        }
        _ => None,
    };
    run.iter().filter_map(bar).collect()
}
