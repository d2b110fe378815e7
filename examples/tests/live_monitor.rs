//! The monitor: its picture as a pure function, and the program as a person meets it.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]
#![expect(
    clippy::mem_forget,
    reason = "the handle of a session that runs is never dropped"
)]

mod built;
#[path = "../live_monitor/figures.rs"]
mod figures;
#[path = "../live_monitor/screen.rs"]
mod screen;
#[path = "../live_monitor/view.rs"]
mod view;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use agent_primitives::{
    AgentId, ContextPressure, FailureKind, ManualClock, ModelId, Observer, ProviderId, SessionId,
    Stamp, Timestamp, TokenUsage, ToolName,
};
use agent_telemetry::{
    LiveConfig, LiveItem, LiveTotals, MemorySink, ModelCall, Outcome, Session, SessionStart,
    Telemetry, ToolOutcome,
};

use view::View;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a minute of work looks like, as it was watched.
fn watched(work: impl FnOnce(&Telemetry, &ManualClock)) -> (LiveTotals, View) {
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_767_225_600));
    let telemetry = Telemetry::builder(MemorySink::new())
        .clock(clock.clone())
        .start()
        .expect("a thread");
    let config = LiveConfig::new().without_totals();
    let mut live = telemetry.subscribe(config).expect("a thread");
    work(&telemetry, &clock);
    telemetry.flush(PATIENCE).expect("memory takes all");
    let mut view = View::default();
    while let Ok(item) = live.try_recv() {
        view.add(&item);
    }
    (live.totals(), view)
}

fn begin(telemetry: &Telemetry, id: &str) -> Session {
    let id = SessionId::new(id).expect("an id");
    let start = SessionStart::new(id, AgentId::new("coder").expect("an id"));
    telemetry.session(start.task_type("bug_fix"))
}

fn call() -> ModelCall {
    let provider = ProviderId::new("claude").expect("an id");
    let model = ModelId::new("claude-sonnet-4-5").expect("an id");
    ModelCall::new(provider, model)
        .usage(TokenUsage::new(40_000, 300))
        .latency(Duration::from_millis(2_400))
}

#[test]
fn the_picture_shows_sessions_rates_cost_failures_context_and_events() {
    let (totals, view) = watched(|telemetry, clock| {
        let session = begin(telemetry, "s1");
        let pressure = ContextPressure::new(150, 200);
        let now = agent_primitives::Clock::timestamp(clock);
        session.observer().observe(Stamp::at(now), &pressure.into());
        clock.advance(Duration::from_secs(30));
        session.model_call(call());
        session.model_call(
            call()
                .usage(TokenUsage::ZERO)
                .failed(FailureKind::Overloaded),
        );
        let grep = session.tool(ToolName::new("grep").expect("a name"));
        grep.record(ToolOutcome::Failed, Duration::from_millis(3));
        drop(begin(telemetry, "s2"));
        std::mem::forget(session);
    });
    let picture = screen::picture(&totals, &view);
    for line in [
        "  sessions running        1      model calls/min         4      cost so far       $0.1245",
        "  begun                   2      tool calls/min          2      cost an hour     $14.9400",
        "  ended                   1      tokens/min         80.6 k      model call p50      2.4 s",
        "  with success            0      failures/min            4      model call p95      2.4 s",
        "  overloaded 1   tools 1",
        "  s1                   coder      claude-sonnet-4-5        2   40.3 k   $0.1245  ███████░░░  75 %",
        "  00:00:30  s1                    claude-sonnet-4-5 answered 300 tokens in 2.4 s",
        "  00:00:30  s1                    claude failed: overloaded",
        "  00:00:30  s1                    grep: failed",
        "  00:00:30  s2                    ends: aborted",
    ] {
        assert!(picture.lines().any(|it| it == line), "{line}\n{picture}");
    }
    assert!(picture.starts_with("Live ─"), "{picture}");
    assert!(
        picture.contains(" 00:00:30, watched for 30.0 s\n"),
        "{picture}"
    );
    let line = screen::line(&totals);
    let wanted = "00:00:30  running 1  calls/min 4  tokens/min 80.6 k  cost $0.1245 ($14.9400/h)  \
                  failures 2  p95 2.4 s";
    assert_eq!(line, wanted);
}

#[test]
fn a_picture_of_nothing_says_so() {
    let (totals, view) = watched(|_, _| {});
    let picture = screen::picture(&totals, &view);
    for line in ["  none", "  none runs"] {
        assert!(picture.lines().any(|it| it == line), "{line}\n{picture}");
    }
    assert!(picture.contains("cost an hour            -"), "{picture}");
    assert!(
        screen::line(&totals).contains("calls/min -"),
        "no rate of nothing"
    );
}

#[test]
fn whatever_names_say_the_picture_fits_and_holds_nothing_that_a_terminal_obeys() {
    let (totals, mut view) = watched(|telemetry, _| {
        for number in 0..40 {
            let session = begin(telemetry, &format!("{number}-{}", "x".repeat(90)));
            session.model_call(call());
            std::mem::forget(session);
        }
        let session = begin(telemetry, "s");
        session.violation(agent_telemetry::Violation::new(
            "\x1b[2Jrule",
            agent_telemetry::Severity::Error,
            "two\nlines, and a bell \x07".repeat(20),
        ));
    });
    view.add(&LiveItem::Missed(7));
    let picture = screen::picture(&totals, &view);
    for line in picture.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    assert!(picture.contains("  and 28 more\n"), "{picture}");
    assert!(picture.contains("missed 7 records"), "{picture}");
    assert!(picture.lines().count() < 40, "a screen has no more");
    let redrawn = screen::redrawn(&picture);
    assert!(redrawn.starts_with("\x1b[H") && redrawn.ends_with("\x1b[J"));
    assert!(!screen::CLEAR.is_empty());
}

#[test]
fn a_session_that_ended_goes_from_the_view() {
    let (_, view) = watched(|telemetry, _| begin(telemetry, "s").end(Outcome::Success));
    assert!(view.sessions.is_empty());
    assert_eq!(view.events.back().expect("an event").what, "ends: success");
}

fn run(program: &Path, arguments: &[&str]) -> (Output, String) {
    let mut command = Command::new(program);
    let output = command
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    (output, text)
}

#[test]
fn the_program_watches_a_real_recorder_and_ends_when_its_time_is_up() {
    let Some(program) = built::program("live_monitor") else {
        return;
    };
    let (output, text) = run(&program, &["--demo", "--once", "--seconds", "1"]);
    assert!(output.status.success(), "{output:?}");
    for wanted in [
        "sessions running",
        "cost an hour",
        "Sessions ─",
        "Last events ─",
        "answered",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains('\x1b'), "no terminal, no codes: {text:?}");
    let (output, text) = run(&program, &["--seconds", "2", "--agents", "1"]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.contains("  running 1  calls/min "),
        "a line a second: {text}"
    );
    for (arguments, wanted) in [
        (&["--speed", "0"][..], "is not from 1 to 10000"),
        (&["--agents", "65"], "are not from 1 to 64"),
        (&["--sideways"], "--sideways"),
    ] {
        let (output, _) = run(&program, arguments);
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains(wanted) && said.contains("see --help"),
            "{said}"
        );
    }
    let (_, help) = run(&program, &["--help"]);
    assert!(
        help.lines().all(|line| line.chars().count() <= 100),
        "{help}"
    );
}
