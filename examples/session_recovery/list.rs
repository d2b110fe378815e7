//! `list`: sessions of a store, checkpoints of a session.

use agent_checkpoint::{Checkpoint, Reader};
use agent_primitives::{SessionId, Timestamp};
use serde_json::{Value, json};

use crate::Said;
use crate::columns::{bytes, clip, columns, counted};
use crate::failure::Failure;
use crate::place::Place;

pub(crate) fn sessions(place: &Place) -> Result<Said, Failure> {
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    let mut is_well = true;
    for session in place.sessions()? {
        let name = session.to_string();
        // One that cannot be read is listed too.
        match look(place, session) {
            Ok((list, size, health)) => {
                is_well &= health.is_none();
                let newest = list.first();
                rows.push([
                    name.clone(),
                    list.len().to_string(),
                    newest.map_or(0, |c| c.messages).to_string(),
                    bytes(size),
                    newest.map_or_else(|| "-".to_owned(), |c| to_the_second(c.at)),
                    health.clone().unwrap_or_else(|| "whole".to_owned()),
                ]);
                values.push(json!({
                    "session": name,
                    "checkpoints": list.len(),
                    "messages": newest.map_or(0, |c| c.messages),
                    "bytes": size,
                    "newest": newest.map(|c| c.at.to_string()),
                    "whole": health.is_none(),
                    "problem": health,
                }));
            }
            Err(error) => {
                is_well = false;
                let dash = || "-".to_owned();
                let shown = error.to_string();
                rows.push([name.clone(), dash(), dash(), dash(), dash(), shown.clone()]);
                values.push(json!({"session": name, "whole": false, "problem": shown}));
            }
        }
    }
    let folder = place.folder.display().to_string();
    let mut text = format!("{} in {folder}\n", counted(rows.len(), "session"));
    if !rows.is_empty() {
        let headings = [
            "session",
            "checkpoints",
            "messages",
            "size",
            "newest",
            "health",
        ];
        text += &columns(headings, &rows);
    }
    let value = json!({"store": folder, "sessions": values});
    Ok(Said {
        text,
        value,
        is_well,
    })
}

/// Short enough for a table: `2026-03-02 09:00:08Z`.
fn to_the_second(at: Timestamp) -> String {
    let whole = at.to_string();
    let (second, _) = whole.split_once('.').unwrap_or((&whole, ""));
    format!("{}Z", second.replace('T', " "))
}

type Looked = (Vec<Checkpoint>, u64, Option<String>);

fn look(place: &Place, session: SessionId) -> Result<Looked, Failure> {
    let reader = Reader::open(place.store.clone(), session)?;
    let report = reader.verify()?;
    let health = (!report.is_clean()).then(|| crate::verify::in_short(&report));
    Ok((reader.list()?, reader.size()?, health))
}

pub(crate) fn checkpoints(place: &Place, session: &str) -> Result<Said, Failure> {
    let list = place.reader(session)?.list()?;
    if list.is_empty() {
        return Err(Failure::nothing(format!(
            "session {session} has no checkpoint yet"
        )));
    }
    let rows: Vec<[String; 5]> = list
        .iter()
        .map(|checkpoint| {
            [
                checkpoint.id.to_string(),
                checkpoint.at.to_string(),
                checkpoint.kind.to_string(),
                checkpoint.messages.to_string(),
                notes(checkpoint),
            ]
        })
        .collect();
    let mut text = format!("{}, newest first\n", counted(list.len(), "checkpoint"));
    text += &columns(
        ["checkpoint", "at", "kind", "messages", "why, labels"],
        &rows,
    );
    let values: Vec<Value> = list.iter().map(value).collect();
    Ok(Said::new(
        text,
        json!({"session": session, "checkpoints": values}),
    ))
}

fn notes(checkpoint: &Checkpoint) -> String {
    let mut notes = Vec::new();
    notes.extend(checkpoint.why.as_ref().map(ToString::to_string));
    notes.extend(checkpoint.what.as_ref().map(|what| format!("{what:?}")));
    notes.extend(checkpoint.labels.iter().map(|label| format!("[{label}]")));
    notes.extend(checkpoint.pinned.then(|| "pinned".to_owned()));
    let restored = checkpoint.restored.as_ref();
    notes.extend(restored.map(|id| format!("restores {}", clip(id.as_str(), 12))));
    notes.join(" ")
}

/// A checkpoint as JSON.
pub(crate) fn value(checkpoint: &Checkpoint) -> Value {
    json!({
        "id": checkpoint.id,
        "at": checkpoint.at.to_string(),
        "kind": checkpoint.kind,
        "agent": checkpoint.agent,
        "messages": checkpoint.messages,
        "why": checkpoint.why.as_ref().map(ToString::to_string),
        "what": checkpoint.what,
        "labels": checkpoint.labels,
        "pinned": checkpoint.pinned,
        "restored": checkpoint.restored,
    })
}
