//! `verify`: whether every byte is as it was written.

use std::fmt::Write;

use agent_checkpoint::{Reader, Report};
use serde_json::{Value, json};

use crate::Said;
use crate::columns::{WIDTH, clip, counted};
use crate::failure::Failure;
use crate::place::Place;

/// What is wrong, in a few words.
pub(crate) fn in_short(report: &Report) -> String {
    let mut wrong = Vec::new();
    if !report.degraded.is_empty() {
        let count = report.degraded.len();
        wrong.push(format!("{} degraded", counted(count, "checkpoint")));
    }
    if !report.missing.is_empty() {
        let lost: u64 = report
            .missing
            .iter()
            .map(|range| range.end - range.start)
            .sum();
        wrong.push(format!("{lost} records lost"));
    }
    if report.unmended_bytes > 0 {
        wrong.push(format!("{} bytes are no frame", report.unmended_bytes));
    }
    if !report.damaged_headers.is_empty() {
        wrong.push(counted(report.damaged_headers.len(), "damaged header"));
    }
    if report.uncommitted > 0 {
        wrong.push(format!(
            "{} not committed",
            counted(report.uncommitted, "message")
        ));
    }
    if wrong.is_empty() {
        wrong.push("not clean".to_owned());
    }
    wrong.join(", ")
}

pub(crate) fn verify(place: &Place, session: Option<&str>) -> Result<Said, Failure> {
    let sessions = match session {
        Some(name) => vec![place.session(name)?],
        None => place.sessions()?,
    };
    let (mut text, mut values) = (String::new(), Vec::new());
    let mut is_well = true;
    for session in sessions {
        let name = session.to_string();
        let report = Reader::open(place.store.clone(), session)
            .and_then(|reader| Ok((reader.verify()?, reader.list()?)));
        let (shown, value) = match report {
            Ok((report, list)) => {
                is_well &= report.is_clean();
                // What opening it would go on from.
                let newest = list.iter().find(|c| !report.degraded.contains(&c.id));
                let mut shown = if report.is_clean() {
                    format!(
                        "whole: {} frames, {}",
                        report.frames,
                        counted(report.checkpoints, "checkpoint")
                    )
                } else {
                    format!("damaged: {}", in_short(&report))
                };
                if let (false, Some(newest)) = (report.is_clean(), newest) {
                    let _ = write!(shown, "\n  the newest whole checkpoint: {}", newest.id);
                }
                for range in &report.missing {
                    let _ = write!(
                        shown,
                        "\n  lost: records {} to {}",
                        range.start,
                        range.end - 1
                    );
                }
                (shown, report_value(&name, &report))
            }
            Err(error) => {
                is_well = false;
                let shown = Failure::from(error).to_string();
                let value = json!({"session": name, "whole": false, "problem": shown});
                (shown, value)
            }
        };
        for (at, line) in format!("{name}  {shown}").lines().enumerate() {
            let line = if at == 0 {
                clip(line, WIDTH)
            } else {
                format!("  {}", clip(line, WIDTH - 2))
            };
            let _ = writeln!(text, "{line}");
        }
        values.push(value);
    }
    Ok(Said {
        text,
        value: json!({"whole": is_well, "sessions": values}),
        is_well,
    })
}

fn report_value(name: &str, report: &Report) -> Value {
    json!({
        "session": name,
        "whole": report.is_clean(),
        "head": report.head,
        "segments": report.segments,
        "frames": report.frames,
        "checkpoints": report.checkpoints,
        "degraded": report.degraded,
        "missing": report.missing.iter().map(|range| [range.start, range.end]).collect::<Vec<_>>(),
        "uncommitted": report.uncommitted,
        "unmended_bytes": report.unmended_bytes,
        "damaged_headers": report.damaged_headers,
    })
}
