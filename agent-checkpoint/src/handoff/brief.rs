//! A package as text for the model, or the person, that goes on.

use std::fmt::Write as _;

use super::begin::BRIEF_TOKENS;
use super::clip::clip;
use super::{Package, Tried};
use crate::{Artifact, CountTokens, Decision, EstimateTokens, Message, NextStep, StepStatus};

/// Bytes of one entry; the state has the whole of it.
const ENTRY: usize = 1_200;

/// A heading and the entries under it, the most needed first.
struct Section {
    title: &'static str,
    entries: Vec<String>,
    shown: usize,
}

impl Package {
    /// The package as Markdown for whoever goes on, in at most 4 000 tokens as [`EstimateTokens`] counts
    /// them: what is needed most comes first. Long entries are shortened, and what does not fit is counted;
    /// the package has the whole.
    pub fn brief(&self) -> String {
        self.brief_within(BRIEF_TOKENS, &EstimateTokens)
    }

    /// As [`brief`](Self::brief), in at most `tokens` tokens as `counter` counts them. The objective takes
    /// half of them at most, and each other part half of what is left, before any takes more.
    ///
    /// ```
    /// use agent_checkpoint::EstimateTokens;
    /// use agent_checkpoint::handoff::{Link, Package};
    /// use agent_primitives::{SessionId, Timestamp};
    ///
    /// let mut package = Package::new(Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH))
    ///     .with_objective("Fix the build.");
    /// package.facts = (0..1_000).map(|n| format!("fact number {n}")).collect();
    /// let brief = package.brief_within(200, &EstimateTokens);
    /// assert!(brief.starts_with("# Handoff"));
    /// assert!(brief.contains("fact number 999") && brief.contains("more"));
    /// assert!(brief.len() <= 800);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn brief_within(&self, tokens: u64, counter: &dyn CountTokens) -> String {
        let frame = counter.count(&Message::user(""));
        let cost = |text: &str| {
            let count = counter.count(&Message::user(text));
            count.saturating_sub(frame)
        };
        let mut left = tokens.saturating_sub(frame);
        let mut text = String::new();
        let head = self.head();
        if cost(&head) > left {
            return text;
        }
        left -= cost(&head);
        text.push_str(&head);
        if let Some(objective) = &self.objective {
            let block = objective_in(objective, left / 2, &cost);
            left = left.saturating_sub(cost(&block));
            text.push_str(&block);
        }
        let mut sections = self.sections();
        let whole = sections.iter().map(|section| section.whole(&cost));
        if whole.fold(0, u64::saturating_add) > left {
            left = left.saturating_sub(cost(&not_shown(&sections)));
        }
        for share in [2, 1] {
            for section in &mut sections {
                left -= section.take(left / share, &cost);
            }
        }
        for section in &sections {
            section.write(&mut text);
        }
        sections.retain(|section| section.shown == 0);
        if !sections.is_empty() {
            let line = not_shown(&sections);
            // Where not even that fits, the text is the head and the objective.
            if cost(&text).saturating_add(cost(&line)) <= tokens.saturating_sub(frame) {
                text.push_str(&line);
            }
        }
        text
    }

    fn head(&self) -> String {
        let mut head = "# Handoff\n\n".to_owned();
        let from = &self.from;
        let agent = from.agent.as_ref().map(|agent| format!("agent {agent}, "));
        let at = from
            .checkpoint
            .as_ref()
            .map(|id| format!(", checkpoint {id}"));
        let _ = writeln!(
            head,
            "You take over work that is under way, from {}session {}{} ({}). Go on from here; do not begin anew.",
            agent.unwrap_or_default(),
            from.session,
            at.unwrap_or_default(),
            self.scenario,
        );
        head
    }

    fn sections(&self) -> Vec<Section> {
        let work = &self.work;
        let steps = work.next_steps.iter().filter(|step| !step.is_done());
        let workflow = work.workflow.iter().flat_map(|workflow| &workflow.steps);
        let running = workflow.filter_map(|step| match step.status {
            StepStatus::Running => Some(format!("{} (under way)", step.name)),
            StepStatus::Pending => Some(step.name.clone()),
            _ => None,
        });
        let open = work.questions.iter().filter(|question| question.is_open());
        let calls = self.open_calls.iter().map(|call| {
            let (name, arguments, id) = (&call.name, &call.arguments, &call.id);
            format!("{name} {arguments} (id {id}; whether it ran is not known)")
        });
        let servers = work.mcp_servers.iter().map(|server| {
            let tools: Vec<_> = server.tools.iter().map(|tool| tool.name.as_str()).collect();
            format!(
                "{} at {}: {}",
                server.name,
                server.address,
                tools.join(", ")
            )
        });
        let newest = |texts: &[String]| texts.iter().rev().cloned().collect();
        let left_out = self
            .left_out
            .iter()
            .map(|(piece, count)| format!("{piece}: {count}"));
        let sections: [(&'static str, Vec<String>); 14] = [
            ("Tool calls without a result", calls.collect()),
            ("Next steps", running.chain(steps.map(step_text)).collect()),
            ("Must not be forgotten", newest(&self.facts)),
            ("Asked for later, newest first", newest(&self.requests)),
            (
                "Decisions, newest first",
                work.decisions.iter().rev().map(decision_text).collect(),
            ),
            (
                "Tried and failed, newest first",
                self.tried.iter().rev().map(tried_text).collect(),
            ),
            (
                "Open questions",
                open.map(|question| question.text.clone()).collect(),
            ),
            (
                "Made",
                work.artifacts.iter().rev().map(artifact_text).collect(),
            ),
            ("Done, newest first", newest(&self.progress)),
            ("So far", self.summary.iter().cloned().collect()),
            ("Files", self.files.clone()),
            ("Tool servers", servers.collect()),
            ("Answered questions", answered(self)),
            ("Not in the package", left_out.collect()),
        ];
        let sections = sections.into_iter().map(|(title, entries)| Section {
            title,
            entries: entries.into_iter().map(entry).collect(),
            shown: 0,
        });
        sections
            .filter(|section| !section.entries.is_empty())
            .collect()
    }
}

