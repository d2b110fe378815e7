//! What rules would have told over the past of a database.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use agent_telemetry::alert::{Alerts, Notification, Rules, Status};
use agent_telemetry::{Period, Record, SqliteStore};

/// Which rules.
#[derive(Default)]
pub(super) struct Past {
    /// The recommended ones unless given.
    pub(super) rules: Option<PathBuf>,
}

impl Past {
    fn rules(&self) -> Result<Rules, Box<dyn Error>> {
        let Some(path) = &self.rules else {
            return Ok(Rules::recommended());
        };
        let text = fs::read_to_string(path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Whether there were any records. Those of the period are held in memory, since they are stored by when they were
    /// recorded and rules want them by when they happened.
    #[allow(clippy::print_stdout, reason = "a command-line program")]
    #[allow(clippy::print_stderr, reason = "a command-line program")]
    pub(super) fn run(
        &self,
        store: &SqliteStore,
        period: Period,
        json: bool,
    ) -> Result<bool, Box<dyn Error>> {
        let rules = self.rules()?;
        let stored = store.records_in(period.from()..period.to());
        let mut records = stored.collect::<Result<Vec<Record>, _>>()?;
        records.sort_by_key(|record| record.at);
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            eprintln!("there are no records in this period");
            return Ok(false);
        };
        let (mut alerts, end) = (Alerts::new(&rules, first.at), last.at);
        let mut told = Vec::new();
        for record in &records {
            told.extend(alerts.tick(record.at));
            told.extend(alerts.observe(record));
        }
        told.extend(alerts.tick(end));
        for notification in &told {
            if json {
                println!("{}", serde_json::to_string(notification)?);
            } else {
                println!("{}", line(notification));
            }
        }
        let fired = told.iter().filter(|it| it.status == Status::Firing).count();
        eprintln!(
            "{} records, {} rules: {fired} alerts would have fired and {} ended, {} still fire at the end",
            records.len(),
            rules.as_slice().len(),
            told.len() - fired,
            alerts.firing().len()
        );
        Ok(true)
    }
}

/// `2026-11-20 08:30:00 firing   [warning] …`.
fn line(told: &Notification) -> String {
    let at = told.at.to_string();
    let second = at.get(..19).unwrap_or(&at).replace('T', " ");
    format!("{second} {:<8} {told}", told.status)
}
