//! Texts that recur, as numbers: a row holds `names.id` instead of the text.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use postgres::{GenericClient, Statement};

use super::cell::{Cell, escaped, unescaped};
use super::connection::Statements;
use super::error::Fault;

/// About how many entries each cache keeps, so that a host with a million sessions does not keep them
/// all.
const CACHED: usize = 16_384;

/// For writing: the numbers of texts.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<Box<str>, i64>);

impl Numbers {
    /// The number of a text that [`learn`](Self::learn) was given.
    pub(super) fn of(&self, name: &str) -> Result<i64, Fault> {
        let number = self.0.get(name).copied();
        number.ok_or_else(|| Fault::Nonsense(format!("the name {name:?} has no number")))
    }

    /// Makes room before a batch.
    pub(super) fn begin(&mut self) {
        if self.0.len() >= CACHED {
            self.0.clear();
        }
    }

    /// Finds or makes up the numbers of all names among the cells. Under the lock of `sequence`, so that
    /// nobody else makes one up for the same text.
    pub(super) fn learn<'c>(
        &mut self,
        client: &mut impl GenericClient,
        statements: &mut Statements,
        cells: impl IntoIterator<Item = &'c Cell<'c>>,
    ) -> Result<(), Fault> {
        let mut unknown = BTreeSet::new();
        for cell in cells {
            if let Cell::Name(name) = cell
                && !self.0.contains_key(name.as_ref())
            {
                unknown.insert(name.as_ref());
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        self.find(client, statements, &unknown)?;
        unknown.retain(|name| !self.0.contains_key(*name));
        if unknown.is_empty() {
            return Ok(());
        }
        let insert = statements.of(
            client,
            "INSERT INTO names (name) SELECT * FROM unnest($1::text[]) RETURNING name, id",
        )?;
        self.ask(client, &insert, &unknown)
    }

    fn find(
        &mut self,
        client: &mut impl GenericClient,
        statements: &mut Statements,
        names: &BTreeSet<&str>,
    ) -> Result<(), Fault> {
        let select = statements.of(
            client,
            "SELECT n.name, n.id FROM unnest($1::text[]) AS w(name) JOIN names n ON n.name = w.name",
        )?;
        self.ask(client, &select, names)
    }

    fn ask(
        &mut self,
        client: &mut impl GenericClient,
        question: &Statement,
        names: &BTreeSet<&str>,
    ) -> Result<(), Fault> {
        let texts: Vec<_> = names.iter().map(|name| escaped(name)).collect();
        for row in client.query(question, &[&texts])? {
            let name = unescaped(row.try_get(0)?);
            self.0.insert(name.into(), row.try_get(1)?);
        }
        Ok(())
    }

    /// After a rollback, numbers made up since the last commit mean nothing.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// For reading: the texts of numbers.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<i64, Arc<str>>);

impl Texts {
    /// The text of a number that [`learn`](Self::learn) was given.
    pub(super) fn of(&self, number: i64) -> Result<Arc<str>, Fault> {
        let text = self.0.get(&number).map(Arc::clone);
        text.ok_or_else(|| Fault::Nonsense(format!("no name has the number {number}")))
    }

    pub(super) fn learn(
        &mut self,
        client: &mut impl GenericClient,
        statements: &mut Statements,
        numbers: impl IntoIterator<Item = i64>,
    ) -> Result<(), Fault> {
        if self.0.len() >= CACHED {
            self.0.clear();
        }
        let unknown: BTreeSet<i64> = numbers
            .into_iter()
            .filter(|number| !self.0.contains_key(number))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let select = statements.of(client, "SELECT id, name FROM names WHERE id = ANY($1)")?;
        let unknown: Vec<i64> = unknown.into_iter().collect();
        for row in client.query(&select, &[&unknown])? {
            let name = unescaped(row.try_get(1)?);
            self.0.insert(row.try_get(0)?, name.into());
        }
        Ok(())
    }
}
