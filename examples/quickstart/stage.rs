//! The stage: providers that follow a script, and a host process that gets killed.

use std::error::Error;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use agent_primitives::{Clock, SystemClock, Timestamp};
use agent_telemetry::SqliteStore;
use support::{Progress, ScriptedProvider};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::faults::Plan;
use crate::options::{CHECKPOINTS, DATABASE, Options, PROVIDERS};
use crate::summary::{self, Run};
use crate::timeline::{Line, Stamped, Timeline};

/// The scripted providers that run in this process.
type Scripted = Vec<(&'static str, ScriptedProvider)>;

/// Plays the whole session and shows it.
///
/// # Errors
/// When a process or a server cannot be started, or the host fails.
pub(crate) async fn run(mut options: Options) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let plan = Plan::for_recording(&options.recording);
    let turns = options.recording.turns().len();
    let mut servers = Scripted::new();
    for name in PROVIDERS {
        if !options.endpoints.contains_key(name) {
            let server = ScriptedProvider::builder(options.recording.clone())
                .script(plan.script(name))
                .start()
                .await?;
            options.endpoints.insert(name.to_owned(), server.url());
            servers.push((name, server));
        }
    }
    clear(&options.dir)?;

    let timeline = Timeline::new(turns, SystemClock.timestamp(), options.json);
    timeline.print(&format!(
        "A session of {turns} turns with {}; seed {}.",
        PROVIDERS.join(", "),
        options.seed
    ));
    let mut run = Run::new(turns, options.seed);
    let mut skipped = options.skipped;
    loop {
        let spawned = Instant::now();
        let mut host = spawn(&options, skipped, timeline.is_watched())?;
        let stdout = host.stdout.take().ok_or("the host has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut killed = false;
        loop {
            let line = tokio::select! {
                line = lines.next_line() => line?,
                () = held(&servers, plan.killed()), if run.crashes == 0 => {
                    // SIGKILL: the process gets no chance to save or to say goodbye.
                    host.kill().await?;
                    killed = true;
                    run.crashes += 1;
                    let text = format!("turn {:>2}:   killed (SIGKILL) in the middle of the answer", plan.killed());
                    timeline.event(later(skipped), "host", &text);
                    continue;
                }
            };
            let Some(line) = line else { break };
            let Ok(stamped) = serde_json::from_str::<Stamped>(&line) else {
                timeline.print(&line);
                continue;
            };
            match stamped.line() {
                Line::Resumed { .. } => run.recovered = Some(spawned.elapsed()),
                Line::Turn { skipped_ms, .. } => skipped = Duration::from_millis(*skipped_ms),
                // A real endpoint cannot be told to hold its answer.
                Line::Asking { turn }
                    if *turn == plan.killed()
                        && run.crashes == 0
                        && !servers.iter().any(|(name, _)| *name == "claude") =>
                {
                    host.kill().await?;
                    killed = true;
                    run.crashes += 1;
                }
                _ => {}
            }
            timeline.show(&stamped);
        }
        let status = host.wait().await?;
        if !killed {
            timeline.finish();
            if status.success() {
                break;
            }
            return Err(format!("the host ended with {status}").into());
        }
    }
    for (name, server) in &servers {
        run.provider_calls
            .insert((*name).to_owned(), server.tally().chats);
    }
    run.wall = started.elapsed();
    summary::show(run, &options, &timeline)
}

fn later(skipped: Duration) -> Timestamp {
    SystemClock.timestamp() + skipped
}

/// Completes when claude holds back the answer of this turn.
async fn held(servers: &Scripted, turn: usize) {
    match servers.iter().find(|(name, _)| *name == "claude") {
        Some((_, server)) => {
            server
                .until(|exchange| {
                    exchange.turn == Some(turn) && exchange.progress == Progress::Held
                })
                .await;
        }
        None => std::future::pending().await,
    }
}

fn spawn(options: &Options, skipped: Duration, watched: bool) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("--host")
        .arg("--dir")
        .arg(&options.dir)
        .args(["--seed", &options.seed.to_string()])
        .args(["--skipped-ms", &skipped.as_millis().to_string()]);
    if let Some(session) = &options.session {
        command.arg("--session").arg(session);
    }
    if options.real_time {
        command.arg("--real-time");
    }
    if watched {
        command.arg("--shortened");
    }
    for (name, url) in &options.endpoints {
        command.args(["--endpoint", &format!("{name}={url}")]);
    }
    for (name, model) in &options.models {
        command.args(["--model", &format!("{name}={model}")]);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    Ok(command.spawn()?)
}

/// Removes what an earlier run left in `dir`, and nothing else that lies there.
fn clear(dir: &Path) -> Result<(), Box<dyn Error>> {
    let at = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(dir).map_err(|error| at(dir, error))?;
    let (checkpoints, database) = (dir.join(CHECKPOINTS), dir.join(DATABASE));
    let foreign = |path: &Path| {
        format!(
            "{} was not left by a quickstart; choose another --dir",
            path.display()
        )
    };
    if checkpoints.exists() {
        let format = std::fs::read_to_string(checkpoints.join("FORMAT")).unwrap_or_default();
        if !format.contains("agent-checkpoint") {
            return Err(foreign(&checkpoints).into());
        }
    }
    if database.exists() && SqliteStore::open_read_only(&database).is_err() {
        return Err(foreign(&database).into());
    }
    if checkpoints.exists() {
        std::fs::remove_dir_all(&checkpoints).map_err(|error| at(&checkpoints, error))?;
    }
    for name in [DATABASE, "telemetry.db-wal", "telemetry.db-shm"] {
        let path = dir.join(name);
        if path.exists() {
            std::fs::remove_file(&path).map_err(|error| at(&path, error))?;
        }
    }
    Ok(())
}
