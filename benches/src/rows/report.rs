//! Asking what the models of a period did: ours from its sums, beside a `GROUP BY` over the rows as a host
//! would write it.

use std::cell::OnceCell;
use std::rc::Rc;

use agent_primitives::Timestamp;
use agent_telemetry::{Period, Sink, SqliteSink, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

use super::Setting;
use super::store::{START, TABLE, call, insert};
use crate::harness::{Broken, Case, Group, Kind, Plan, Steps, version_of};

const CALLS: u64 = 1_000_000;
const BATCH: u64 = 10_000;
const DAY: i64 = 86_400;

/// The period that ends at a time.
type Ending = fn(Timestamp) -> Period;

pub(super) fn plans(setting: &Setting) -> Vec<Plan> {
    // Filled by the group that runs first.
    let filled: Rc<OnceCell<Rc<Filled>>> = Rc::default();
    let periods: [(&str, Ending); 2] = [
        (
            "ask for the models of 30 days, 1 M calls",
            Period::last_30_days,
        ),
        (
            "ask for the models of 24 hours, of 1 M calls in 30 days",
            Period::last_24_hours,
        ),
    ];
    let plan = |(name, last): (&'static str, Ending)| {
        let (setting, filled) = (setting.clone(), Rc::clone(&filled));
        Plan::new(name, move |name| {
            let there = match filled.get() {
                Some(there) => Rc::clone(there),
                None => Rc::new(Filled::new(&setting)?),
            };
            let filled = filled.get_or_init(|| there);
            // A minute before midnight, so that hours and minutes are in it as well.
            let period = last(Timestamp::from_unix_seconds(START + 30 * DAY - 60));
            Ok(Group::new(name, cases(filled, period)?).samples(21))
        })
    };
    periods.map(plan).into()
}

/// The same calls in a database of ours, and in a table of twelve columns with an index on the time.
struct Filled {
    folder: TempDir,
}

impl Filled {
    fn new(setting: &Setting) -> Result<Self, Broken> {
        let filled = Self {
            folder: setting.folder()?,
        };
        let mut sink = SqliteSink::open(filled.ours()).map_err(Broken::when("open ours"))?;
        let doing = "fill a table";
        let mut peer = Connection::open(filled.peer()).map_err(Broken::when(doing))?;
        peer.execute_batch(TABLE).map_err(Broken::when(doing))?;
        let calls = setting.count(CALLS);
        let length = i64::try_from(calls).map_err(Broken::when(doing))?;
        let step = 30 * DAY * 1_000_000_000 / length;
        for first in (0..calls).step_by(BATCH.try_into().unwrap_or(1)) {
            let numbers = first..calls.min(first + BATCH);
            let batch: Result<Vec<_>, Broken> = numbers
                .map(|number| call(number, i64::try_from(number).unwrap_or(0) * step))
                .collect();
            let batch = batch?;
            sink.write(&batch).map_err(Broken::when("fill ours"))?;
            let transaction = peer.transaction().map_err(Broken::when(doing))?;
            for record in &batch {
                insert(&transaction, record).map_err(Broken::when(doing))?;
            }
            transaction.commit().map_err(Broken::when(doing))?;
        }
        peer.execute_batch("CREATE INDEX by_time ON calls (at); ANALYZE")
            .map_err(Broken::when(doing))?;
        Ok(filled)
    }

    fn ours(&self) -> std::path::PathBuf {
        self.folder.path().join("telemetry.db")
    }

    fn peer(&self) -> std::path::PathBuf {
        self.folder.path().join("calls.db")
    }
}

fn cases(filled: &Rc<Filled>, period: Period) -> Result<Vec<Case>, Broken> {
    let ours = Ours {
        store: SqliteStore::open_read_only(filled.ours()).map_err(Broken::when("open ours"))?,
        period,
        _filled: Rc::clone(filled),
    };
    let peer = Peer {
        connection: Connection::open(filled.peer()).map_err(Broken::when("open the table"))?,
        period,
        _filled: Rc::clone(filled),
    };
    Ok(vec![
        Case::steps(
            Kind::Ours,
            "report from sums",
            version_of("agent-telemetry"),
            ours,
        ),
        Case::steps(
            Kind::Peer,
            "SQLite GROUP BY over rows",
            version_of("rusqlite"),
            peer,
        ),
    ])
}

struct Ours {
    store: SqliteStore,
    period: Period,
    _filled: Rc<Filled>,
}

impl Steps for Ours {
    fn run(&mut self) -> Result<(), Broken> {
        let report = self.store.models_report(self.period);
        std::hint::black_box(report.map_err(Broken::when("read the report"))?);
        Ok(())
    }
}

struct Peer {
    connection: Connection,
    period: Period,
    _filled: Rc<Filled>,
}

/// Without percentiles, for which SQLite would have to sort the rows.
const GROUP_BY: &str = "SELECT provider, model, count(*), sum(outcome <> 'success'), sum(input),
    sum(cache_read), sum(output), sum(cost), avg(latency), max(latency)
    FROM calls WHERE at >= ?1 AND at < ?2 GROUP BY provider, model";

impl Peer {
    fn ask(&self) -> rusqlite::Result<i64> {
        let bounds = (
            self.period.from().unix_nanos(),
            self.period.to().unix_nanos(),
        );
        let mut select = self.connection.prepare_cached(GROUP_BY)?;
        let calls = select.query_map(bounds, |row| row.get::<_, i64>(2))?;
        calls.sum()
    }
}

impl Steps for Peer {
    fn run(&mut self) -> Result<(), Broken> {
        let calls = self.ask().map_err(Broken::when("ask the table"))?;
        std::hint::black_box(calls);
        Ok(())
    }
}
