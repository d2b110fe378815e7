//! Handoffs by the hour and the day in which they happened.

use std::collections::BTreeMap;

use agent_primitives::{Handoff, HandoffReason, Initiator, Timestamp};

use super::cell::Cell;
use super::told::{Line, Told};
use crate::{Period, Span};

/// One handoff.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) at: Timestamp,
    /// How many records were told before.
    pub(super) order: u64,
    /// `None` beyond the bound of those that are told apart.
    pub(super) path: Option<usize>,
    pub(super) reason: HandoffReason,
    pub(super) is_manual: bool,
    pub(super) has_session: bool,
    /// `None` where what came after is not followed.
    pub(super) line: Option<Line>,
}

impl Handed {
    pub(super) fn new(at: Timestamp, order: u64, handoff: &Handoff) -> Self {
        Self {
            at,
            order,
            path: None,
            reason: handoff.reason,
            is_manual: handoff.initiator == Initiator::Manual,
            has_session: false,
            line: None,
        }
    }
}

/// What happened in one hour.
#[derive(Debug, Default)]
pub(super) struct Hour {
    pub(super) handed: Vec<Handed>,
    /// When which session began.
    pub(super) begun: Vec<(Timestamp, usize)>,
    /// What it comes to; `None` where that is not known by now.
    cell: Option<Cell>,
}

#[derive(Debug, Default)]
struct Day {
    hours: BTreeMap<i64, Hour>,
    cell: Option<Cell>,
}

#[derive(Debug, Default)]
pub(super) struct Days {
    days: BTreeMap<i64, Day>,
    /// What was asked for last.
    stretches: Vec<Stretch>,
}

/// Days that follow one another, by the beginning of the first and the end of the last.
#[derive(Debug)]
struct Stretch {
    from: i64,
    to: i64,
    cell: Cell,
}

/// Stretches that are kept.
const STRETCHES: usize = 4;

impl Days {
    pub(super) fn add(&mut self, handed: Handed) {
        self.hour(handed.at).handed.push(handed);
    }

    pub(super) fn begin(&mut self, at: Timestamp, session: usize) {
        self.hour(at).begun.push((at, session));
    }

    /// More is known of what happened then.
    pub(super) fn forget(&mut self, at: Timestamp) {
        let start = Span::Day.start(at);
        if let Some(day) = self.days.get_mut(&start) {
            day.cell = None;
            self.stretches.retain(|it| !it.contains(start));
            if let Some(hour) = day.hours.get_mut(&Span::Hour.start(at)) {
                hour.cell = None;
            }
        }
    }

    fn hour(&mut self, at: Timestamp) -> &mut Hour {
        let start = Span::Day.start(at);
        self.stretches.retain(|it| !it.contains(start));
        let day = self.days.entry(start).or_default();
        day.cell = None;
        let hour = day.hours.entry(Span::Hour.start(at)).or_default();
        hour.cell = None;
        hour
    }

    /// What the handoffs of a period come to: whole days, whole hours around them, and single handoffs in the
    /// hours that it cuts.
    pub(super) fn sum(&mut self, period: Period, told: &Told) -> Cell {
        let mut sum = Cell::default();
        if period.is_empty() {
            return sum;
        }
        let (first, end) = (Span::Day.start(period.from()), period.to());
        let days = self.days.range_mut(first..);
        let days = days.take_while(|(day, _)| span(Span::Day, **day).from() < end);
        let mut whole: Option<(i64, i64)> = None;
        // What comes after the whole days, which are to be added first: chains beyond the bound give way to earlier
        // ones.
        let mut tail = Cell::default();
        for (day, it) in days {
            if is_within(span(Span::Day, *day), period) {
                let to = day.saturating_add(Span::Day.seconds());
                whole = Some((whole.map_or(*day, |(from, _)| from), to));
                continue;
            }
            let part = if whole.is_some() { &mut tail } else { &mut sum };
            for (hour, it) in &mut it.hours {
                let hour = span(Span::Hour, *hour);
                if is_within(hour, period) {
                    part.absorb(it.cell(hour, told));
                } else {
                    part.absorb(&Cell::of(it, both(hour, period), told));
                }
            }
        }
        if let Some((from, to)) = whole {
            self.add_stretch(&mut sum, from, to, told);
        }
        sum.absorb(&tail);
        sum.keep_first(period, told);
        sum.see_first(told);
        sum
    }
}

impl Days {
    fn add_stretch(&mut self, sum: &mut Cell, from: i64, to: i64, told: &Told) {
        let known = self
            .stretches
            .iter()
            .position(|it| (it.from, it.to) == (from, to));
        let known = known.map(|place| self.stretches.remove(place));
        let stretch = known.unwrap_or_else(|| {
            let mut cell = Cell::default();
            for (day, it) in self.days.range_mut(from..to) {
                cell.absorb(it.cell(span(Span::Day, *day), told));
            }
            // As of a day.
            let [from_at, to_at] = [from, to].map(Timestamp::from_unix_seconds);
            cell.keep_first(Period::new(from_at, to_at), told);
            Stretch { from, to, cell }
        });
        sum.absorb(&stretch.cell);
        self.stretches.insert(0, stretch);
        self.stretches.truncate(STRETCHES);
    }
}

impl Stretch {
    const fn contains(&self, day: i64) -> bool {
        self.from <= day && day < self.to
    }
}

impl Day {
    fn cell(&mut self, day: Period, told: &Told) -> &Cell {
        let hours = &self.hours;
        self.cell.get_or_insert_with(|| {
            let mut sum = Cell::default();
            // Sums of hours are kept of those that were asked for one by one: there are many.
            for (hour, it) in hours {
                match &it.cell {
                    Some(cell) => sum.absorb(cell),
                    None => sum.absorb(&Cell::of(it, span(Span::Hour, *hour), told)),
                }
            }
            // So that few are left to be looked at in each period.
            sum.keep_first(day, told);
            sum
        })
    }
}

impl Hour {
    fn cell(&mut self, hour: Period, told: &Told) -> &Cell {
        if self.cell.is_none() {
            self.cell = Some(Cell::of(self, hour, told));
        }
        self.cell.get_or_insert_default()
    }
}

fn span(span: Span, start: i64) -> Period {
    let end = start.saturating_add(span.seconds());
    let [from, to] = [start, end].map(Timestamp::from_unix_seconds);
    Period::new(from, to)
}

fn is_within(part: Period, period: Period) -> bool {
    period.from() <= part.from() && part.to() <= period.to()
}

fn both(a: Period, b: Period) -> Period {
    Period::new(a.from().max(b.from()), a.to().min(b.to()))
}
