//! One value of a row, and rows in the binary form of COPY.

use std::borrow::Cow;
use std::error::Error;

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::error::Fault;
use super::names::Numbers;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
    /// A text that recurs, stored as its number.
    Name(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    pub(super) const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub(super) const fn name(name: &'a str) -> Self {
        Self::Name(Cow::Borrowed(name))
    }

    pub(super) fn maybe(cell: Option<impl Into<Self>>) -> Self {
        cell.map_or(Self::Null, Into::into)
    }

    /// The same with a number in place of a name.
    pub(super) fn numbered(self, numbers: &Numbers) -> Result<Self, Fault> {
        match self {
            Self::Name(name) => numbers.of(&name).map(Self::Int),
            cell => Ok(cell),
        }
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

/// The server has signed integers: what is beyond, no count of tokens or bytes reaches.
impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// 292 years at most.
impl From<std::time::Duration> for Cell<'_> {
    fn from(time: std::time::Duration) -> Self {
        Self::Int(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Real(number) => number.to_sql(kind, out),
            Self::Text(text) => escaped(text).to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
            Self::Name(name) => Err(format!("the name {name:?} has no number").into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::FLOAT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

/// A text of the server has no NUL. It is written as these two characters, and the first of them, should
/// it occur, twice.
const ESCAPE: char = '\u{1a}';
const NUL: char = '0';

pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => escaped.extend([ESCAPE, NUL]),
            ESCAPE => escaped.extend([ESCAPE, ESCAPE]),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

pub(super) fn unescaped(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != ESCAPE {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some(NUL) => plain.push('\0'),
            other => plain.extend(other),
        }
    }
    plain
}

/// Rows for `COPY … FROM STDIN BINARY`: <https://www.postgresql.org/docs/15/sql-copy.html>.
#[derive(Debug)]
pub(super) struct CopyRows(Vec<u8>);

impl CopyRows {
    /// Rows of so many cells, one behind the other.
    pub(super) fn of(cells: &[Cell<'_>], width: usize, numbers: &Numbers) -> Result<Self, Fault> {
        let mut rows = Self(Vec::with_capacity(32 + cells.len() * 12));
        rows.0.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
        // Neither flags nor an extension of the header.
        rows.0.extend_from_slice(&[0; 8]);
        let count = i16::try_from(width).map_err(Fault::nonsense)?;
        for row in cells.chunks(width) {
            rows.0.extend_from_slice(&count.to_be_bytes());
            for cell in row {
                rows.push(cell, numbers)?;
            }
        }
        rows.0.extend_from_slice(&(-1_i16).to_be_bytes());
        Ok(rows)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn push(&mut self, cell: &Cell<'_>, numbers: &Numbers) -> Result<(), Fault> {
        match cell {
            Cell::Null => self.0.extend_from_slice(&(-1_i32).to_be_bytes()),
            Cell::Int(number) => self.field(&number.to_be_bytes())?,
            Cell::Real(number) => self.field(&number.to_be_bytes())?,
            Cell::Text(text) => self.field(escaped(text).as_bytes())?,
            Cell::Bytes(bytes) => self.field(bytes)?,
            Cell::Name(name) => self.field(&numbers.of(name)?.to_be_bytes())?,
        }
        Ok(())
    }

    fn field(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let length = i32::try_from(bytes.len()).map_err(Fault::nonsense)?;
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_comes_back_and_goes_without_nul(text in "[a\\x000\\x1aé]{0,12}|\\PC{0,8}") {
            let stored = escaped(&text).into_owned();
            prop_assert!(!stored.contains('\0'));
            prop_assert_eq!(unescaped(stored), text);
        }

        #[test]
        fn different_texts_stay_different(one in "[\\x000\\x1a]{0,6}", other in "[\\x000\\x1a]{0,6}") {
            prop_assert_eq!(escaped(&one) == escaped(&other), one == other);
        }
    }

    #[test]
    fn rows_of_copy_are_those_of_the_manual() {
        let cells = [Cell::Int(1), Cell::Null, Cell::text("ab")];
        let rows = CopyRows::of(&cells, 3, &Numbers::default()).unwrap();
        let mut expected = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        expected.extend([0, 3, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]);
        expected.extend([255, 255, 255, 255, 0, 0, 0, 2, b'a', b'b', 255, 255]);
        assert_eq!(rows.as_bytes(), expected);
    }
}
