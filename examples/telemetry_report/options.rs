//! The arguments.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use agent_primitives::{Clock, SystemClock, Timestamp};
use agent_telemetry::{
    CompareConfig, ContenderKind, ForecastConfig, Period, ProjectId, SuggestConfig,
};
use lexopt::prelude::*;

use crate::alerts::Past;
use crate::export::Export;

const HELP: &str = "\
telemetry_report [REPORT]... [--db PATH] [--period PERIOD] [--json]
telemetry_report export [--out FILE] [--format FORMAT] [--kinds KINDS] [--db PATH] [--period PERIOD]
telemetry_report alerts [--rules FILE] [--json] [--db PATH] [--period PERIOD]
telemetry_report --demo [--seed N] [--sessions N] [--db PATH]

  stats            per agent: sessions, outcomes, cost, tokens, violations, changed files, metrics
  models           per model: calls, failures, cost, times
  tools            per tool: calls, success, times; sequences of calls that recur, and calls that
                   led nowhere
  compare          every two agents: success, cost and time per success, with intervals, over the
                   kinds of work that both did, and what would be needed to say more
  handoffs         who gave work to whom, why, and what happened after
  cost             by agent, kind of work, model, project and day, and the dearest sessions
  errors           what failed, where, what was done about it and how often the work went on
  performance      where the time went, the slowest calls, and against the period before
  quality          scores by day, broken rules and whether they were mended, what had to be
                   corrected in several sessions, and how sessions ended by day and week
  suggestions      what could be done better, what that saves in 30 days, how sure that is, and the
                   sessions that it rests on
  forecast         how fast money goes, when budgets run out, what today and the month come to, how
                   full contexts get, which requests may take too long; as at --now
  details          from the records themselves: decisions, broken rules, handoffs, files, timings,
                   providers, terms; as far back as they are kept, 30 days unless set
  export           the records of the period, one by one: --out FILE, or standard output
  alerts           what rules would have told in the period: those of --rules FILE, in JSON, or the
                   recommended ones
  --format FORMAT  csv, jsonl, json or parquet; as the name of the file ends, or csv
  --kinds KINDS    kinds of records with commas between them, such as model_call,tool_call; all
                   unless given
  --html FILE      the reports as one page for a browser
  --tables FOLDER  the lists of the reports as CSV, one file each
  --db PATH        the database; telemetry.db unless given, a new one in --demo
  --period PERIOD  24h, 7d, 30d or the like, or FROM..TO in UTC, such as
                   2026-11-01..2026-12-01 or 2026-11-20T08:00..2026-11-20T09:30; 30d unless given
  --of WHAT        what is compared: agents, unless given, or models
  --task-type T    compares sessions of this kind of work alone
  --project P      compares sessions of this project alone
  --budget BUDGET  for a forecast, as often as there are budgets: 50usd/day, 900usd/month, 20usd/5h,
                   150usd/7d or 3usd/session
  --window TOKENS  for a forecast: how many fit into a context, where no record says so
  --timeout SEC    for a forecast and for suggestions: after which time a request is given up; 60,
                   which suggestions call an assumption, unless given
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
    Compare,
    Handoffs,
    Cost,
    Errors,
    Performance,
    Quality,
    Suggestions,
    Forecast,
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
    pub(super) html: Option<PathBuf>,
    pub(super) tables: Option<PathBuf>,
    /// In place of reports.
    pub(super) export: Option<Export>,
    pub(super) alerts: Option<Past>,
    pub(super) now: Timestamp,
    pub(super) compare: CompareConfig,
    pub(super) forecast: ForecastConfig,
    pub(super) suggest: SuggestConfig,
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
        let (mut html, mut tables) = (None, None);
        let (mut export, mut is_export) = (Export::default(), false);
        let mut alerts: Option<Past> = None;
        let mut compare = CompareConfig::default();
        let mut forecast = ForecastConfig::default();
        let mut suggest = SuggestConfig::default();
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Value(word) if word == "export" => is_export = true,
                Value(word) if word == "alerts" => alerts = Some(alerts.unwrap_or_default()),
                Long("rules") => alerts.get_or_insert_default().rules = Some(args.value()?.into()),
                Value(word) => questions.push(question(&word.string()?)?),
                Long("db") => database = Some(PathBuf::from(args.value()?)),
                Long("period") => period = args.value()?.string()?,
                Long("now") => now = moment(&args.value()?.string()?)?,
                Long("json") => json = true,
                Long("html") => html = Some(PathBuf::from(args.value()?)),
                Long("tables") => tables = Some(PathBuf::from(args.value()?)),
                Long("out") => export.to(args.value()?.into()),
                Long("format") => export.format(&args.value()?.string()?)?,
                Long("kinds") => export.kinds(&args.value()?.string()?)?,
                Long("of") => compare.of = kind(&args.value()?.string()?)?,
                Long("task-type") => compare.task_type = Some(args.value()?.string()?),
                Long("project") => {
                    compare.project = Some(ProjectId::new(args.value()?.string()?)?);
                }
                Long("budget") => forecast = forecast.budget(args.value()?.parse()?),
                Long("window") => forecast = forecast.window(args.value()?.parse()?),
                Long("timeout") => patience(args.value()?.parse()?, &mut forecast, &mut suggest),
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
        if is_export && !questions.is_empty() {
            return Err("an export is made by itself; ask for the reports in another call".into());
        }
        if !is_export && export.is_told {
            return Err(
                "--out, --format and --kinds are for an export; write export before them".into(),
            );
        }
        if alerts.is_some() && (is_export || !questions.is_empty()) {
            return Err(
                "alerts are told by themselves; ask for the reports in another call".into(),
            );
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
            html,
            tables,
            export: is_export.then_some(export),
            alerts,
            now,
            compare,
            forecast,
            suggest,
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

/// After how many seconds a request is given up.
fn patience(seconds: u64, forecast: &mut ForecastConfig, suggest: &mut SuggestConfig) {
    forecast.timeout = Duration::from_secs(seconds);
    suggest.timeout = Some(forecast.timeout);
}

fn question(word: &str) -> Result<Question, String> {
    match word {
        "stats" => Ok(Question::Stats),
        "models" => Ok(Question::Models),
        "tools" => Ok(Question::Tools),
        "details" => Ok(Question::Details),
        "compare" => Ok(Question::Compare),
        "handoffs" => Ok(Question::Handoffs),
        "cost" => Ok(Question::Cost),
        "errors" => Ok(Question::Errors),
        "performance" => Ok(Question::Performance),
        "quality" => Ok(Question::Quality),
        "suggestions" => Ok(Question::Suggestions),
        "forecast" => Ok(Question::Forecast),
        other => Err(format!(
            "\"{other}\" is no report; write stats, models, tools, details, compare, handoffs, cost, errors, performance, quality, suggestions, forecast, alerts or export"
        )),
    }
}

fn kind(word: &str) -> Result<ContenderKind, String> {
    ContenderKind::from_word(word)
        .ok_or_else(|| format!("\"{word}\" cannot be compared; write agents or models"))
}

/// The end of a period that has only it as its end.
fn moment(text: &str) -> Result<Timestamp, String> {
    Period::parse(&format!("1970-01-01..{text}"), Timestamp::UNIX_EPOCH)
        .map(Period::to)
        .map_err(|_| format!("\"{text}\" is no moment; write one as 2026-11-20T08:00"))
}
