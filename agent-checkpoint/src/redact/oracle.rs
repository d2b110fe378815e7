//! Secrets as they are found the long way, for tests: every run and every sign is looked at, one by one, and every
//! string of JSON is decoded and looked through whole.

use serde_json::Value;

use super::bytes::{Set, at, before};
use super::rules::Rules;
use super::scan::{Found, RUN, Scan};
use super::{field, mask, named, url};

/// As [`super::scan::find`].
pub(super) fn find<'r>(bytes: &[u8], rules: &'r Rules) -> Vec<Found<'r>> {
    let mut scan = Scan::new(bytes, rules);
    let mut from = 0;
    while from < bytes.len() {
        let end = from + Set::WORD.count(bytes, from, usize::MAX);
        from = match end - from {
            0 => from + 1,
            1..RUN => end,
            _ => scan.run(from, end).max(end),
        };
    }
    let mut from = 0;
    for sign in 0..bytes.len() {
        if sign < from || !matches!(bytes[sign], b'=' | b':') {
            continue;
        }
        let end = if bytes[sign] == b':' && url::may_begin(bytes, sign) {
            url::find(&mut scan, sign)
        } else {
            named::named(&mut scan, name_end(bytes, sign), sign)
        };
        from = end.unwrap_or(from);
    }
    scan.rest()
}

fn name_end(bytes: &[u8], sign: usize) -> usize {
    let mut end = sign;
    if matches!(before(bytes, end), b':' | b'?') && at(bytes, sign) == b'=' {
        end -= 1;
    }
    for _ in 0..3 {
        if before(bytes, end) == b' ' {
            end -= 1;
        }
    }
    for _ in 0..4 {
        if matches!(before(bytes, end), b'"' | b'\'' | b'`' | b'\\') {
            end -= 1;
        }
    }
    end
}

pub(super) fn text(text: &str, rules: &Rules) -> Option<String> {
    let found = find(text.as_bytes(), rules);
    (!found.is_empty()).then(|| mask::masked(text, &found))
}

/// As [`super::json::masked`].
pub(super) fn json(json: &str, rules: &Rules) -> Option<String> {
    let bytes = json.as_bytes();
    let mut out = String::new();
    let (mut from, mut keys) = (0, mask::Numbers::default());
    let mut key: Option<String> = None;
    // A mask is never what it stands for.
    let changed = |out: String| (out != json).then_some(out);
    let between = |out: &mut String, part: &str| {
        let masked = (part.len() >= RUN).then(|| text(part, rules)).flatten();
        out.push_str(masked.as_deref().unwrap_or(part));
    };
    while let Some(open) = json[from..].find('"').map(|at| from + at) {
        between(&mut out, &json[from..open]);
        let is_field = json[from..open].trim() == ":";
        let name = key.take().filter(|_| is_field);
        let Some(close) = closing(bytes, open) else {
            between(&mut out, &json[open..]);
            return changed(out);
        };
        from = close + 1;
        let raw = &json[open..from];
        let Ok(Value::String(string)) = serde_json::from_str(raw).or_else(|e| {
            // Bytes that JSON does not allow, but for which there is no need to escape.
            let inside = &raw[1..raw.len() - 1];
            if inside.contains('\\') {
                Err(e)
            } else {
                Ok(Value::from(inside))
            }
        }) else {
            between(&mut out, raw);
            continue;
        };
        let is_key = json[from..].trim_ascii_start().starts_with(':');
        let by_name = name.and_then(|name| field::masked(&name, &string, rules));
        let is_named = by_name.is_some();
        let masked = by_name.or_else(|| text(&string, rules));
        match masked {
            Some(mut masked) => {
                if is_key && !is_named {
                    masked = keys.apart(masked, bytes);
                }
                out.push_str(&Value::from(masked).to_string());
            }
            None => out.push_str(raw),
        }
        if is_key {
            key = Some(string);
        }
    }
    between(&mut out, &json[from..]);
    changed(out)
}

fn closing(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}
