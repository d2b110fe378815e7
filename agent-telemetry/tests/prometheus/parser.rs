//! A reader of the text format 0.0.4 and of `OpenMetrics` 1.0, strict where Prometheus is lenient.

use std::collections::{BTreeMap, BTreeSet};

use agent_telemetry::prometheus::Format;

pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: Option<String>,
    pub(crate) unit: Option<String>,
    /// Suffix of the name, labels and value.
    pub(crate) samples: Vec<(String, Labels, f64)>,
}

impl Family {
    /// The value with exactly these labels and this suffix.
    pub(crate) fn value(&self, suffix: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = own(labels);
        let found =
            |(own_suffix, own, _): &&(String, Labels, f64)| *own_suffix == suffix && *own == labels;
        self.samples.iter().find(found).map(|(_, _, value)| *value)
    }
}

pub(crate) fn own(labels: &[(&str, &str)]) -> Labels {
    labels
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Families by name; that of a counter has no `_total`.
pub(crate) type Page = BTreeMap<String, Family>;

/// Reads a page.
pub(crate) fn parse(page: &str, format: Format) -> Result<Page, String> {
    let mut families = Page::new();
    let mut current = String::new();
    let mut seen = BTreeSet::new();
    let mut ended = false;
    if !page.is_empty() && !page.ends_with('\n') {
        return Err("does not end with a line break".into());
    }
    for line in page.split_terminator('\n') {
        if ended {
            return Err(format!("a line behind the end: {line:?}"));
        }
        if line == "# EOF" {
            ended = true;
        } else if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (what, name, text) = (words.next(), words.next(), words.next());
            let (Some(what), Some(name)) = (what, name) else {
                return Err(format!("no name in {line:?}"));
            };
            let counter = what == "TYPE" && text == Some("counter");
            let base = match format {
                Format::Text if counter => name
                    .strip_suffix("_total")
                    .ok_or("counter without _total")?,
                // What follows the type has the same name.
                Format::Text
                    if what != "TYPE" && name.strip_suffix("_total") == Some(&*current) =>
                {
                    &current
                }
                _ => name,
            };
            let base = base.to_owned();
            described(
                &mut families,
                &mut current,
                what,
                &base,
                text.unwrap_or_default(),
            )?;
        } else {
            sample(&mut families, &current, &mut seen, line)?;
        }
    }
    if ended != (format == Format::OpenMetrics) {
        return Err("the end is not marked, or marked where it is not usual".into());
    }
    families.values().try_for_each(is_whole)?;
    Ok(families)
}

fn described(
    families: &mut Page,
    current: &mut String,
    what: &str,
    base: &str,
    text: &str,
) -> Result<(), String> {
    if !is_name(base, true) {
        return Err(format!("{base:?} is no name"));
    }
    if what == "TYPE" {
        current.clear();
        current.push_str(base);
        let family = Family {
            kind: text.into(),
            help: None,
            unit: None,
            samples: Vec::new(),
        };
        return match families.insert(base.into(), family) {
            None => Ok(()),
            Some(_) => Err(format!("{base} has two types")),
        };
    }
    let family = families.get_mut(base).filter(|_| current == base);
    let family = family.ok_or(format!("{what} of {base} is not beside its type"))?;
    if !family.samples.is_empty() {
        return Err(format!("{what} of {base} behind its values"));
    }
    let before = match what {
        "HELP" => family.help.replace(unescape(text)?),
        "UNIT" if base.ends_with(text) => family.unit.replace(text.into()),
        _ => return Err(format!("{what} of {base} is not known here")),
    };
    before.map_or(Ok(()), |_| Err(format!("{what} of {base} twice")))
}

