//! Messages that a cut puts into a context, and that the history does not have.

use std::fmt::Write;

use crate::{Message, StepStatus, Work};

/// The field of a note that says what it is, so that a later cut finds and replaces it.
const MARK: &str = "checkpoint_note";

const WORK: &str = "work";
const SUMMARY: &str = "summary";
const BRIEF: &str = "brief";

/// What a note says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was decided and is open.
    Work,
    /// What was dropped.
    Summary,
    /// What was in the sessions before; stands in the history, since a session begins with it.
    Brief,
}

impl Kind {
    /// What the message says, if a cut made it.
    pub(crate) fn of(message: &Message) -> Option<Self> {
        match message.extra.get(MARK)?.as_str()? {
            WORK => Some(Self::Work),
            SUMMARY => Some(Self::Summary),
            BRIEF => Some(Self::Brief),
            _ => None,
        }
    }
}

/// Whether a cut made the message for the context alone.
pub(crate) fn is_note(message: &Message) -> bool {
    matches!(Kind::of(message), Some(Kind::Work | Kind::Summary))
}

fn note(kind: &str, text: String) -> Message {
    let mut note = Message::user(text);
    note.extra.insert(MARK.to_owned(), kind.into());
    note
}

/// A summary as a message.
pub(crate) fn summary_note(text: String) -> Message {
    note(SUMMARY, text)
}

/// What was in the sessions before as a message, which no truncation drops.
pub(crate) fn brief_note(text: String) -> Message {
    note(BRIEF, text).pinned()
}

/// What was decided and is open as a message; none where there is nothing.
pub(crate) fn work_note(work: &Work) -> Option<Message> {
    let mut text = String::new();
    let decisions = work.decisions.iter();
    let decisions = decisions.map(|d| (d.what.as_str(), vec![("because", Some(d.why.as_str()))]));
    list(&mut text, "Decided", decisions);
    if let Some(workflow) = &work.workflow {
        let is_open =
            |status: &StepStatus| !matches!(status, StepStatus::Done | StepStatus::Skipped);
        let steps = workflow.steps.iter().filter(|step| is_open(&step.status));
        let steps = steps.map(|step| {
            let failed = step.error.as_deref();
            (
                step.name.as_str(),
                vec![("is", status(&step.status)), ("failed:", failed)],
            )
        });
        list(
            &mut text,
            &format!("Steps of {} to come", workflow.name),
            steps,
        );
    }
    let steps = work.next_steps.iter().filter(|step| !step.is_done());
    let steps = steps.map(|step| {
        let more = vec![
            ("is", step.status.as_deref()),
            ("by", step.owner.as_deref()),
        ];
        (step.text.as_str(), more)
    });
    list(&mut text, "To do", steps);
    let questions = work.questions.iter().filter(|question| question.is_open());
    let questions = questions.map(|q| (q.text.as_str(), vec![("to", q.to.as_deref())]));
    list(&mut text, "Not answered yet", questions);
    (!text.is_empty()).then(|| note(WORK, format!("Where the work stands.\n{text}")))
}

fn status(status: &StepStatus) -> Option<&str> {
    match status {
        StepStatus::Running => Some("running"),
        StepStatus::Failed => Some("failed"),
        StepStatus::Other(word) => Some(word),
        StepStatus::Pending | StepStatus::Done | StepStatus::Skipped => None,
    }
}

type Line<'a> = (&'a str, Vec<(&'a str, Option<&'a str>)>);

/// Appends a list; nothing where it is empty.
fn list<'a>(text: &mut String, title: &str, lines: impl Iterator<Item = Line<'a>>) {
    for (number, (what, more)) in lines.enumerate() {
        if number == 0 {
            let _ = writeln!(text, "\n{title}:");
        }
        let _ = write!(text, "- {}", indented(what));
        for (word, of) in more {
            if let Some(of) = of.filter(|of| !of.is_empty()) {
                let _ = write!(text, "; {word} {}", indented(of));
            }
        }
        text.push('\n');
    }
}

/// A line that goes on belongs to its item.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use agent_primitives::Timestamp;

    use super::*;
    use crate::{Decision, NextStep, Question, Workflow};

    #[test]
    fn a_note_says_what_was_decided_and_is_open_and_nothing_else() {
        let mut work = Work::default();
        assert_eq!(work_note(&work), None);
        let decision = Decision::new(Timestamp::UNIX_EPOCH, "use SQLite", "one file,\nno server");
        work.decisions.push(decision);
        let mut release = Workflow::new("release").with_steps(["build", "test", "publish"]);
        release.start("build");
        release.finish("build");
        release.start("test");
        release.fail("test", "two of 90");
        work.workflow = Some(release);
        work.next_steps
            .push(NextStep::new("mend the two").with_owner("ada"));
        let mut answered = Question::new("which licence?");
        answered.answer = Some("MIT".into());
        work.questions
            .extend([answered, Question::new("which branch?").with_to("ben")]);
        let note = work_note(&work).unwrap_or_else(|| Message::user(""));
        assert_eq!(Kind::of(&note), Some(Kind::Work));
        assert_eq!(
            note.content,
            "Where the work stands.\n\
             \nDecided:\n- use SQLite; because one file,\n  no server\n\
             \nSteps of release to come:\n- test; is failed; failed: two of 90\n- publish\n\
             \nTo do:\n- mend the two; by ada\n\
             \nNot answered yet:\n- which branch?; to ben\n"
        );
        assert_eq!(Kind::of(&Message::user("no note")), None);
    }
}