impl Section {
    /// Shows more entries, for at most `allowed` tokens; how many they take.
    fn take(&mut self, allowed: u64, cost: &dyn Fn(&str) -> u64) -> u64 {
        let mut spent = 0_u64;
        for text in self.entries.iter().skip(self.shown) {
            let mut price = cost(text);
            if self.shown == 0 {
                // The heading, and the line that says how many more there are.
                price = price
                    .saturating_add(cost(&self.heading()))
                    .saturating_add(cost(MORE));
            }
            if spent.saturating_add(price) > allowed {
                break;
            }
            spent += price;
            self.shown += 1;
        }
        spent
    }

    /// What all of it would take.
    fn whole(&self, cost: &dyn Fn(&str) -> u64) -> u64 {
        let entries = self.entries.iter().map(|entry| cost(entry));
        entries.fold(cost(&self.heading()), u64::saturating_add)
    }

    fn heading(&self) -> String {
        format!("\n## {}\n\n", self.title)
    }

    fn write(&self, text: &mut String) {
        if self.shown == 0 {
            return;
        }
        text.push_str(&self.heading());
        self.entries
            .iter()
            .take(self.shown)
            .for_each(|entry| text.push_str(entry));
        let more = self.entries.len() - self.shown;
        if more > 0 {
            let _ = writeln!(text, "- and {more} more");
        }
    }
}

/// The line that names what there is no room for.
fn not_shown(sections: &[Section]) -> String {
    let named = sections.iter().map(|section| {
        let title = section.title.split(',').next().unwrap_or_default();
        format!("{title} ({})", section.entries.len())
    });
    let named: Vec<_> = named.collect();
    format!("\nNo room here for: {}.\n", named.join(", "))
}

/// As long as the longest line of its kind.
const MORE: &str = "- and 1234567890 more\n";

/// The objective, shortened to what fits.
fn objective_in(objective: &str, allowed: u64, cost: &dyn Fn(&str) -> u64) -> String {
    let block = |text: &str| format!("\n## Objective\n\n{}\n", text.trim_end());
    let whole = block(objective);
    if cost(&whole) <= allowed {
        return whole;
    }
    let mut max = objective.len();
    while max > 0 {
        max /= 2;
        let shorter = block(clip(objective, max).as_deref().unwrap_or(objective));
        if cost(&shorter) <= allowed {
            return shorter;
        }
    }
    String::new()
}

/// One entry of a list; its later lines belong to it.
fn entry(text: String) -> String {
    let text = clip(&text, ENTRY).unwrap_or(text);
    format!("- {}\n", text.trim().replace('\n', "\n  "))
}

fn step_text(step: &NextStep) -> String {
    let mut text = step.text.clone();
    if let Some(status) = &step.status {
        let _ = write!(text, " ({status})");
    }
    if let Some(owner) = &step.owner {
        let _ = write!(text, " [{owner}]");
    }
    text
}

fn decision_text(decision: &Decision) -> String {
    let mut text = decision.what.clone();
    if !decision.why.is_empty() {
        let _ = write!(text, ", because {}", decision.why);
    }
    if !decision.alternatives.is_empty() {
        let _ = write!(text, " (instead of {})", decision.alternatives.join("; "));
    }
    text
}

fn tried_text(tried: &Tried) -> String {
    let half = |text: &str| clip(text, ENTRY / 2 - 40).unwrap_or_else(|| text.to_owned());
    let times = match tried.times {
        0 | 1 => String::new(),
        times => format!(" [{times} times]"),
    };
    let since = if tried.worked_since {
        " [has worked since]"
    } else {
        ""
    };
    format!(
        "{}{times}{since}: {}",
        half(&tried.what),
        half(&tried.error)
    )
}

fn artifact_text(artifact: &Artifact) -> String {
    let mut text = artifact.path.clone();
    if let Some(kind) = &artifact.kind {
        let _ = write!(text, ", {kind}");
    }
    if let Some(size) = artifact.size {
        let _ = write!(text, ", {size} bytes");
    }
    if let Some(hash) = &artifact.hash {
        let _ = write!(text, ", digest {hash}");
    }
    text
}

fn answered(package: &Package) -> Vec<String> {
    let answered = package.work.questions.iter().filter_map(|question| {
        let answer = question.answer.as_ref()?;
        Some(format!("{}: {answer}", question.text))
    });
    answered.collect()
}
