//! `restore`, `fork` and `prune`: what changes a store.

use std::fmt::Write;
use std::num::NonZeroUsize;

use agent_checkpoint::{Checkpointer, Retention, Ruling};
use agent_primitives::SessionId;
use serde_json::{Value, json};

use crate::Said;
use crate::columns::{WIDTH, clip};
use crate::failure::Failure;
use crate::options::Pruning;
use crate::place::{Place, checkpoint};

pub(crate) fn restore(
    place: &Place,
    session: &str,
    target: &str,
    yes: bool,
) -> Result<Said, Failure> {
    let mut writer = place.writer(session)?;
    let target = checkpoint(&writer.list(), target)?.clone();
    let plan = writer.plan_restore(&target.id)?;
    let diff = plan.diff();
    let mut text = format!("back to {}\n", clip(&target.to_string(), WIDTH - 8));
    for line in diff.to_string().lines() {
        let _ = writeln!(text, "{}", clip(line, WIDTH));
    }
    let same = json!({"same": diff.common, "removed": diff.removed, "added": diff.added});
    let changed: Vec<&String> = diff.components.iter().map(|change| &change.name).collect();
    let changed = json!(changed);
    let done = if yes {
        let done = plan.commit()?;
        let _ = writeln!(text, "done: now at {}", done.now);
        let back = format!("restore {session} {} --yes", done.backup);
        let _ = writeln!(text, "to take it back: {back}");
        json!({"now": done.now, "backup": done.backup})
    } else {
        plan.rollback();
        text += "nothing was changed; say --yes to go back\n";
        Value::Null
    };
    let value = json!({"target": target.id, "messages": same, "components": changed, "done": done});
    Ok(Said::new(text, value))
}

pub(crate) fn fork(place: &Place, session: &str, from: &str, name: &str) -> Result<Said, Failure> {
    let reader = place.reader(session)?;
    let list = reader.list()?;
    let from = checkpoint(&list, from)?;
    let name = SessionId::new(name).map_err(|error| Failure::usage(error.to_string()))?;
    let builder = Checkpointer::builder(place.store.clone(), name.clone());
    let fork = builder
        .fork_of(reader.session().clone(), from.id.clone())
        .open()?;
    let messages = fork.history().len();
    let text = format!("session {name} begins with {messages} messages of {session}\n");
    let value = json!({"session": name, "of": session, "from": from.id, "messages": messages});
    Ok(Said::new(text, value))
}

pub(crate) fn prune(
    place: &Place,
    session: &str,
    keep: Option<NonZeroUsize>,
    how: Pruning,
) -> Result<Said, Failure> {
    let retention = keep.map_or_else(Retention::default, Retention::last);
    let rulings = match how {
        // Without the lock: a plan is no more than a look.
        Pruning::Shown => {
            // A plan wants them oldest first.
            let mut list = place.reader(session)?.list()?;
            list.reverse();
            retention.plan(&list)
        }
        Pruning::Done => {
            let session = place.session(session)?;
            let builder = Checkpointer::builder(place.store.clone(), session);
            let mut writer = builder.retention(retention).open()?;
            let pruning = writer.prune()?;
            writer.compact()?;
            pruning.rulings().to_vec()
        }
    };
    let dropped = rulings.iter().filter(|ruling| !ruling.keeps()).count();
    let mut text = String::new();
    for ruling in &rulings {
        let _ = writeln!(text, "{}", clip(&ruling.to_string(), WIDTH));
    }
    let kept = rulings.len() - dropped;
    let _ = match how {
        Pruning::Shown => writeln!(text, "{kept} stay, {dropped} would go; nothing was changed"),
        Pruning::Done => writeln!(text, "{kept} stay, {dropped} went"),
    };
    let list: Vec<Value> = rulings.iter().map(value).collect();
    let is_done = how == Pruning::Done;
    let value = json!({"kept": kept, "dropped": dropped, "done": is_done, "rulings": list});
    Ok(Said::new(text, value))
}

fn value(ruling: &Ruling) -> Value {
    json!({
        "id": ruling.id,
        "keeps": ruling.keeps(),
        "reason": ruling.reason.to_string(),
    })
}
