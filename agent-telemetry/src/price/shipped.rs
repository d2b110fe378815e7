//! The shipped price table: `shipped.json`, read when it is first asked for.

use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::day::start_of_day;
use super::load::{self, Entries};
use super::load_report::LoadReport;
use super::table::Table;

const SHIPPED: &str = include_str!("shipped.json");

/// The file: each model's prices, oldest first, in the keys of the LiteLLM map and each with the day
/// `since` which it is known to hold.
#[derive(Deserialize)]
struct Shipped<'a> {
    read_on: &'a str,
    #[serde(borrow)]
    models: Entries<'a>,
}

struct Loaded {
    read_on: &'static str,
    table: Arc<Table>,
}

static LOADED: LazyLock<Loaded> = LazyLock::new(|| load().0);

/// A file that cannot be read prices nothing; a test sees to it that it can.
fn load() -> (Loaded, LoadReport) {
    let mut table = Table::default();
    let mut report = LoadReport::default();
    let mut read_on = "";
    if let Ok(shipped) = serde_json::from_str::<Shipped<'static>>(SHIPPED)
        && let Some(day) = start_of_day(shipped.read_on)
    {
        read_on = shipped.read_on;
        for (name, periods) in &shipped.models.0 {
            let periods: Vec<&RawValue> = serde_json::from_str(periods.get()).unwrap_or_default();
            for period in periods {
                report.entries += 1;
                load::entry(&mut table, &mut report, name, period, day);
            }
        }
    }
    let loaded = Loaded {
        read_on,
        table: Arc::new(table),
    };
    (loaded, report)
}

pub(super) fn table() -> Arc<Table> {
    Arc::clone(&LOADED.table)
}

pub(super) fn read_on() -> &'static str {
    LOADED.read_on
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::KeyKind;

    #[test]
    fn shipped_file_is_read_to_the_last_key() {
        let (_, report) = load();
        assert_eq!(report.problems, [], "{report}");
        assert!(report.entries > 100, "{report}");
        assert_eq!(report.priced, report.entries, "{report}");
        assert_eq!(report.keys_of(KeyKind::NotUnderstood), 0, "{report}");
        assert!(start_of_day(read_on()).is_some());
    }
}
