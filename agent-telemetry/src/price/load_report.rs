//! What a loader made of each entry and each key, and what it could not read.

use std::collections::BTreeMap;
use std::fmt;

/// How a price map was read: nothing in it is passed over in silence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadReport {
    /// Entries in the map.
    pub entries: u64,
    /// Of those, entries that now have a price.
    pub priced: u64,
    /// Of those, entries that name no price in dollars.
    pub without_price: u64,
    /// Of those, entries left out because a price in them could not be read; see `problems`.
    pub left_out: u64,
    /// Of those, entries that are no models: the map's example and its rules.
    pub not_models: u64,
    /// Prices read, thresholds, tiers and ranges counted each.
    pub prices: u64,
    /// Prices with more than thirty decimals, rounded there.
    pub rounded: u64,
    /// Every key of the map, with what it was taken for and how often it occurs.
    pub keys: BTreeMap<String, KeyLine>,
    /// Keys beyond the first 10 000 different ones.
    pub keys_not_listed: u64,
    /// What could not be read, the first 1 000.
    pub problems: Vec<LoadProblem>,
    /// Problems beyond those.
    pub problems_not_listed: u64,
}

const MOST_KEYS: usize = 10_000;
const MOST_PROBLEMS: usize = 1_000;

/// One key of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyLine {
    /// What it was taken for.
    pub kind: KeyKind,
    /// Entries that have it.
    pub count: u64,
}

/// What a key of the map is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyKind {
    /// A price or a multiplier of prices: costs are computed with it.
    Price,
    /// About prices but not used: free allowances, prices in another unit than dollars.
    NotApplied,
    /// Looks like a price and is none that is known.
    NotUnderstood,
    /// Says something else about the model.
    Description,
}

/// A thing in the map that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("price map entry {entry:?}, key {key:?}: {what}")]
#[non_exhaustive]
pub struct LoadProblem {
    /// The entry's name, cut at 200 bytes.
    pub entry: String,
    /// The key's name, cut at 200 bytes; empty where the entry itself is meant.
    pub key: String,
    /// What is wrong.
    pub what: ProblemKind,
}

/// What is wrong with a thing in the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Neither an entry nor a list of them.
    #[error("not an object; write {{\"input_cost_per_token\": 1e-06}}")]
    NotAnObject,
    /// Not a JSON number nor a text of one.
    #[error("not a number; write dollars for one unit, such as 1.25e-07")]
    NotANumber,
    /// Below zero.
    #[error("a negative price; write what one unit costs")]
    Negative,
    /// More than 18 million dollars for one unit.
    #[error("above 18 million dollars for one unit; check the exponent")]
    TooLarge,
    /// Not two numbers in rising order.
    #[error("not a range; write [0, 32000]")]
    BadRange,
    /// Hours or weekdays of an off-peak price.
    #[error(
        "off-peak hours that cannot be read; write \"16:30-00:30\" in UTC and weekdays from 1 to 7"
    )]
    BadHours,
    /// A calendar whose offset is not known.
    #[error("a weekday calendar that is not known; use UTC or Asia/Shanghai")]
    UnknownCalendar,
    /// Not a multiplier.
    #[error("not a multiplier; write a number from 0 to 1000 with at most nine decimals")]
    BadFactor,
    /// Not a day.
    #[error("not a day; write 2026-11-20")]
    BadDate,
    /// A key that looks like a price.
    #[error("not a cost key that is known; costs are computed without it")]
    NotUnderstood,
    /// The same entry or key again.
    #[error("given twice; the last one counts")]
    Duplicate,
    /// More than 1 000 keys in one entry, or a name of more than 512 bytes.
    #[error("beyond the limits of 1000 keys and of names of 512 bytes")]
    Oversized,
}

/// A map that could not be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The reader failed.
    #[error("reading the price map failed: {0}")]
    Io(#[from] std::io::Error),
    /// Not JSON, or not an object of entries.
    #[error("the price map is not a JSON object of entries: {0}")]
    Syntax(#[source] serde_json::Error),
    /// More bytes than a price map may have.
    #[error("the price map has more than {limit} bytes: pass the map alone")]
    TooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// More entries than a price map may have.
    #[error("the price map has more than {limit} entries: pass the models that are used")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
}

impl LoadReport {
    pub(super) fn key(&mut self, key: &str, kind: KeyKind) {
        if let Some(line) = self.keys.get_mut(key) {
            line.count += 1;
            line.kind = line.kind.min(kind);
        } else if self.keys.len() < MOST_KEYS {
            let line = KeyLine { kind, count: 1 };
            self.keys.insert(cut(key), line);
        } else {
            self.keys_not_listed += 1;
        }
    }

    pub(super) fn problem(&mut self, entry: &str, key: &str, what: ProblemKind) {
        if self.problems.len() < MOST_PROBLEMS {
            let (entry, key) = (cut(entry), cut(key));
            self.problems.push(LoadProblem { entry, key, what });
        } else {
            self.problems_not_listed += 1;
        }
    }

    /// Different keys of this kind.
    pub fn keys_of(&self, kind: KeyKind) -> usize {
        self.keys.values().filter(|line| line.kind == kind).count()
    }
}

fn cut(text: &str) -> String {
    const MOST: usize = 200;
    let mut end = text.len().min(MOST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} entries: {} priced, {} without a price, {} left out, {} no models",
            self.entries, self.priced, self.without_price, self.left_out, self.not_models
        )?;
        writeln!(
            f,
            "{} prices, {} of them rounded",
            self.prices, self.rounded
        )?;
        write!(
            f,
            "{} cost keys, {} not applied, {} not understood, {} descriptions; {} problems",
            self.keys_of(KeyKind::Price),
            self.keys_of(KeyKind::NotApplied),
            self.keys_of(KeyKind::NotUnderstood),
            self.keys_of(KeyKind::Description),
            self.problems.len() as u64 + self.problems_not_listed
        )
    }
}
