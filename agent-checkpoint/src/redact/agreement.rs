//! What is found fast is what is found the long way, whatever the text.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::pattern::{Literal, Pattern};
use super::rules::Rules;
use super::samples::{self, Draw, Sample};
use super::{json as walk, oracle, scan};

const WORDS: &[&str] = &[
    "the ",
    "a ",
    "\n",
    "\t",
    "\\n",
    "\\\\n",
    "\"",
    "\\\"",
    "'",
    "`",
    "=",
    ":",
    ": ",
    " = ",
    "   =",
    "    :",
    "==",
    "::",
    ":=",
    "?=",
    "=>",
    "://",
    ":\\/\\/",
    "@",
    ".",
    "~",
    "$",
    "-",
    "_",
    "/",
    "\\/",
    "%22",
    "\\u0022",
    "\\u00e9",
    "\u{1b}[31m",
    ";31m",
    "ü",
    "🦀",
    "\u{0}",
    "password",
    "PassWord",
    "passwo-rd",
    "pass",
    "token",
    "max_tokens",
    "next_page_token",
    "secret",
    "api_key",
    "API_KEY",
    "key",
    "_KEY",
    "Authorization",
    "Bearer ",
    "Basic ",
    "Cookie",
    "set-cookie",
    "sig",
    "signature",
    "auth",
    "pwd",
    "PWD",
    "x1y2z3q4w5",
    "hunter2",
    "Tr0ub4dor",
    "[redacted:password]",
    "https",
    "?",
    "&",
    "{",
    "}",
    "[",
    "]",
    ",",
    "<",
    ">",
    "(",
    ")",
    "none",
    "abcdefghijklmnop",
    "0123456789abcdef",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "-----END ",
    "ghp_",
    "sk-",
    "xoxb-",
    "eyJ",
    "SG.",
    "hvs.",
    "pat.",
    "Q~",
    ".atlasv1.",
    "PuTTY-User-Key-File-",
];

fn rules() -> Vec<Rules> {
    let literal = |name: &str, text: &str| Literal {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let some = [
        literal("db", "tr0ub4dor&3 \"with\" \\ and\nmore"),
        literal("crm", "x1y2z3q4w5"),
    ];
    let off = [
        "password",
        "jwt",
        "github-token",
        "url-password",
        "private-key",
    ];
    let off = off.iter().map(|it| (*it).to_owned()).collect();
    let none = BTreeSet::default();
    vec![
        Rules::new(&none, &[], &[], &none),
        Rules::new(&none, &some, &[Pattern::new("acme", "ab", 14)], &none),
        Rules::new(&off, &[], &[], &["x1y2z3q4w5".to_owned()].into()),
    ]
}

/// Words in a row, a sample of a secret among them as a rule, or a part of one.
fn text(draw: &mut Draw, samples: &[Sample]) -> String {
    let mut text = "x".repeat(draw.below(3) * draw.below(12));
    for _ in 0..draw.below(12) {
        text += WORDS[draw.below(WORDS.len())];
    }
    if draw.below(4) > 0 {
        let sample = &samples[draw.below(samples.len())].text;
        text += match draw.below(4) {
            0 => {
                let chars: Vec<_> = sample.char_indices().map(|it| it.0).collect();
                &sample[chars[draw.below(chars.len())]..]
            }
            _ => sample,
        };
    }
    for _ in 0..draw.below(12) {
        text += WORDS[draw.below(WORDS.len())];
    }
    text
}

#[test]
fn texts_are_masked_as_the_long_way() {
    let (mut draw, rules) = (Draw(21), rules());
    let mut found = 0;
    for round in 0..20 {
        let samples = samples::all(round);
        for _ in 0..150 {
            let text = text(&mut draw, &samples);
            for rules in &rules {
                let fast = scan::find(text.as_bytes(), rules);
                assert_eq!(fast, oracle::find(text.as_bytes(), rules), "{text:?}");
                found += usize::from(!fast.is_empty());
            }
        }
    }
    assert!(found > 3_000, "{found}");
}

#[test]
fn each_sample_is_masked_as_the_long_way_at_each_place_of_a_stride() {
    let rules = &rules()[0];
    for sample in samples::all(4) {
        for lead in 0..20 {
            for before in ["a", "a ", "\n", "ü"] {
                let text = format!(
                    "{}{}{}",
                    before.repeat(lead),
                    sample.text,
                    " b".repeat(lead)
                );
                let fast = scan::find(text.as_bytes(), rules);
                assert_eq!(fast, oracle::find(text.as_bytes(), rules), "{text:?}");
            }
        }
    }
}

/// A value with texts as keys and as values.
fn value(draw: &mut Draw, samples: &[Sample], depth: usize) -> Value {
    match draw.below(if depth == 0 { 3 } else { 6 }) {
        0 => json!(draw.below(1 << 40)),
        1 | 2 => text(draw, samples).into(),
        3 => (0..draw.below(4))
            .map(|_| value(draw, samples, depth - 1))
            .collect(),
        _ => {
            let mut fields = Map::new();
            for _ in 0..draw.below(5) {
                let name = match draw.below(4) {
                    0 => text(draw, samples),
                    _ => WORDS[draw.below(WORDS.len())].to_owned(),
                };
                fields.insert(name, value(draw, samples, depth - 1));
            }
            fields.into()
        }
    }
}

/// The same JSON with other escapes, or no JSON any more.
fn spoiled(draw: &mut Draw, json: &str) -> String {
    match draw.below(8) {
        0 => json.replace('/', "\\/"),
        1 => json.replace('e', "\\u0065"),
        2 => json.replace('ü', "\\u00fc").replace('🦀', "\\ud83e\\udd80"),
        3 => json.replace(':', " :\n ").replace(',', ", "),
        4 => {
            let ends: Vec<_> = json.char_indices().map(|it| it.0).collect();
            json[..ends[draw.below(ends.len())]].to_owned()
        }
        5 => {
            let ends: Vec<_> = json.char_indices().map(|it| it.0).collect();
            json[ends[draw.below(ends.len())]..].to_owned()
        }
        6 => json.replace("\\n", "\\x"),
        _ => json.to_owned(),
    }
}

#[test]
fn json_is_masked_as_the_long_way() {
    let (mut draw, rules) = (Draw(22), rules());
    let (mut masked, mut kept) = (0, 0);
    for round in 0..20 {
        let samples = samples::all(100 + round);
        for _ in 0..60 {
            let json = value(&mut draw, &samples, 3).to_string();
            let json = spoiled(&mut draw, &json);
            for rules in &rules {
                let fast = walk::masked(&json, rules);
                assert_eq!(fast, oracle::json(&json, rules), "{json}");
                *(if fast.is_some() {
                    &mut masked
                } else {
                    &mut kept
                }) += 1;
            }
        }
    }
    assert!(masked > 800 && kept > 800, "{masked} {kept}");
}

/// The value with something else in one place.
fn changed(draw: &mut Draw, samples: &[Sample], value: &mut Value) {
    match value {
        Value::Array(values) if !values.is_empty() && draw.below(3) > 0 => {
            let place = draw.below(values.len());
            match draw.below(4) {
                0 => drop(values.remove(place)),
                1 => values.insert(place, self::value(draw, samples, 1)),
                2 => values.push(self::value(draw, samples, 1)),
                _ => changed(draw, samples, &mut values[place]),
            }
        }
        Value::Object(fields) if !fields.is_empty() && draw.below(3) > 0 => {
            let name = fields.keys().nth(draw.below(fields.len())).unwrap().clone();
            match draw.below(4) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let value = fields.remove(&name).unwrap();
                    fields.insert(text(draw, samples), value);
                }
                _ => changed(draw, samples, &mut fields[&name]),
            }
        }
        Value::String(string) if draw.below(3) > 0 => {
            let ends: Vec<_> = string.char_indices().map(|it| it.0).collect();
            let place = ends.get(draw.below(ends.len() + 1)).copied();
            string.insert_str(place.unwrap_or(string.len()), &text(draw, samples));
        }
        _ => *value = self::value(draw, samples, 1),
    }
}

