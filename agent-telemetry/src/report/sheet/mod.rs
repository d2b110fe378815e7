//! What every report is shown from, as a text and as a page: titled sections of facts, tables, remarks
//! and charts.

mod chart;
mod html;
mod text;

pub(super) use html::page;

use crate::Period;
use crate::stats::layout::Table;
use crate::stats::width::printable;

pub(crate) use chart::{Bar, Chart, Flow, Scale, Series, dollars, number, seconds};

/// A report as a person sees it.
#[derive(Debug)]
pub(crate) struct Sheet {
    title: String,
    /// As it stands behind the title.
    period: Option<String>,
    tiles: Vec<Tile>,
    /// Stands before all others, and has no title.
    top: Section,
    sections: Vec<Section>,
}

/// A figure that a page begins with. A text has it in its tables.
#[derive(Debug)]
struct Tile {
    name: String,
    figure: String,
    remark: String,
}

/// What belongs together, in the order in which it was added. Left out where there is nothing in it.
#[derive(Debug, Default)]
pub(crate) struct Section {
    title: Option<String>,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Fact {
        name: String,
        what: String,
    },
    /// One of the parts that make up a whole.
    Split {
        name: String,
        part: u64,
        whole: u64,
    },
    Table(Table),
    Note(String),
    Chart(Chart),
}

impl Sheet {
    pub(crate) fn new(title: &str, period: Period) -> Self {
        Self::undated(title).with_period(&period.to_string())
    }

    /// A report that is about no period.
    pub(crate) fn undated(title: &str) -> Self {
        Self {
            title: printable(title),
            period: None,
            tiles: Vec::new(),
            top: Section::default(),
            sections: Vec::new(),
        }
    }

    /// A period that is not counted to the minute.
    pub(crate) fn with_period(mut self, text: &str) -> Self {
        self.period = Some(printable(text));
        self
    }

    /// By another name.
    pub(super) fn called(mut self, title: &str) -> Self {
        self.title = printable(title);
        self
    }

    /// A page shows it large at its top; a text does not show it. The remark may be empty.
    pub(crate) fn tile(&mut self, name: &str, figure: &str, remark: &str) {
        let [name, figure, remark] = [name, figure, remark].map(printable);
        self.tiles.push(Tile {
            name,
            figure,
            remark,
        });
    }

    /// A new one behind the others.
    pub(crate) fn section(&mut self, title: &str) -> &mut Section {
        self.sections.push(Section {
            title: Some(printable(title)),
            parts: Vec::new(),
        });
        match self.sections.last_mut() {
            Some(added) => added,
            None => &mut self.top,
        }
    }

    /// The part before the first section.
    pub(crate) const fn top(&mut self) -> &mut Section {
        &mut self.top
    }

    /// A remark before the first section.
    pub(crate) fn note(&mut self, text: &str) {
        self.top.note(text);
    }
}

impl Section {
    /// A short name, and what there is to say.
    pub(crate) fn fact(&mut self, name: &str, what: &str) {
        let [name, what] = [name, what].map(printable);
        self.parts.push(Part::Fact { name, what });
    }

    /// How much of a whole has a name: a share with a bar behind it.
    pub(crate) fn split(&mut self, name: &str, part: u64, whole: u64) {
        let name = printable(name);
        self.parts.push(Part::Split { name, part, whole });
    }

    /// Left out where it has no rows.
    pub(crate) fn table(&mut self, table: Table) {
        if !table.is_empty() {
            self.parts.push(Part::Table(table));
        }
    }

    /// A sentence or more.
    pub(crate) fn note(&mut self, text: &str) {
        self.parts.push(Part::Note(printable(text)));
    }

    /// On a page alone; left out where it has nothing to show.
    pub(crate) fn chart(&mut self, chart: Chart) {
        if !chart.is_empty() {
            self.parts.push(Part::Chart(chart));
        }
    }

    const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}
