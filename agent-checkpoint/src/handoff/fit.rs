//! Brings a package within its bounds.

use serde::Serialize;

use super::clip::clip_in_place;
use super::{Bounds, Package, Piece};
use crate::NextStep;

/// Which entries of a list stay when there are too many.
#[derive(Clone, Copy)]
enum Keep {
    First,
    Newest,
}

impl Package {
    /// Brings the package within `bounds`, and counts what goes. Of what grows with time the newest entries
    /// stay, of what is to be done the first. A host that added much calls it once more; doing it twice
    /// changes nothing.
    ///
    /// ```
    /// use agent_checkpoint::handoff::{Bounds, Link, Package, Piece};
    /// use agent_primitives::{SessionId, Timestamp};
    ///
    /// let mut package = Package::new(Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH));
    /// package.facts = vec!["one".into(), "two".into(), "three".into()];
    /// package.fit(&Bounds { entries: 2, ..Bounds::default() });
    /// assert_eq!(package.facts, ["two", "three"]);
    /// assert_eq!(package.left_out[&Piece::Facts], 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fit(&mut self, bounds: &Bounds) {
        self.fit_texts(bounds);
        let mut gone: Vec<(Piece, usize)> = Vec::new();
        let mut fit = |piece: Piece, count: usize| gone.push((piece, count));
        let newest = Keep::Newest;
        fit(
            Piece::Instructions,
            list(&mut self.instructions, bounds, Keep::First),
        );
        fit(Piece::Requests, list(&mut self.requests, bounds, newest));
        fit(Piece::Progress, list(&mut self.progress, bounds, newest));
        fit(Piece::Tried, list(&mut self.tried, bounds, newest));
        fit(Piece::Files, list(&mut self.files, bounds, Keep::First));
        fit(Piece::Facts, list(&mut self.facts, bounds, newest));
        fit(
            Piece::OpenCalls,
            list(&mut self.open_calls, bounds, Keep::First),
        );
        fit(Piece::Earlier, list(&mut self.earlier, bounds, newest));
        let work = &mut self.work;
        fit(Piece::Decisions, list(&mut work.decisions, bounds, newest));
        fit(Piece::Artifacts, list(&mut work.artifacts, bounds, newest));
        // What is finished goes before what is to be done.
        if work.next_steps.len() > bounds.entries {
            work.next_steps.sort_by_key(NextStep::is_done);
        }
        let is_done = |steps: &[NextStep]| steps.iter().filter(|step| step.is_done()).count();
        let done = is_done(&work.next_steps);
        let dropped = list(&mut work.next_steps, bounds, Keep::First);
        let done = done.saturating_sub(is_done(&work.next_steps));
        fit(Piece::Progress, done);
        fit(Piece::NextSteps, dropped.saturating_sub(done));
        if work.questions.len() > bounds.entries {
            work.questions.sort_by_key(|question| !question.is_open());
        }
        fit(
            Piece::Questions,
            list(&mut work.questions, bounds, Keep::First),
        );
        fit(
            Piece::ToolServers,
            list(&mut work.mcp_servers, bounds, Keep::First),
        );
        let before = work.agents.len();
        work.agents.retain(|_, context| fits(context, bounds));
        fit(Piece::Agents, before - work.agents.len());
        let before = work.extra.len();
        work.extra.retain(|_, value| fits(value, bounds));
        fit(Piece::Components, before - work.extra.len());
        if work
            .workflow
            .as_ref()
            .is_some_and(|workflow| !fits(workflow, bounds))
        {
            work.workflow = None;
            fit(Piece::Workflow, 1);
        }
        for (piece, count) in gone {
            self.count_left_out(piece, count);
        }
    }

    fn fit_texts(&mut self, bounds: &Bounds) {
        let max = bounds.text_bytes;
        let objective = self.objective.iter_mut();
        let long = objective.map(|text| clip_in_place(text, bounds.objective_bytes));
        let objective = long.filter(|clipped| *clipped).count();
        self.count_left_out(Piece::Objective, objective);
        let count = |texts: &mut dyn Iterator<Item = &mut String>| {
            texts
                .map(|text| clip_in_place(text, max))
                .filter(|c| *c)
                .count()
        };
        let summary = count(&mut self.summary.iter_mut());
        let requests = count(&mut self.requests.iter_mut());
        let progress = count(&mut self.progress.iter_mut());
        let facts = count(&mut self.facts.iter_mut());
        let tried = self.tried.iter_mut();
        let tried = count(&mut tried.flat_map(|tried| [&mut tried.what, &mut tried.error]));
        for (piece, count) in [
            (Piece::Summary, summary),
            (Piece::Requests, requests),
            (Piece::Progress, progress),
            (Piece::Facts, facts),
            (Piece::Tried, tried),
        ] {
            self.count_left_out(piece, count);
        }
    }
}

/// Takes what is too large and what is too many; how many that are.
fn list<T: Serialize>(entries: &mut Vec<T>, bounds: &Bounds, keep: Keep) -> usize {
    let before = entries.len();
    entries.retain(|entry| fits(entry, bounds));
    match keep {
        Keep::First => entries.truncate(bounds.entries),
        Keep::Newest => {
            entries.drain(..entries.len().saturating_sub(bounds.entries));
        }
    }
    before - entries.len()
}

/// Whether the entry is no longer than it may be, as JSON. One that cannot be written does not fit.
fn fits<T: Serialize>(entry: &T, bounds: &Bounds) -> bool {
    is_within(entry, bounds.entry_bytes)
}

/// Whether it takes at most so many bytes as JSON.
pub(super) fn is_within<T: Serialize>(value: &T, bytes: usize) -> bool {
    struct Room(usize);
    impl std::io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let left = self.0.checked_sub(bytes.len());
            self.0 = left.ok_or(std::io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(bytes), value).is_ok()
}
