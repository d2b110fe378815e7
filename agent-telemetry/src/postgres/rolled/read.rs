//! The sums of a period: whole days, hours around them, minutes around those.

use postgres::Transaction;

use super::super::connection::Statements;
use super::super::decode::Decoder;
use super::super::error::Fault;
use super::super::names::Texts;
use super::Rolled;
use crate::rollup::{Kept, Part};
use crate::{AgentCell, MetricCell, ModelCell, Period, Rollups, ToolCell};

/// Which sums are there.
pub(in super::super) fn kept(transaction: &mut Transaction<'_>) -> Result<Kept, Fault> {
    let query = "SELECT minutes_since, hours_since FROM rollup_state";
    let row = transaction.query_one(query, &[])?;
    Ok(Kept {
        minutes_since: row.try_get(0)?,
        hours_since: row.try_get(1)?,
    })
}

/// The sums of a period that [`Kept::cover`] gives.
pub(in super::super) fn read(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    texts: &mut Texts,
    period: Period,
) -> Result<Rollups, Fault> {
    let mut sums = Rollups::default();
    for part in period.parts() {
        read_part::<AgentCell>(transaction, statements, texts, part, &mut sums)?;
        read_part::<ModelCell>(transaction, statements, texts, part, &mut sums)?;
        read_part::<ToolCell>(transaction, statements, texts, part, &mut sums)?;
        read_part::<MetricCell>(transaction, statements, texts, part, &mut sums)?;
    }
    Ok(sums)
}

fn read_part<T: Rolled>(
    transaction: &mut Transaction<'_>,
    statements: &mut Statements,
    texts: &mut Texts,
    part: Part,
    sums: &mut Rollups,
) -> Result<(), Fault> {
    let columns: Vec<&str> = [T::KEY, T::COUNTS, T::OTHERS].concat();
    let key: Vec<&str> = T::KEY.iter().copied().filter(|it| *it != "unit").collect();
    let select = statements.of(
        transaction,
        &format!(
            "SELECT {} FROM {} WHERE span = $1 AND start >= $2 AND start < $3 ORDER BY start",
            columns.join(", "),
            T::TABLE
        ),
    )?;
    let bounds: [&(dyn postgres::types::ToSql + Sync); 3] =
        [&part.span.seconds(), &part.from, &part.to];
    let rows = transaction.query(&select, &bounds)?;
    let mut numbers = Vec::with_capacity(rows.len() * key.len());
    for row in &rows {
        for place in 0..key.len() {
            numbers.push(row.try_get(place).map_err(Fault::nonsense)?);
        }
    }
    let names = numbers
        .into_iter()
        .filter(|number| *number != super::NOBODY);
    texts.learn(transaction, statements, names)?;
    for row in &rows {
        let mut decoder = Decoder::new(texts, row, 0);
        let key = T::read_key(&mut decoder)?;
        let cell = T::read(&mut decoder)?;
        match T::of_mut(sums).get_mut(&key) {
            Some(sum) => sum.absorb(&cell),
            None => drop(T::of_mut(sums).insert(key, cell)),
        }
    }
    Ok(())
}
