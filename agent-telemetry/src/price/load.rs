//! The public LiteLLM price map: every entry and every key is read or reported.

use std::borrow::Cow;
use std::collections::HashSet;

use agent_primitives::Timestamp;
use serde_json::value::RawValue;

use super::json::{Fields, TOO_MANY};
use super::load_entry::EntryReader;
use super::load_report::{LoadError, LoadReport, ProblemKind};
use super::plan::Plan;
use super::table::Table;

/// The public map has 3 MB and 4 553 entries.
pub(super) const MOST_BYTES: u64 = 64 << 20;
const MOST_ENTRIES: usize = 100_000;
const MOST_FIELDS: usize = 1_000;
const MOST_NAME_BYTES: usize = 512;

pub(super) type Entries<'a> = Fields<'a, MOST_ENTRIES>;
pub(super) type EntryFields<'a> = Fields<'a, MOST_FIELDS>;

/// Reads a whole map; its prices hold since `as_of`.
pub(super) fn map(text: &str, as_of: Timestamp) -> Result<(Table, LoadReport), LoadError> {
    let entries = entries(text)?;
    let mut table = Table::default();
    let mut report = LoadReport::default();
    let mut seen = HashSet::new();
    for (name, value) in &entries.0 {
        report.entries += 1;
        if !seen.insert(name.as_ref()) {
            report.problem(name, "", ProblemKind::Duplicate);
        }
        entry(&mut table, &mut report, name, value, as_of);
    }
    Ok((table, report))
}

pub(super) fn entries(text: &str) -> Result<Entries<'_>, LoadError> {
    if text.len() as u64 > MOST_BYTES {
        return Err(LoadError::TooLong { limit: MOST_BYTES });
    }
    serde_json::from_str(text).map_err(|error| {
        if error.to_string().starts_with(TOO_MANY) {
            LoadError::TooManyEntries {
                limit: MOST_ENTRIES,
            }
        } else {
            LoadError::Syntax(error)
        }
    })
}

/// Reads one entry, from which `since` may name another day than `as_of`.
pub(super) fn entry(
    table: &mut Table,
    report: &mut LoadReport,
    name: &str,
    value: &RawValue,
    as_of: Timestamp,
) {
    // The map's own example and its rules for names that it does not list.
    let is_model = !matches!(name, "sample_spec" | "fallback_generalizations");
    let fields = match serde_json::from_str::<EntryFields<'_>>(value.get()) {
        Ok(fields) if name.len() <= MOST_NAME_BYTES => fields.0,
        Ok(_) => {
            report.problem(name, "", ProblemKind::Oversized);
            report.left_out += 1;
            return;
        }
        Err(error) => {
            let what = if error.to_string().starts_with(TOO_MANY) {
                ProblemKind::Oversized
            } else {
                ProblemKind::NotAnObject
            };
            report.problem(name, "", what);
            report.left_out += 1;
            return;
        }
    };
    let mut reader = EntryReader::new(name, report);
    let mut keys = HashSet::new();
    for (key, value) in &fields {
        if !keys.insert(key.as_ref()) {
            reader.problem(key, ProblemKind::Duplicate);
        }
        reader.field(key, value);
    }
    let (entry, since, spoilt) = reader.finish();
    if !is_model {
        report.not_models += 1;
    } else if spoilt {
        report.left_out += 1;
    } else if entry.is_priced() {
        report.priced += 1;
        table.set(name, since.unwrap_or(as_of), Plan::new(name, entry));
    } else {
        report.without_price += 1;
    }
}

/// The text of a JSON string.
pub(super) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<&str>(value.get())
        .map(Cow::Borrowed)
        .or_else(|_| serde_json::from_str::<String>(value.get()).map(Cow::Owned))
        .ok()
}
