//! Hints in headers.

use http::HeaderMap;

use super::{When, parse_hint, parse_millis};

/// The most exact header wins, and one that cannot be read gives way to the next. Sources: the
/// client libraries of `OpenAI` and Anthropic (`retry-after-ms`), Azure (`x-ms-retry-after-ms`), RFC
/// 9110 (`retry-after`), and smithy-rs' `aws-runtime` (`x-amz-retry-after`, in milliseconds).
///
/// `x-should-retry` is not read: Cerebras sends `false` with a queue that is free again in seconds,
/// and others `true` with an account that is empty.
pub(in crate::classify) fn in_headers(headers: &HeaderMap) -> Option<When> {
    type Parse = fn(&str) -> Option<When>;
    const IN_ORDER: [(&str, Parse); 4] = [
        ("retry-after-ms", parse_millis),
        ("x-ms-retry-after-ms", parse_millis),
        ("retry-after", parse_hint),
        ("x-amz-retry-after", parse_millis),
    ];
    IN_ORDER
        .iter()
        .find_map(|(name, parse)| text(headers, name).and_then(parse))
}

/// So many names are compared faster than one is parsed and hashed.
const FEW: usize = 16;

/// The value of a header as text: UTF-8, since Go writes microseconds as `250µs`.
pub(in crate::classify) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = if headers.len() <= FEW {
        let mut named = headers.iter().filter(|(known, _)| known.as_str() == name);
        named.next()?.1
    } else {
        headers.get(name)?
    };
    str::from_utf8(value.as_bytes()).ok()
}
