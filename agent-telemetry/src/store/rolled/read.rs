//! The sums of a period: whole days, hours around them, minutes around those.

use agent_primitives::Timestamp;
use rusqlite::Connection;

use super::super::decode::Decoder;
use super::super::error::Fault;
use super::super::names::Texts;
use super::Rolled;
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

/// The sums of a period that [`Kept::cover`] gives.
pub(in super::super) fn read(
    connection: &Connection,
    texts: &mut Texts,
    period: Period,
) -> Result<Rollups, Fault> {
    let mut sums = Rollups::default();
    for part in period.parts() {
        read_part::<AgentCell>(connection, texts, part, &mut sums)?;
        read_part::<ModelCell>(connection, texts, part, &mut sums)?;
        read_part::<ToolCell>(connection, texts, part, &mut sums)?;
        read_part::<MetricCell>(connection, texts, part, &mut sums)?;
    }
    Ok(sums)
}

fn read_part<T: Rolled>(
    connection: &Connection,
    texts: &mut Texts,
    part: Part,
    sums: &mut Rollups,
) -> Result<(), Fault> {
    let columns: Vec<&str> = [T::KEY, T::COUNTS, T::OTHERS].concat();
    let mut select = connection.prepare_cached(&format!(
        "SELECT {} FROM {} WHERE span = ?1 AND start >= ?2 AND start < ?3",
        columns.join(", "),
        T::TABLE
    ))?;
    let mut rows = select.query((part.span.seconds(), part.from, part.to))?;
    while let Some(row) = rows.next()? {
        let mut decoder = Decoder::new(connection, texts, row);
        let key = T::read_key(&mut decoder)?;
        let cell = T::read(&mut decoder)?;
        match T::of_mut(sums).get_mut(&key) {
            Some(sum) => sum.absorb(&cell),
            None => drop(T::of_mut(sums).insert(key, cell)),
        }
    }
    Ok(())
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
