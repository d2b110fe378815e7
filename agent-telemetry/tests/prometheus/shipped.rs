//! The dashboards and rules that come with the crate name what is on the page, and nothing else.

#![allow(clippy::print_stdout, reason = "what is skipped is told")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use agent_telemetry::prometheus::Format;
use serde_json::Value;

use crate::full;
use crate::parser::parse;
use crate::promql::{Known, check};
use crate::promtool::promtool;

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

const TESTS: [&str; 2] = ["agents.rules.test.yml", "agents.rules.days.test.yml"];

/// A rule: the name of what it records or of its alert, and its query.
#[derive(Debug)]
struct Rule {
    records: bool,
    name: String,
    query: String,
    text: String,
}

/// Reads as much of YAML as the rules are written in.
fn rules() -> Vec<Rule> {
    let text = std::fs::read_to_string(folder("prometheus/agents.rules.yml")).unwrap();
    let mut rules: Vec<Rule> = Vec::new();
    let mut in_query = false;
    for line in text.lines() {
        let (bare, indent) = (line.trim(), line.len() - line.trim_start().len());
        let begun = ["- record: ", "- alert: "]
            .iter()
            .find_map(|it| bare.strip_prefix(it));
        if let Some(name) = begun {
            let records = bare.starts_with("- record");
            rules.push(Rule {
                records,
                name: name.into(),
                query: String::new(),
                text: String::new(),
            });
            in_query = false;
            continue;
        }
        let Some(rule) = rules.last_mut() else {
            continue;
        };
        if let Some(query) = bare.strip_prefix("expr: ") {
            in_query = query == "|";
            query.trim_start_matches('|').clone_into(&mut rule.query);
        } else if in_query && indent > 8 {
            rule.query.push_str(bare);
            rule.query.push(' ');
        } else {
            in_query = false;
            rule.text.push_str(line);
        }
    }
    rules
}

/// What the page has, and what the rules make of it.
fn known() -> Known {
    let page = parse(&full::exporter().render(Format::Text), Format::Text).unwrap();
    let mut known = Known::new();
    for (name, family) in page {
        for (suffix, labels, _) in family.samples {
            let known = known.entry(format!("{name}{suffix}")).or_default();
            for (label, value) in labels {
                known.entry(label).or_default().insert(value);
            }
        }
    }
    for rule in rules().into_iter().filter(|rule| rule.records) {
        let labels = check(&rule.query, &known)
            .map_err(|why| format!("{}: {why}", rule.name))
            .unwrap();
        let mut of_rule = BTreeMap::new();
        for label in labels {
            let values = known.values().filter_map(|labels| labels.get(&label));
            let values: BTreeSet<String> = values.flatten().cloned().collect();
            of_rule.insert(label, values);
        }
        known.insert(rule.name, of_rule);
    }
    known
}

#[test]
fn rules_name_what_is_there_and_each_alert_is_tested() {
    let known = known();
    let tested =
        TESTS.map(|file| std::fs::read_to_string(folder("prometheus").join(file)).unwrap());
    let tested = tested.concat();
    let all = rules();
    let alerts: Vec<_> = all.iter().filter(|rule| !rule.records).collect();
    assert!(alerts.len() >= 15 && all.len() >= 30, "{}", all.len());
    for rule in &all {
        let labels = check(&rule.query, &known)
            .map_err(|why| format!("{}: {why}", rule.name))
            .unwrap();
        if rule.records {
            continue;
        }
        assert!(
            rule.text.contains("severity: ") && rule.text.contains("summary: "),
            "{}",
            rule.name
        );
        assert!(
            tested.contains(&format!("alertname: {}\n", rule.name)),
            "{} is not tested",
            rule.name
        );
        for used in rule.text.split("$labels.").skip(1) {
            let label = used
                .split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
                .next()
                .unwrap();
            let from_recorded = known
                .iter()
                .filter(|(name, _)| rule.query.contains(name.as_str()));
            let is_there = labels.contains(label)
                || from_recorded
                    .into_iter()
                    .any(|(_, labels)| labels.contains_key(label));
            assert!(is_there, "{} has no label {label}", rule.name);
        }
    }
}

fn promtool_says_success(what: &str, file: &str) {
    let path = folder("prometheus").join(file);
    let Some((good, said)) = promtool(file, &[what, "rules", path.to_str().unwrap()], "") else {
        return;
    };
    assert!(good, "{said}");
    let said: Vec<&str> = said
        .split_whitespace()
        .skip_while(|word| !word.contains("SUCCESS"))
        .collect();
    println!("promtool {what} rules {file}: {}", said.join(" "));
}

#[test]
fn promtool_takes_the_rules_and_their_tests_hold() {
    promtool_says_success("check", "agents.rules.yml");
    promtool_says_success("test", TESTS[0]);
}

#[test]
fn tests_of_rules_that_take_long_hold() {
    promtool_says_success("test", TESTS[1]);
}

pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(folder("grafana")).unwrap();
    let mut all: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (
                name,
                serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
            )
        })
        .collect();
    all.sort_by(|one: &(String, Value), other| one.0.cmp(&other.0));
    all
}

/// The panels of a dashboard that show something, and their queries.
pub(crate) fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn dashboards_ask_for_what_is_there() {
    let known = known();
    let all = dashboards();
    let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "cost.json",
            "errors.json",
            "overview.json",
            "performance.json",
            "tasks.json"
        ]
    );
    for (name, dashboard) in &all {
        let queries = queries(dashboard);
        assert!(queries.len() >= 10, "{name}");
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let declares = |variable: &str| variables.iter().any(|it| it["name"] == variable);
        assert!(declares("datasource"), "{name}");
        for query in queries {
            check(&query, &known)
                .map_err(|why| format!("{name}: {why} in {query}"))
                .unwrap();
            assert!(
                declares("agent") || !query.contains("$agent"),
                "{name}: {query}"
            );
        }
        for variable in variables
            .iter()
            .filter_map(|it| it["query"]["query"].as_str())
        {
            let inner = variable
                .strip_prefix("label_values(")
                .and_then(|it| it.strip_suffix(')'))
                .unwrap();
            let (metric, label) = inner.split_once(", ").unwrap();
            assert!(known[metric].contains_key(label), "{name}: {variable}");
        }
    }
}

#[test]
fn panels_have_titles_units_and_a_place_of_their_own() {
    let mut uids = BTreeSet::new();
    for (name, dashboard) in dashboards() {
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()));
        assert!(!dashboard["title"].as_str().unwrap().is_empty());
        let (mut ids, mut titles, mut places) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: {title}");
            assert!(!title.is_empty() && titles.insert(title), "{name}: {title}");
            let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
            assert!(
                place("w") > 0 && place("h") > 0 && place("x") + place("w") <= 24,
                "{name}: {title}"
            );
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(
                        places.insert((x, y)),
                        "{name}: {title} lies on another panel"
                    );
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(
                !panel["fieldConfig"]["defaults"]["unit"]
                    .as_str()
                    .unwrap()
                    .is_empty(),
                "{name}: {title}"
            );
            assert_eq!(
                panel["datasource"]["uid"], "${datasource}",
                "{name}: {title}"
            );
            let targets = panel["targets"].as_array().unwrap();
            let letters: BTreeSet<_> = targets
                .iter()
                .map(|it| it["refId"].as_str().unwrap())
                .collect();
            assert!(
                !targets.is_empty() && letters.len() == targets.len(),
                "{name}: {title}"
            );
        }
    }
}
