//! Halves of characters in JSON strings: escapes of surrogates that have no partner.

/// `json` with U+FFFD in the place of each surrogate that stands alone; `None` where there is none.
///
/// Programs whose strings are UTF-16 cut texts between the two halves of a character and write `\ud83d` then,
/// which is no character, and no parser of texts in UTF-8 takes it.
pub(super) fn replaced(json: &[u8]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    // Where a first half begins that waits for its second.
    let mut open: Option<usize> = None;
    while let Some(byte) = json.get(at) {
        if *byte != b'\\' {
            mark(&mut out, json, open.take());
            at += 1;
            continue;
        }
        match unit(json, at) {
            Some(0xd800..=0xdbff) => {
                mark(&mut out, json, open.replace(at));
                at += 6;
            }
            Some(0xdc00..=0xdfff) => {
                if open.take().is_none() {
                    mark(&mut out, json, Some(at));
                }
                at += 6;
            }
            Some(_) => {
                mark(&mut out, json, open.take());
                at += 6;
            }
            None => {
                mark(&mut out, json, open.take());
                at += 2;
            }
        }
    }
    mark(&mut out, json, open);
    out
}

/// The number of the escape `\uXXXX` at `at`.
fn unit(json: &[u8], at: usize) -> Option<u16> {
    let escape = json.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    // `from_str_radix` takes a sign as well.
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_plain)
}

fn mark(out: &mut Option<Vec<u8>>, json: &[u8], at: Option<usize>) {
    let Some(at) = at else { return };
    let out = out.get_or_insert_with(|| json.to_vec());
    if let Some(escape) = out.get_mut(at..at + 6) {
        escape.copy_from_slice(b"\\ufffd");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_half_without_its_partner_is_replaced() {
        for (json, mended) in [
            (r#""plain""#, None),
            (r#""\ud83d\ude00""#, None),
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\ude00""#, Some(r#""\ufffd""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d \ude00""#, Some(r#""\ufffd \ufffd""#)),
            (r#""\ud83d\n""#, Some(r#""\ufffd\n""#)),
            // An escaped backslash before letters that look like an escape.
            (r#""\\ud83d""#, None),
            (r#""\ud8"#, None),
        ] {
            let found = replaced(json.as_bytes());
            assert_eq!(found.as_deref(), mended.map(str::as_bytes), "{json}");
        }
    }
}
