//! What the text says about decisions.

use crate::report::sheet::Sheet;
use crate::stats::Decisions;
use crate::stats::layout::{Table, count, dash, number, plural, share};
use crate::stats::width::{cut, printable};

pub(super) fn decisions(sheet: &mut Sheet, it: &Decisions) {
    let shown = sheet.section("Decisions");
    let unmatched = match it.unmatched_outcomes {
        0 => String::new(),
        more => format!(", {} of others", plural(more, "outcome")),
    };
    if it.made == 0 {
        shown.fact("made", &format!("none{unmatched}"));
        return;
    }
    let told = it.made - it.outcomes.open;
    shown.fact(
        "made",
        &format!(
            "{}, {} with a known outcome{unmatched}",
            count(it.made),
            count(told)
        ),
    );

    let header = [
        "choices",
        "about",
        "times",
        "known",
        "success",
        "confidence",
        "expected",
        "score",
    ];
    let mut choices = Table::new(1, header);
    for line in &it.by_choice {
        let known = line.times - line.outcomes.open;
        let [confidence, expected, score] =
            [line.confidence, line.expected, line.score].map(|it| it.map_or_else(dash, number));
        choices.row([
            line.choice.clone().unwrap_or_else(|| "(none)".to_owned()),
            short(&line.subject),
            count(line.times),
            count(known),
            share(line.outcomes.success, known),
            confidence,
            expected,
            score,
        ]);
    }
    shown.table(choices);

    let mut passed_over = Table::new(2, ["passed over because", "candidate", "about", "times"]);
    for line in &it.passed_over {
        passed_over.row([
            line.reason.clone(),
            short(&line.candidate),
            short(&line.subject),
            count(line.times),
        ]);
    }
    shown.table(passed_over);
}

fn short(name: &str) -> String {
    cut(&printable(name), 20)
}
