//! `diff`: what changes from one checkpoint to another.

use std::collections::BTreeSet;
use std::fmt::Write;

use agent_checkpoint::SessionState;
use serde_json::{Map, Value, json};

use crate::Said;
use crate::columns::{WIDTH, clip, counted};
use crate::failure::Failure;
use crate::place::{Place, checkpoint};
use crate::show::line;

/// So many messages are shown of those that go or come.
const SHOWN: usize = 20;

pub(crate) fn diff(place: &Place, session: &str, from: &str, to: &str) -> Result<Said, Failure> {
    let reader = place.reader(session)?;
    let list = reader.list()?;
    let (from, to) = (checkpoint(&list, from)?, checkpoint(&list, to)?);
    let (before, after) = (reader.state_at(&from.id)?, reader.state_at(&to.id)?);
    let pairs = before.conversation.iter().zip(&after.conversation);
    let common = pairs.take_while(|(a, b)| a == b).count();

    let mut text = String::new();
    let _ = writeln!(text, "- {}", clip(&from.to_string(), WIDTH - 2));
    let _ = writeln!(text, "+ {}", clip(&to.to_string(), WIDTH - 2));
    let _ = writeln!(text, "{} the same", counted(common, "message"));
    for (mark, state) in [('-', &before), ('+', &after)] {
        let behind = state.conversation.iter().zip(0_usize..).skip(common);
        for (message, at) in behind.take(SHOWN) {
            let _ = writeln!(text, "{mark} {}", clip(&line(message, at), WIDTH - 2));
        }
        let more = state.conversation.len().saturating_sub(common + SHOWN);
        if more > 0 {
            let _ = writeln!(text, "{mark} and {} more", counted(more, "message"));
        }
    }
    let (old, new) = (work(&before)?, work(&after)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut changed = Vec::new();
    for name in names {
        let (old, new) = (old.get(name), new.get(name));
        if old == new {
            continue;
        }
        changed.push(json!({"name": name, "before": old, "after": new}));
        for (mark, value) in [('-', old), ('+', new)] {
            if let Some(value) = value {
                let shown = format!("{name}: {value}");
                let _ = writeln!(text, "{mark} {}", clip(&shown, WIDTH - 2));
            }
        }
    }
    if changed.is_empty() {
        text += "nothing changes beside the messages\n";
    }
    let value = json!({
        "from": from.id,
        "to": to.id,
        "messages": {
            "same": common,
            "removed": before.conversation.len() - common,
            "added": after.conversation.len() - common,
        },
        "work": changed,
    });
    Ok(Said::new(text, value))
}

fn work(state: &SessionState) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(&state.work) {
        Ok(Value::Object(work)) => Ok(work),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Failure::problem(error.to_string())),
    }
}
