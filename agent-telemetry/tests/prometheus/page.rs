//! The documentation names every metric with its type and labels, and every alert.

use std::collections::{BTreeMap, BTreeSet};

use agent_telemetry::prometheus::Format;

use crate::full;
use crate::parser::parse;
use crate::shipped::folder;

const DOCUMENTED: &str = include_str!("../../docs/prometheus.md");

/// The cells of the lines of tables whose first cell begins with this.
fn lines(first: &str) -> Vec<Vec<&'static str>> {
    let lines = DOCUMENTED
        .lines()
        .filter(|line| line.starts_with(&format!("| `{first}")));
    lines
        .map(|line| line.split('|').map(str::trim).collect())
        .collect()
}

fn words(cell: &str) -> BTreeSet<String> {
    cell.split_whitespace()
        .map(|word| word.trim_matches(['`', '(', ')']).to_owned())
        .collect()
}

#[test]
fn documentation_names_every_metric_with_its_type_and_labels_and_no_others() {
    let page = parse(&full::exporter().render(Format::Text), Format::Text).unwrap();
    let mut told: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for (name, family) in page {
        let ours = name.starts_with("agent_")
            && !["agent_handoffs", "agent_telemetry_dropped"].contains(&&*name);
        if !ours {
            continue;
        }
        let name = if family.kind == "counter" {
            format!("{name}_total")
        } else {
            name
        };
        let labels = family
            .samples
            .into_iter()
            .flat_map(|(_, labels, _)| labels.into_keys());
        told.insert(
            name,
            (family.kind, labels.filter(|label| label != "le").collect()),
        );
    }
    let documented: BTreeMap<_, _> = lines("agent_")
        .into_iter()
        .map(|cells| {
            (
                cells[1].trim_matches('`').to_owned(),
                (cells[2].to_owned(), words(cells[3])),
            )
        })
        .collect();
    assert_eq!(documented, told);
}

#[test]
fn documentation_names_every_alert_and_no_others() {
    let rules = std::fs::read_to_string(folder("prometheus/agents.rules.yml")).unwrap();
    let there: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    let documented: BTreeSet<&str> = lines("Agent")
        .iter()
        .map(|cells| cells[1].trim_matches('`'))
        .collect();
    assert_eq!(documented, there);
}