fn sample(
    families: &mut Page,
    current: &str,
    seen: &mut BTreeSet<(String, Labels)>,
    line: &str,
) -> Result<(), String> {
    let end = line
        .find(['{', ' '])
        .ok_or(format!("no value in {line:?}"))?;
    let (name, rest) = line.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => read_labels(rest)?,
        None => (Labels::new(), rest),
    };
    let value = value
        .strip_prefix(' ')
        .ok_or(format!("no space in {line:?}"))?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ if value
            .bytes()
            .all(|it| it.is_ascii_digit() || b"+-.e".contains(&it)) =>
        {
            value
                .parse()
                .map_err(|_| format!("{value:?} is no number"))?
        }
        _ => return Err(format!("{value:?} is no number")),
    };
    let suffix = name
        .strip_prefix(current)
        .ok_or(format!("{name} lies in {current}"))?;
    let family = families.get_mut(current).ok_or("a value without a type")?;
    let suffixes: &[&str] = match family.kind.as_str() {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => &[],
    };
    if !suffixes.contains(&suffix)
        || (suffix == "_bucket") != labels.contains_key("le") && family.kind == "histogram"
    {
        return Err(format!("{name} is no {}", family.kind));
    }
    if !seen.insert((name.into(), labels.clone())) {
        return Err(format!("{name} has {labels:?} twice"));
    }
    family.samples.push((suffix.into(), labels, value));
    Ok(())
}

fn read_labels(text: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    let mut rest = text;
    loop {
        let (name, after) = rest
            .split_once("=\"")
            .ok_or(format!("no label in {rest:?}"))?;
        if !is_name(name, false) || name.starts_with("__") {
            return Err(format!("{name:?} is no label"));
        }
        let mut escaped = false;
        let end = after.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        let (value, after) = after.split_at(end.ok_or("a value without an end")?);
        if labels.insert(name.into(), unescape(value)?).is_some() {
            return Err(format!("{name} twice"));
        }
        match after.strip_prefix("\",") {
            Some(next) => rest = next,
            None => {
                break Ok((
                    labels,
                    after.strip_prefix("\"}").ok_or("labels without an end")?,
                ));
            }
        }
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some(letter @ ('\\' | '"')) => letter,
                other => return Err(format!("{other:?} is not escaped")),
            },
            letter => letter,
        });
    }
    Ok(plain)
}

fn is_name(name: &str, colons: bool) -> bool {
    let allowed = |it: char| it.is_ascii_alphanumeric() || it == '_' || (colons && it == ':');
    !name.is_empty()
        && name.chars().all(allowed)
        && !name.starts_with(|it: char| it.is_ascii_digit())
}

/// Buckets ascend, in their bounds and in their counts, and end with all.
fn is_whole(family: &Family) -> Result<(), String> {
    if family.kind != "histogram" {
        return Ok(());
    }
    let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for (suffix, labels, value) in &family.samples {
        let mut labels = labels.clone();
        let bound = labels.remove("le").unwrap_or_default();
        let series = series.entry(labels).or_default();
        match suffix.as_str() {
            "_bucket" if bound == "+Inf" => series.push((f64::INFINITY, *value)),
            "_bucket" => series.push((
                bound.parse().map_err(|_| "a bound that is no number")?,
                *value,
            )),
            "_count" if series.last() != Some(&(f64::INFINITY, *value)) => {
                return Err("the last bucket is not the count".into());
            }
            _ => {}
        }
    }
    let ascends =
        |all: &Vec<(f64, f64)>| all.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1);
    if series.values().all(ascends) {
        Ok(())
    } else {
        Err("buckets do not ascend".into())
    }
}

#[test]
fn what_is_not_a_page_is_refused() {
    for page in [
        "a 1\n",
        "# TYPE a gauge\na 1",
        "# TYPE a gauge\na 1\na 2\n",
        "# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n",
        "# TYPE a gauge\na{b=\"\\x\"} 1\n",
        "# TYPE a gauge\na{__b=\"\"} 1\n",
        "# TYPE a gauge\na 1\n# HELP a b\n",
        "# TYPE a gauge\n# TYPE a gauge\n",
        "# TYPE a counter\na 1\n",
        "# TYPE a gauge\na inf\n",
        "# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\na_count 1\n",
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\n",
        "# TYPE a gauge\n# EOF\n",
    ] {
        assert!(parse(page, Format::Text).is_err(), "{page}");
    }
    let good = "# TYPE a_total counter\n# HELP a_total x\\\\\\ny\na_total{b=\"\\\"\\\\\\n\"} 1e3\n";
    let page = parse(good, Format::Text).unwrap();
    assert_eq!(page["a"].help.as_deref(), Some("x\\\ny"));
    assert_eq!(page["a"].value("_total", &[("b", "\"\\\n")]), Some(1_000.0));
}
