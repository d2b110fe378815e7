//! `export` and `import`: sessions as files.

use std::fmt::Write as _;
use std::fs::File;

use agent_checkpoint::import::{self, BranchKind, ImportError, Imported, Limits, Source};
use agent_checkpoint::redact::Redaction;
use agent_checkpoint::{Checkpointer, SessionState, Store, export as to_file};
use agent_primitives::{CheckpointKind, SessionId};
use serde_json::{Value, json};

use crate::Said;
use crate::columns::{WIDTH, clip, counted};
use crate::failure::Failure;
use crate::options::{Export, Import};
use crate::place::{Place, newest_or};

pub(crate) fn export(place: &Place, export: &Export) -> Result<Said, Failure> {
    let reader = place.reader(&export.session)?;
    let list = reader.list()?;
    let checkpoint = newest_or(&list, export.checkpoint.as_deref())?;
    let mut state = reader.state_at(&checkpoint.id)?;
    if !export.plain {
        state = masked(&state)?;
    }
    let Some(path) = &export.out else {
        let mut bytes = Vec::new();
        to_file::write(&mut bytes, reader.session(), &state, None)
            .map_err(|error| Failure::problem(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| Failure::problem(error.to_string()))?;
        let lines: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        return Ok(Said::new(text, json!(lines)));
    };
    to_file::write_file(path, reader.session(), &state, None).map_err(|error| {
        Failure::usage(format!("{}: {error}; name another file", path.display()))
    })?;
    let text = format!(
        "{} of {} in {}\n",
        counted(state.conversation.len(), "message"),
        checkpoint.id,
        path.display()
    );
    let value =
        json!({"file": path, "checkpoint": checkpoint.id, "messages": state.conversation.len()});
    Ok(Said::new(text, value))
}

/// The state with masks in the place of secrets.
fn masked(state: &SessionState) -> Result<SessionState, Failure> {
    let redaction = Redaction::default();
    let failed = |error: serde_json::Error| Failure::problem(error.to_string());
    let mut work = serde_json::to_value(&state.work).map_err(failed)?;
    redaction.value(&mut work);
    let messages = state.conversation.iter();
    Ok(SessionState {
        conversation: messages
            .map(|message| redaction.message(message).into_owned())
            .collect(),
        work: serde_json::from_value(work).map_err(failed)?,
    })
}

pub(crate) fn import(place: &Place, wanted: &Import) -> Result<Said, Failure> {
    let imported = read(wanted)?;
    let name = match (&wanted.name, &imported.id) {
        (Some(name), _) => SessionId::new(name.as_str()),
        (None, Some(id)) => SessionId::new(id.as_str()),
        (None, None) => {
            return Err(Failure::usage(
                "the file does not name its session; say --as NAME",
            ));
        }
    };
    let name = name.map_err(|error| Failure::usage(format!("{error}; say --as NAME")))?;
    let repairs = imported.repaired().repairs;
    let (source, left_out) = (imported.source, imported.left_out.clone());
    let branches = imported.branches.clone();
    let open = |name: &SessionId| Checkpointer::builder(place.store.clone(), name.clone());
    let sides = if wanted.branches {
        free(place, &name, branches.len())?
    } else {
        Vec::new()
    };
    let mut session = imported.open_in(open(&name))?;
    let checkpoint = session.save(CheckpointKind::Manual)?;
    let (messages, sent) = (session.history().len(), session.context().len());

    let mut text = format!(
        "session {name}, of {}: {}",
        source.name(),
        counted(messages, "message")
    );
    if sent < messages {
        let _ = write!(text, ", of which the model is sent {sent}");
    }
    let _ = writeln!(text, "\nsaved as {checkpoint}");
    let mut beside = Vec::new();
    for (at, branch) in branches.iter().enumerate() {
        let kind = match branch.kind {
            BranchKind::Abandoned => "abandoned",
            BranchKind::Sidechain => "of an agent of its own",
            _ => "beside it",
        };
        let mut line = format!("{kind}: {}", counted(branch.messages.len(), "message"));
        if let Some(from) = branch.from {
            let _ = write!(line, " behind {from}");
        }
        if let Some(side) = sides.get(at) {
            let mut session = open(side).open()?;
            for message in &branch.messages {
                session.push(message.clone())?;
            }
            session.save(CheckpointKind::Manual)?;
            let _ = write!(line, ", as session {side}");
            beside.push(json!(side));
        }
        let _ = writeln!(text, "{}", clip(&line, WIDTH));
    }
    for omission in left_out.list() {
        let what = omission.what.as_str();
        let line = format!(
            "left out: {} {} {what}",
            omission.count,
            omission.reason.name()
        );
        let mut line = line.trim_end().to_owned();
        if omission.reason.is_loss() {
            let lines: Vec<String> = omission.lines.iter().map(u64::to_string).collect();
            let _ = write!(line, " (line {})", lines.join(", "));
        }
        let _ = writeln!(text, "{}", clip(&line, WIDTH));
    }
    for repair in &repairs {
        let _ = writeln!(text, "{}", clip(&format!("repaired: {repair}"), WIDTH));
    }
    let value = json!({
        "session": name,
        "source": source,
        "checkpoint": checkpoint,
        "messages": messages,
        "sent": sent,
        "branches": branches.len(),
        "branch_sessions": beside,
        "left_out": left_out,
        "losses": left_out.losses(),
        "repairs": repairs,
    });
    Ok(Said::new(text, value))
}

/// Names for the sessions beside one, none of which is there: nothing is to be saved before that is known.
fn free(place: &Place, name: &SessionId, count: usize) -> Result<Vec<SessionId>, Failure> {
    let mut sides = Vec::new();
    for at in 1..=count {
        let side = SessionId::new(format!("{name}.{at}"));
        let side = side.map_err(|error| Failure::usage(error.to_string()))?;
        if !place.store.segments(&side)?.is_empty() {
            return Err(Failure::usage(format!(
                "session {side} is there already, and --branches would make it; say --as NAME"
            )));
        }
        sides.push(side);
    }
    Ok(sides)
}

fn read(wanted: &Import) -> Result<Imported, Failure> {
    let failed = |error: std::io::Error| {
        let shown = wanted.file.display();
        match error.kind() {
            std::io::ErrorKind::NotFound => Failure::nothing(format!("there is no file {shown}")),
            _ => Failure::usage(format!("{shown}: {error}")),
        }
    };
    let file = File::open(&wanted.file).map_err(failed)?;
    let limits = Limits::default();
    let read = match wanted.from {
        Some(Source::Codex) => import::codex(file, &limits),
        Some(Source::ClaudeCode) => import::claude_code(file, &limits),
        Some(Source::Goose) => import::goose(file, &limits),
        _ => import::any(file, &limits),
    };
    match read {
        Err(ImportError::IsDatabase) => {
            let session = wanted.session.as_deref();
            Ok(import::goose_database(&wanted.file, session, &limits)?)
        }
        Ok(_) if wanted.session.is_some() => {
            Err(Failure::usage("--session is for goose's sessions.db"))
        }
        read => Ok(read?),
    }
}
