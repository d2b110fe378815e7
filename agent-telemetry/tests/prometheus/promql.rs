//! The names in a query of Prometheus, as far as checking them needs.

use std::collections::{BTreeMap, BTreeSet};

/// Labels of each metric, and the values that they have on a page.
pub(crate) type Known = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Labels that a scrape adds to each series.
const OF_A_SCRAPE: [&str; 2] = ["instance", "job"];
const FUNCTIONS: [&str; 9] = [
    "sum",
    "max",
    "rate",
    "increase",
    "histogram_quantile",
    "vector",
    "sort_desc",
    "round",
    "label_values",
];
const GROUPING: [&str; 5] = ["by", "on", "ignoring", "group_left", "without"];
const OPERATORS: [&str; 3] = ["and", "or", "unless"];

/// Checks that each metric of the query is known, with its labels and the values that it compares them with. What it
/// gives has these labels at most.
pub(crate) fn check(query: &str, known: &Known) -> Result<BTreeSet<String>, String> {
    let mut rest = query;
    let (mut metrics, mut grouped) = (BTreeSet::new(), BTreeSet::new());
    let mut available: BTreeSet<String> = OF_A_SCRAPE.iter().map(|&it| it.to_owned()).collect();
    while let Some(next) = rest.chars().next() {
        if next == '[' {
            rest = rest.split_once(']').ok_or("a range without an end")?.1;
        } else if next == '"' {
            return Err(format!("a text outside of labels: {rest}"));
        } else if next.is_ascii_alphabetic() || next == '_' {
            let end = rest.find(|it: char| !(it.is_ascii_alphanumeric() || "_:".contains(it)));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after.trim_start();
            if OPERATORS.contains(&word) {
                continue;
            }
            if GROUPING.contains(&word) {
                let list = rest.strip_prefix('(').and_then(|it| it.split_once(')'));
                let (list, after) = list.ok_or(format!("{word} without labels"))?;
                let list = list.split(',').map(str::trim).filter(|it| !it.is_empty());
                let kept = list.map(str::to_owned);
                if word == "by" {
                    grouped.extend(kept);
                }
                rest = after;
            } else if FUNCTIONS.contains(&word) {
                if !(rest.starts_with('(') || rest.starts_with("by ")) {
                    return Err(format!("{word} of nothing"));
                }
            } else {
                let labels = known
                    .get(word)
                    .ok_or(format!("there is no metric {word}"))?;
                available.extend(labels.keys().cloned());
                metrics.insert(word.to_owned());
                if let Some(matchers) = rest.strip_prefix('{') {
                    let (matchers, after) =
                        matchers.split_once('}').ok_or("labels without an end")?;
                    matched(word, matchers, labels)?;
                    rest = after;
                }
            }
        } else if next.is_ascii_digit() {
            rest = rest.trim_start_matches(|it: char| it.is_ascii_digit() || ".e".contains(it));
        } else {
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
    if let Some(foreign) = grouped.difference(&available).next() {
        return Err(format!("nothing in {query} has the label {foreign}"));
    }
    if metrics.is_empty() && !query.starts_with("vector") {
        return Err("a query of nothing".into());
    }
    grouped.remove("le");
    Ok(if query.contains(" by ") || query.contains("sum(") {
        grouped
    } else {
        available
    })
}

fn matched(
    metric: &str,
    matchers: &str,
    labels: &BTreeMap<String, BTreeSet<String>>,
) -> Result<(), String> {
    for matcher in matchers.split(',') {
        let (label, value) = matcher
            .split_once(['=', '!'])
            .ok_or(format!("{matcher} compares nothing"))?;
        let values = labels
            .get(label.trim())
            .ok_or(format!("{metric} has no label {label}"))?;
        let value = value.trim_start_matches(['=', '~']).trim_matches('"');
        for value in value.split('|').filter(|it| !it.starts_with('$')) {
            if !values.contains(value) {
                return Err(format!("{label} of {metric} is never {value}"));
            }
        }
    }
    Ok(())
}

#[test]
fn names_that_are_not_there_are_found() {
    let values = |all: &[&str]| all.iter().map(|&it| it.to_owned()).collect::<BTreeSet<_>>();
    let labels = BTreeMap::from([
        ("agent".to_owned(), values(&["a"])),
        ("result".to_owned(), values(&["ok", "failed"])),
    ]);
    let known = Known::from([("calls_total".to_owned(), labels)]);
    for good in [
        "calls_total",
        "sum by (agent) (rate(calls_total{agent=~\"$agent\",result!=\"ok\"}[$__rate_interval])) > 0.5",
        "1e6 * sum(increase(calls_total{result=~\"ok|failed\"}[1d])) unless on () vector(1)",
    ] {
        assert!(
            check(good, &known).is_ok(),
            "{good}: {:?}",
            check(good, &known)
        );
    }
    for bad in [
        "call_total",
        "sum by (model) (calls_total)",
        "calls_total{model=\"a\"}",
        "calls_total{result=\"okay\"}",
        "rates(calls_total[5m])",
        "sum by (agent) (rate(calls_total[5m])) + calls",
        "",
    ] {
        assert!(check(bad, &known).is_err(), "{bad}");
    }
    let labels = check("sum by (agent) (calls_total)", &known).unwrap();
    assert_eq!(labels, values(&["agent"]));
}
