//! The arguments.

use std::error::Error;
use std::path::PathBuf;

use agent_primitives::{Clock, SystemClock, Timestamp};
use agent_telemetry::Period;
use lexopt::prelude::*;

const HELP: &str = "\
telemetry_report [stats|models|tools|details]... [--db PATH] [--period PERIOD] [--json]
telemetry_report --demo [--seed N] [--sessions N] [--db PATH]

  stats            per agent: sessions, outcomes, cost, tokens, violations, changed files, metrics
  models           per model: calls, failures, cost, times
  tools            per tool: calls, success, times
  details          from the records themselves: decisions, broken rules, handoffs, files, timings,
                   providers, terms; as far back as they are kept, 30 days unless set
  --db PATH        the database; telemetry.db unless given, a new one in --demo
  --period PERIOD  24h, 7d, 30d or the like, or FROM..TO in UTC, such as
                   2026-11-01..2026-12-01 or 2026-11-20T08:00..2026-11-20T09:30; 30d unless given
  --json           one line of JSON for each report
  --now MOMENT     reports as at that moment, in UTC; as at this one unless given
  --demo           fills a database with 30 days of work up to now, then reports; a path that --db
                   names must be free
  --seed N         what happens in the demo; 7 unless given
  --sessions N     how many sessions it has; 600 unless given
  --sample         tells the committed session alone, even where there are more beside the project

Without a report to make: stats, models and tools.

Ends with 0 where there was something to report, with 1 where the database cannot be read or
written, with 2 where the arguments cannot be used, and with 3 where the period is empty.";

/// Which report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Stats,
    Models,
    Tools,
    Details,
}

/// What the demo is to be.
pub(super) struct Demo {
    pub(super) seed: u64,
    pub(super) sessions: u32,
    pub(super) until: Timestamp,
    /// Whether recorded sessions beside the project are left alone.
    pub(super) sample_only: bool,
}

/// What is asked for.
pub(super) struct Options {
    pub(super) questions: Vec<Question>,
    pub(super) database: PathBuf,
    pub(super) period: Period,
    pub(super) json: bool,
    pub(super) demo: Option<Demo>,
    /// Holds the database of a demo that names none; removed with it.
    _folder: Option<tempfile::TempDir>,
}

impl Options {
    /// `None` where help was asked for, which is printed.
    pub(super) fn from_env() -> Result<Option<Self>, Box<dyn Error>> {
        let mut questions = Vec::new();
        let mut database = None;
        let mut period = "30d".to_owned();
        let mut now = SystemClock.timestamp();
        let (mut json, mut is_demo, mut sample_only) = (false, false, false);
        let (mut seed, mut sessions) = (7, 600);
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Value(word) => questions.push(question(&word.string()?)?),
                Long("db") => database = Some(PathBuf::from(args.value()?)),
                Long("period") => period = args.value()?.string()?,
                Long("now") => now = moment(&args.value()?.string()?)?,
                Long("json") => json = true,
                Long("demo") => is_demo = true,
                Long("sample") => sample_only = true,
                Long("seed") => seed = args.value()?.parse()?,
                Long("sessions") => sessions = args.value()?.parse()?,
                Short('h') | Long("help") => {
                    println!("{HELP}");
                    return Ok(None);
                }
                _ => return Err(arg.unexpected().into()),
            }
        }
        if questions.is_empty() {
            questions = vec![Question::Stats, Question::Models, Question::Tools];
        }
        let folder = match &database {
            None if is_demo => Some(tempfile::tempdir()?),
            _ => None,
        };
        let database = database.unwrap_or_else(|| match &folder {
            Some(folder) => folder.path().join("telemetry.db"),
            None => "telemetry.db".into(),
        });
        if sessions == 0 {
            return Err("a demo needs at least one session".into());
        }
        if is_demo && database.exists() {
            let shown = database.display();
            return Err(format!("{shown} is there already; name a new file for the demo").into());
        }
        Ok(Some(Self {
            questions,
            period: Period::parse(&period, now)?,
            database,
            json,
            demo: is_demo.then_some(Demo {
                seed,
                sessions,
                until: now,
                sample_only,
            }),
            _folder: folder,
        }))
    }
}

fn question(word: &str) -> Result<Question, String> {
    match word {
        "stats" => Ok(Question::Stats),
        "models" => Ok(Question::Models),
        "tools" => Ok(Question::Tools),
        "details" => Ok(Question::Details),
        other => Err(format!(
            "\"{other}\" is no report; write stats, models, tools or details"
        )),
    }
}

/// The end of a period that has only it as its end.
fn moment(text: &str) -> Result<Timestamp, String> {
    Period::parse(&format!("1970-01-01..{text}"), Timestamp::UNIX_EPOCH)
        .map(Period::to)
        .map_err(|_| format!("\"{text}\" is no moment; write one as 2026-11-20T08:00"))
}