#[test]
fn what_changed_in_json_is_masked_as_if_all_were_looked_through() {
    let (mut draw, rules) = (Draw(23), rules());
    let (mut masked, mut kept) = (0, 0);
    for round in 0..20 {
        let samples = samples::all(200 + round);
        let mut base = value(&mut draw, &samples, 4);
        for _ in 0..60 {
            let mut next = base.clone();
            changed(&mut draw, &samples, &mut next);
            let (old, new) = (base.to_string(), next.to_string());
            for rules in &rules {
                if oracle::json(&old, rules).is_some() {
                    continue;
                }
                let fast = walk::masked_since(old.as_bytes(), new.as_bytes(), rules);
                let fast = fast.map(|it| String::from_utf8(it).unwrap());
                assert_eq!(fast, oracle::json(&new, rules), "{old}\n{new}");
                *(if fast.is_some() {
                    &mut masked
                } else {
                    &mut kept
                }) += 1;
            }
            base = if rules.iter().any(|it| oracle::json(&new, it).is_some()) {
                base
            } else {
                next
            };
        }
    }
    assert!(masked > 300 && kept > 600, "{masked} {kept}");
}

#[test]
fn what_was_added_behind_short_strings_is_masked() {
    let rules = &rules()[0];
    let base = r#"["a b","c","d"]"#;
    for (text, masked) in [
        (
            r#"["a b","c","d","pwd=hunter2"]"#,
            r#"["a b","c","d","pwd=[redacted:password]"]"#,
        ),
        (
            r#"["a b","c","pwd=hunter2","d"]"#,
            r#"["a b","c","pwd=[redacted:password]","d"]"#,
        ),
        (
            r#"["a b",{"c":"","password":"hunter2"},"d"]"#,
            r#"["a b",{"c":"","password":"[redacted:password]"},"d"]"#,
        ),
    ] {
        let fast = walk::masked_since(base.as_bytes(), text.as_bytes(), rules).unwrap();
        assert_eq!(String::from_utf8(fast).unwrap(), masked);
    }
    let (base, text) = (
        r#"{"a b":1,"toke":"hunter2hunter2"}"#,
        r#"{"a b":1,"token":"hunter2hunter2"}"#,
    );
    assert!(oracle::json(base, rules).is_none());
    let fast = walk::masked_since(base.as_bytes(), text.as_bytes(), rules).unwrap();
    assert_eq!(fast, br#"{"a b":1,"token":"[redacted:token]"}"#);
}
