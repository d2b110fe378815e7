//! What a person sees while the session runs.

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use agent_checkpoint::Checkpointer;
use agent_checkpoint::handoff::Verdict;
use agent_checkpoint::recover::RecoveryReport;
use agent_primitives::{Clock, Event, Observer, ProviderId, Stamp, Timestamp};
use agent_resilience::ChainError;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};

use crate::skip_clock::SkipClock;

/// What the host's process tells the stage, one JSON object a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(crate) enum Line {
    /// The host continues a session that another process began.
    Resumed {
        /// Messages that were restored.
        messages: usize,
        /// What the log says of its recovery.
        report: String,
    },
    /// The model is about to be asked for this turn.
    Asking {
        /// Counted from 1.
        turn: usize,
    },
    /// A turn is done and saved.
    Turn {
        /// Counted from 1.
        turn: usize,
        /// Who answered.
        provider: String,
        /// What the agent did, in a few words.
        action: String,
        /// Time skipped so far, so that a later process goes on from there.
        skipped_ms: u64,
    },
    /// Anything else worth a line.
    Note {
        /// Who it is about.
        who: String,
        /// What happened.
        text: String,
    },
}

/// A line and when it was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stamped {
    at: Timestamp,
    #[serde(flatten)]
    line: Line,
}

impl Stamped {
    /// The line itself.
    pub(crate) const fn line(&self) -> &Line {
        &self.line
    }
}

/// The host goes on with what the log has.
pub(crate) fn resumed(clock: &SkipClock, log: &Checkpointer, recovery: &RecoveryReport) {
    let (messages, report) = (log.history().len(), format!("{}; {recovery}", log.report()));
    send(clock.timestamp(), Line::Resumed { messages, report });
}

/// The host asks for the answer of `turn`.
pub(crate) fn asking(clock: &SkipClock, turn: usize) {
    send(clock.timestamp(), Line::Asking { turn });
}

/// A turn is done.
pub(crate) fn turn(clock: &SkipClock, turn: usize, provider: &ProviderId, action: String) {
    let line = Line::Turn {
        turn,
        provider: provider.to_string(),
        action,
        skipped_ms: u64::try_from(clock.skipped().as_millis()).unwrap_or(u64::MAX),
    };
    send(clock.timestamp(), line);
}

/// The context was cut because of `error`.
pub(crate) fn cut(clock: &SkipClock, error: &ChainError, dropped: usize) {
    let who = error.too_long().map_or("host", |(who, _)| who.as_str());
    let who = who.to_owned();
    let text = format!("history cut to fit: {dropped} messages left out, none lost");
    send(clock.timestamp(), Line::Note { who, text });
}

/// What came out of the session is ready for whoever takes it.
pub(crate) fn handed_off(clock: &SkipClock, verdict: &Verdict) {
    let (who, text) = ("host".to_owned(), format!("handoff to reviewer: {verdict}"));
    send(clock.timestamp(), Line::Note { who, text });
}

/// Sends a line from the host's process.
fn send(at: Timestamp, line: Line) {
    if let Ok(json) = serde_json::to_string(&Stamped { at, line }) {
        // A stage that is gone is no reason to stop working.
        let _ = writeln!(std::io::stdout().lock(), "{json}");
    }
}

/// Turns the events of the crates into lines.
pub(crate) fn observer() -> impl Observer + use<> {
    |stamp: Stamp<'_>, event: &Event| {
        if let Some((who, text)) = support::in_words(event) {
            send(stamp.at, Line::Note { who, text });
        }
    }
}

/// Shows the lines: with a progress bar on a terminal, plain elsewhere.
#[derive(Debug)]
pub(crate) struct Timeline {
    bar: ProgressBar,
    /// The turn that is asked for.
    turn: Cell<usize>,
    start: Timestamp,
    to_stderr: bool,
}

impl Timeline {
    /// A timeline of `turns` turns that begins at `start`. With `to_stderr`, stdout stays free for
    /// JSON.
    pub(crate) fn new(turns: usize, start: Timestamp, to_stderr: bool) -> Self {
        let on_terminal = if to_stderr {
            std::io::stderr().is_terminal()
        } else {
            std::io::stdout().is_terminal()
        };
        let target = if on_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(u64::try_from(turns).ok(), target);
        if let Ok(style) = ProgressStyle::with_template("  {bar:40} {pos}/{len} turns  {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            bar,
            turn: Cell::new(1),
            start,
            to_stderr,
        }
    }

    /// Whether a person looks on.
    pub(crate) fn is_watched(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Shows a line of the host's process.
    pub(crate) fn show(&self, stamped: &Stamped) {
        match &stamped.line {
            Line::Resumed { messages, report } => {
                self.event(stamped.at, "host", &format!("new process {report}"));
                self.event(
                    stamped.at,
                    "host",
                    &format!("goes on after {messages} messages"),
                );
            }
            Line::Asking { turn } => {
                self.turn.set(*turn);
                self.bar.set_message(format!("asking for turn {turn}"));
            }
            Line::Turn {
                turn,
                provider,
                action,
                ..
            } => {
                self.bar.set_position(u64::try_from(*turn).unwrap_or(0));
                self.event(stamped.at, provider, &format!("turn {turn:>2}: {action}"));
            }
            Line::Note { who, text } => {
                let turn = self.turn.get();
                self.event(stamped.at, who, &format!("turn {turn:>2}:   {text}"));
            }
        }
    }

    /// Shows something that the stage did.
    pub(crate) fn event(&self, at: Timestamp, who: &str, text: &str) {
        let passed = at.since(self.start).as_secs();
        let line = format!("{:>3}:{:02}  {who:<7} {text}", passed / 60, passed % 60);
        self.bar.suspend(|| self.print(&line));
    }

    /// Ends the progress bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Prints a line as it is.
    pub(crate) fn print(&self, line: &str) {
        // A reader that is gone is no reason to stop.
        let _ = if self.to_stderr {
            writeln!(std::io::stderr().lock(), "{line}")
        } else {
            writeln!(std::io::stdout().lock(), "{line}")
        };
    }
}
