//! The text of the suggestions.

use std::fmt;
use std::time::Duration;

use agent_primitives::SessionId;

use super::{dash, plural_first};
use crate::Evidence;
use crate::report::sheet::{Bar, Chart, Scale, Section, Sheet, dollars};
use crate::report::suggestions::{Gain, GainBounds, SuggestionKind, SuggestionsReport};
use crate::stats::layout::{Table, count, money, plural, time};

impl fmt::Display for SuggestionsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sheet().fmt(f)
    }
}

impl SuggestionsReport {
    pub(crate) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Suggestions", self.period);
        if self.suggestions.is_empty() {
            sheet.note("Nothing to suggest: what was looked at is below, and what it would take.");
        } else {
            sheet.top().chart(self.bars());
            sheet.top().table(self.overview());
            if self.told < Duration::from_secs(7 * 86_400) {
                sheet.note(&format!(
                    "What is saved in 30 days is reckoned from {} alone.",
                    time(self.told)
                ));
            }
        }
        for (number, it) in (1..).zip(&self.suggestions) {
            let section = sheet.section(&format!("{number}. {}", title(it.kind)));
            section.note(&it.text);
            section.fact("saves", &gain(&it.gain));
            section.fact("how sure", &it.confidence);
            section.fact("rests on", &evidence(&it.evidence));
        }
        let looked = sheet.section("What was looked at");
        looked.table(self.candidates());
        for it in &self.looked {
            let nearest = it.nearest.as_ref();
            let nearest = nearest.map_or_else(String::new, |it| format!(" Nearest: {it}."));
            looked.note(&format!("{}: {}.{nearest}", title(it.kind), it.takes));
        }
        self.left_out(sheet.section("Left out"));
        sheet
    }

    fn overview(&self) -> Table {
        let mut table = Table::new(0, ["in 30 days", "money", "time", "turns", "sessions"]);
        for (number, it) in (1..).zip(&self.suggestions) {
            let most = if it.gain.bounds == GainBounds::AtMost {
                "≤ "
            } else {
                ""
            };
            let or = |text: Option<String>| text.map_or_else(dash, |text| format!("{most}{text}"));
            table.row([
                format!("{number}. {}", title(it.kind)),
                or(it.gain.cost.map(money)),
                or(it.gain.time.map(time)),
                or(it.gain.turns.map(count)),
                count(it.evidence.count),
            ]);
        }
        table
    }

    fn bars(&self) -> Chart {
        let bars = (1..).zip(&self.suggestions).filter_map(|(number, it)| {
            Some(Bar {
                label: format!("{number}. {}", title(it.kind)),
                value: dollars(it.gain.cost?),
                interval: Some((dollars(it.gain.cost_low?), dollars(it.gain.cost_high?))),
                note: String::new(),
            })
        });
        Chart::Bars {
            title: "Money in 30 days, and its bounds".to_owned(),
            scale: Scale::Usd,
            bars: bars.collect(),
        }
    }

    fn candidates(&self) -> Table {
        let mut table = Table::new(0, ["for", "candidates", "enough data", "suggested"]);
        for it in &self.looked {
            let of_kind = self.suggestions.iter().filter(|of| of.kind == it.kind);
            table.row([
                title(it.kind).to_owned(),
                count(it.candidates),
                count(it.enough),
                count(of_kind.count() as u64),
            ]);
        }
        table
    }

    fn left_out(&self, section: &mut Section) {
        let it = &self.left_out;
        let sequences = &it.sequences;
        for (name, number, what) in [
            ("open", it.compared.open, "session that has not ended"),
            (
                "partly",
                it.compared.partly,
                "session that began before the period or ended after it",
            ),
            (
                "beyond",
                it.compared.beyond,
                "session beyond what is kept in memory",
            ),
            ("sides", it.compared.sides, "model with fewer sessions"),
            ("models", it.models, "call of less frequent models"),
            ("followed", it.followed, "call after one that is not known"),
            (
                "tools",
                sequences.no_session,
                "tool call outside of any session",
            ),
            (
                "gave way",
                sequences.sequences,
                "rare sequence, for its place",
            ),
            ("suggestions", it.suggestions, "suggestion that saves less"),
        ] {
            if number > 0 {
                section.fact(name, &plural_first(number, what));
            }
        }
    }
}

const fn title(kind: SuggestionKind) -> &'static str {
    match kind {
        SuggestionKind::CheaperModel => "a cheaper model",
        SuggestionKind::TimeoutRisk => "requests at risk of a timeout",
        SuggestionKind::RepeatedFailure => "a tool that fails again",
        SuggestionKind::BackAndForth => "two tools back and forth",
        SuggestionKind::RecurringError => "a failure that recurs",
        SuggestionKind::UncachedInput => "input for a cache",
    }
}

fn gain(it: &Gain) -> String {
    let mut parts = Vec::new();
    if let (Some(cost), Some(low), Some(high)) = (it.cost, it.cost_low, it.cost_high) {
        parts.push(match it.bounds {
            GainBounds::Interval => {
                format!(
                    "{}, from {} to {} (95 %)",
                    money(cost),
                    money(low),
                    money(high)
                )
            }
            GainBounds::AtMost => money(cost),
        });
    }
    parts.extend(it.time.map(time));
    parts.extend(it.turns.map(|it| plural(it, "turn")));
    match (parts.is_empty(), it.bounds) {
        (true, _) => "not known".to_owned(),
        (false, GainBounds::Interval) => format!("{} in 30 days", parts.join(", ")),
        (false, GainBounds::AtMost) => format!("at most {} in 30 days", parts.join(", ")),
    }
}

fn evidence(it: &Evidence) -> String {
    if it.count == 0 {
        return "records that name no session".to_owned();
    }
    let names: Vec<&str> = it.sessions.iter().map(SessionId::as_str).collect();
    let more = it.count.saturating_sub(names.len() as u64);
    let more = match more {
        0 => String::new(),
        more => format!(" and {} more", count(more)),
    };
    format!(
        "{}: {}{more}",
        plural(it.count, "session"),
        names.join(", ")
    )
}
