//! The sums of a period: whole days, hours around them, minutes around those.

use std::collections::BTreeMap;

use agent_primitives::Timestamp;
use rusqlite::Connection;

use super::super::decode::Decoder;
use super::super::error::Fault;
use super::super::names::Texts;
use super::{Named, Rolled};
use crate::rollup::Part;
use crate::{AgentCell, MetricCell, ModelCell, Period, Rollups, Span, ToolCell};

/// Since when the sums of each span are all there; `None` where nothing has been removed.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Kept {
    pub(in super::super) minutes_since: Option<i64>,
    pub(in super::super) hours_since: Option<i64>,
}

impl Kept {
    pub(in super::super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row(
            "SELECT minutes_since, hours_since FROM rollup_state",
            [],
            |row| {
                Ok(Self {
                    minutes_since: row.get(0)?,
                    hours_since: row.get(1)?,
                })
            },
        )
    }

    /// The period in spans that are there: a bound within an hour whose minutes are gone moves outwards
    /// to that hour, one within a day whose hours are gone to that day.
    pub(in super::super) fn cover(self, period: Period) -> Period {
        let mut covered = period.outward(Span::Minute);
        if covered.is_empty() {
            return covered;
        }
        let steps = [
            (Span::Hour, self.minutes_since),
            (Span::Day, self.hours_since),
        ];
        for (span, since) in steps {
            let Some(since) = since else { continue };
            let whole = covered.outward(span);
            let is_gone = |bound: Timestamp| span.start(bound) < since;
            // A bound that begins a span needs nothing finer; then moving it changes nothing.
            let from = if is_gone(covered.from()) {
                whole
            } else {
                covered
            };
            let to = if is_gone(covered.to()) {
                whole
            } else {
                covered
            };
            covered = Period::new(from.from(), to.to());
        }
        covered
    }
}

/// Which sums are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Wanted {
    All,
    /// Those of agents, with their metrics.
    Agents,
    Models,
    Tools,
}

impl Wanted {
    fn is(self, kind: Self) -> bool {
        self == Self::All || self == kind
    }
}

/// The sums of a period that [`Kept::cover`] gives.
pub(in super::super) fn read(
    connection: &Connection,
    texts: &mut Texts,
    period: Period,
    wanted: Wanted,
) -> Result<Rollups, Fault> {
    let parts = period.parts();
    let mut sums = Rollups::default();
    if wanted.is(Wanted::Agents) {
        sums.agents = read_parts::<AgentCell>(connection, texts, &parts)?;
        sums.metrics = read_parts::<MetricCell>(connection, texts, &parts)?;
    }
    if wanted.is(Wanted::Models) {
        sums.models = read_parts::<ModelCell>(connection, texts, &parts)?;
    }
    if wanted.is(Wanted::Tools) {
        sums.tools = read_parts::<ToolCell>(connection, texts, &parts)?;
    }
    Ok(sums)
}

fn read_parts<T: Rolled>(
    connection: &Connection,
    texts: &mut Texts,
    parts: &[Part],
) -> Result<BTreeMap<T::Key, T>, Fault> {
    let columns: Vec<&str> = [T::KEY, T::COUNTS, T::OTHERS].concat();
    let mut select = connection.prepare_cached(&format!(
        "SELECT {} FROM {} WHERE span = ?1 AND start >= ?2 AND start < ?3",
        columns.join(", "),
        T::TABLE
    ))?;
    // By number until all is added up: a name is looked up once.
    let mut by_number: BTreeMap<T::Numbers, T> = BTreeMap::new();
    for part in parts {
        let mut rows = select.query((part.span.seconds(), part.from, part.to))?;
        while let Some(row) = rows.next()? {
            let mut decoder = Decoder::new(connection, texts, row);
            let sum = by_number.entry(T::numbers(&mut decoder)?).or_default();
            sum.absorb_row(&mut decoder)?;
        }
    }
    let mut names = Named { connection, texts };
    let sums = by_number.into_iter();
    sums.map(|(numbers, sum)| Ok((T::key(&numbers, &mut names)?, sum)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_move_outwards_only_where_finer_spans_are_gone() {
        const DAY: i64 = 86_400;
        let at = Timestamp::from_unix_seconds;
        let kept = Kept {
            minutes_since: Some(10 * DAY),
            hours_since: Some(5 * DAY),
        };
        let covered = |from, to| {
            let covered = kept.cover(Period::new(at(from), at(to)));
            (covered.from().unix_seconds(), covered.to().unix_seconds())
        };
        assert_eq!(
            covered(11 * DAY + 61, 12 * DAY + 1),
            (11 * DAY + 60, 12 * DAY + 60)
        );
        assert_eq!(covered(7 * DAY + 61, 12 * DAY), (7 * DAY, 12 * DAY));
        assert_eq!(
            covered(3 * DAY + 7_201, 6 * DAY + 61),
            (3 * DAY, 6 * DAY + 3_600)
        );
        assert_eq!(covered(3 * DAY, 4 * DAY), (3 * DAY, 4 * DAY));
        assert_eq!(covered(4, 4), (4, 4));
    }
}
