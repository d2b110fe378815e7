//! `recover`: opens a session for work, mends what is broken, and says what was found and done.

use std::fmt::Write;

use agent_checkpoint::recover::{Held, Outcome, Recovered, Recovery, RecoveryReport};
use agent_checkpoint::{Checkpointer, Retention};
use serde_json::json;

use crate::Said;
use crate::columns::{WIDTH, clip, counted};
use crate::failure::Failure;
use crate::place::Place;

/// Well is what lost nothing and waits for nobody.
pub(crate) fn recover(place: &Place, session: &str, takes_over: bool) -> Result<Said, Failure> {
    let id = place.session(session)?;
    let held = if takes_over {
        Held::TakeOverExpired
    } else {
        Held::Refuse
    };
    let policy = Recovery::default().held(held);
    // As every command that writes: no checkpoint goes by the way.
    let builder = Checkpointer::builder(place.store.clone(), id).retention(Retention::all());
    let recovered = match builder.recover(&policy) {
        Ok(recovered) => recovered,
        Err(refused) => {
            let failure = Failure::from_error(refused.error());
            // What was found before says more than why it ended.
            let found: Vec<String> = refused
                .report()
                .findings
                .iter()
                .map(|finding| format!("{}: {}", finding.failure, finding.strategy))
                .collect();
            return Err(failure.after(&found.join(", ")));
        }
    };
    let Recovered {
        session: mended,
        report,
        ..
    } = recovered;
    let text = told(session, mended.history().len(), &report);
    let lost: u64 = report
        .findings
        .iter()
        .flat_map(|finding| &finding.lost)
        .map(|range| range.end.saturating_sub(range.start))
        .sum();
    let value = json!({
        "session": session,
        "messages": mended.history().len(),
        "goes_on": report.may_go_on(),
        "lost": lost,
        "report": report,
    });
    Ok(Said {
        text,
        value,
        is_well: report.may_go_on() && lost == 0,
    })
}

fn told(session: &str, messages: usize, report: &RecoveryReport) -> String {
    let mut text = format!("{session}  {}", counted(messages, "message"));
    if report.is_clean() {
        text += ": nothing to mend\n";
        return text;
    }
    let _ = writeln!(text, ": {}", counted(report.findings.len(), "finding"));
    for finding in &report.findings {
        let outcome = match finding.outcome {
            Outcome::Recovered => "done",
            Outcome::NeedsHost => "needs you",
            _ => "failed",
        };
        let line = format!("{}: {}, {outcome}", finding.failure, finding.strategy);
        let _ = writeln!(text, "  {}", clip(&line, WIDTH - 2));
        let _ = writeln!(text, "    {}", clip(&finding.detail, WIDTH - 4));
        for range in &finding.lost {
            let last = range.end.saturating_sub(1);
            let _ = writeln!(text, "    lost: records {} to {last}", range.start);
        }
    }
    if let Some(checkpoint) = &report.checkpoint {
        let _ = writeln!(text, "saved as {checkpoint}");
    }
    text
}
