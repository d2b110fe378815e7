//! The facts of an error body, whatever it is wrapped in.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Only so much of a body is looked at: no vendor's error is longer, and a body may be anything.
const READ_AT_MOST: usize = 64 * 1024;
/// The sentence for people is looked at so far: pages of HTML and echoed requests are no sentences.
const SENTENCE_AT_MOST: usize = 2 * 1024;
/// Objects inside objects are followed so far.
const DEPTH: u8 = 6;

/// What an error body says. Everything is optional, since bodies come wrapped, cut, as text, as
/// HTML and empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts<'a> {
    /// Whether the body says at all that it is an error.
    pub(super) is_error: bool,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) code: Option<Cow<'a, str>>,
    /// A finer code beside the code, in `details` or `metadata`.
    pub(super) detail: Option<Cow<'a, str>>,
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) n_prompt_tokens: Option<u64>,
    pub(super) n_ctx: Option<u64>,
}

impl<'a> Facts<'a> {
    /// Reads what can be read. A body that breaks off keeps the facts before the break; a body that
    /// is no JSON is one sentence.
    pub(super) fn read(body: &'a [u8]) -> Self {
        let body = body.get(..READ_AT_MOST).unwrap_or(body);
        let mut facts = Facts::default();
        let mut json = serde_json::Deserializer::from_slice(body);
        let whole = Walk {
            facts: &mut facts,
            inside: Inside::Top,
            depth: DEPTH,
        }
        .deserialize(&mut json)
        .is_ok();
        let is_page = body.trim_ascii_start().starts_with(b"<");
        if !whole && !is_page && facts.message.is_none() {
            let sentence = body.get(..SENTENCE_AT_MOST).unwrap_or(body);
            facts.message = Some(String::from_utf8_lossy(sentence));
        }
        facts
    }

    pub(super) fn message(&self) -> &str {
        let message = self.message.as_deref().unwrap_or_default();
        let end = (0..=SENTENCE_AT_MOST.min(message.len()))
            .rev()
            .find(|at| message.is_char_boundary(*at));
        message.get(..end.unwrap_or(0)).unwrap_or_default()
    }

    /// The code, where it is an HTTP status: services that answer 200 first say it so.
    pub(super) fn status(&self) -> Option<u16> {
        let code: u16 = self.code.as_deref()?.parse().ok()?;
        (400..600).contains(&code).then_some(code)
    }

    /// Whether the type or the code is `word`.
    pub(super) fn says(&self, word: &str) -> bool {
        let is = |field: &Option<Cow<'_, str>>| field.as_deref() == Some(word);
        is(&self.code) || is(&self.kind) || is(&self.detail)
    }

    fn into_owned<'b>(self) -> Facts<'b> {
        let own = |text: Option<Cow<'a, str>>| text.map(|t| Cow::Owned(t.into_owned()));
        Facts {
            is_error: self.is_error,
            kind: own(self.kind),
            code: own(self.code),
            detail: own(self.detail),
            message: own(self.message),
            n_prompt_tokens: self.n_prompt_tokens,
            n_ctx: self.n_ctx,
        }
    }

    /// Takes over what an inner object says; it knows better.
    fn merge(&mut self, inner: Facts<'a>) {
        self.is_error |= inner.is_error;
        self.kind = inner.kind.or(self.kind.take());
        self.code = inner.code.or(self.code.take());
        self.detail = inner.detail.or(self.detail.take());
        self.message = inner.message.or(self.message.take());
        self.n_prompt_tokens = inner.n_prompt_tokens.or(self.n_prompt_tokens);
        self.n_ctx = inner.n_ctx.or(self.n_ctx);
    }

    fn says_anything(&self) -> bool {
        self.kind.is_some() || self.code.is_some() || self.message.is_some()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Top,
    Error,
    Details,
}

struct Walk<'f, 'a> {
    facts: &'f mut Facts<'a>,
    inside: Inside,
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Walk<'_, 'de> {
    fn text(self, text: Cow<'de, str>) {
        if self.depth > 0 && text.trim_start().starts_with(['{', '[']) {
            let mut inner = Facts::default();
            let mut json = serde_json::Deserializer::from_str(&text);
            let read = Walk {
                facts: &mut inner,
                inside: Inside::Top,
                depth: self.depth - 1,
            }
            .deserialize(&mut json);
            if read.is_ok() {
                self.facts.merge(inner.into_owned());
                return;
            }
        }
        if self.inside == Inside::Error {
            self.facts.message = Some(text);
        }
    }

    /// Inside `error` a field is certain; at the top it only fills a gap, since `type` there may
    /// just say "error".
    fn put(slot: &mut Option<Cow<'de, str>>, value: Option<Cow<'de, str>>, inside: Inside) {
        if value.is_some() && (slot.is_none() || inside == Inside::Error) {
            *slot = value;
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error body")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inside = self.inside;
        let Some(depth) = self.depth.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        while let Some(Scalar(key)) = map.next_key()? {
            let facts = &mut *self.facts;
            let mut descend = |inside| {
                map.next_value_seed(Walk {
                    facts: &mut *facts,
                    inside,
                    depth,
                })
            };
            match key.as_deref().unwrap_or_default() {
                word @ ("error" | "x_groq") => {
                    let is_error = word == "error";
                    let mut inner = Facts::default();
                    let read = map.next_value_seed(Walk {
                        facts: &mut inner,
                        inside: if is_error { Inside::Error } else { Inside::Top },
                        depth,
                    });
                    // What was said before a body broke off still counts.
                    inner.is_error |= is_error && inner.says_anything();
                    facts.merge(inner);
                    read?;
                }
                "response" if inside == Inside::Top => descend(Inside::Top)?,
                "details" | "metadata" | "innererror" if inside == Inside::Error => {
                    descend(Inside::Details)?;
                }
                "object" => {
                    let Scalar(value) = map.next_value()?;
                    facts.is_error |= value.as_deref() == Some("error");
                }
                "type" if inside != Inside::Details => {
                    let Scalar(value) = map.next_value()?;
                    facts.is_error |= value.as_deref() == Some("error");
                    Self::put(&mut facts.kind, value, inside);
                }
                "error_code" | "error_type" | "reason" if inside == Inside::Details => {
                    let Scalar(value) = map.next_value()?;
                    Self::put(&mut facts.detail, value, inside);
                }
                "code" if inside != Inside::Details => {
                    let Scalar(value) = map.next_value()?;
                    Self::put(&mut facts.code, value, inside);
                }
                "message" | "detail" if inside != Inside::Details => {
                    let Scalar(value) = map.next_value()?;
                    Self::put(&mut facts.message, value, inside);
                }
                "n_prompt_tokens" => {
                    let Scalar(value) = map.next_value()?;
                    facts.n_prompt_tokens = value.and_then(|v| v.parse().ok());
                }
                "n_ctx" => {
                    let Scalar(value) = map.next_value()?;
                    facts.n_ctx = value.and_then(|v| v.parse().ok());
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    /// Some gateways wrap the error in a list of one.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        list.next_element_seed(Walk {
            facts: &mut *self.facts,
            inside: self.inside,
            depth,
        })?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.text(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.text(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A text, or a number as text; `None` for anything else, which is skipped.
struct Scalar<'a>(Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Scalar(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (bool, Option<String>, Option<String>, Option<String>) {
        let facts = Facts::read(body.as_bytes());
        let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        (
            facts.is_error,
            own(facts.kind),
            own(facts.code),
            own(facts.message),
        )
    }

    #[test]
    fn the_inner_error_wins_over_the_wrapper_in_any_order_of_keys() {
        let expected = (
            true,
            Some("overloaded_error".to_owned()),
            None,
            Some("busy".to_owned()),
        );
        for body in [
            r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            r#"{"error":{"message":"busy","type":"overloaded_error"},"type":"error"}"#,
            r#"[{"error":{"type":"overloaded_error","message":"busy"}},{"error":{"type":"x"}}]"#,
            r#"{"error":"{\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}"}"#,
            r#""{\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}""#,
            r#"{"response":{"error":{"type":"overloaded_error","message":"busy"}}}"#,
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn a_cut_body_keeps_what_it_said() {
        let (_, kind, _, _) = read(r#"{"error":{"type":"rate_limit_error","message":"Numb"#);
        assert_eq!(kind.as_deref(), Some("rate_limit_error"));
    }

    #[test]
    fn a_body_that_is_no_json_is_a_sentence() {
        assert_eq!(
            read("upstream timed out").3.as_deref(),
            Some("upstream timed out")
        );
        let page = r#"<html><a href="/billing">insufficient quota</a></html>"#;
        assert_eq!(read(page).3, None, "a page is no sentence");
        assert_eq!(
            read(r#"{"error":"model 'x' not found"}"#).3.as_deref(),
            Some("model 'x' not found")
        );
        assert_eq!(Facts::read(b"").message(), "");
        assert_eq!(Facts::read(b"\xff\xfe").message(), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn numbers_as_codes_and_odd_types_are_taken() {
        assert_eq!(
            read(r#"{"error":{"code":429,"message":null,"type":7.5}}"#)
                .2
                .as_deref(),
            Some("429")
        );
        assert_eq!(
            read(r#"{"error":null,"type":true}"#),
            (false, None, None, None)
        );
        assert_eq!(read(r#"{"error":[]}"#), (false, None, None, None));
    }

    #[test]
    fn deep_and_huge_bodies_are_bounded() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(!Facts::read(deep.as_bytes()).is_error);
        let deep = "{\"error\":".repeat(5_000);
        Facts::read(deep.as_bytes());
        let huge = format!(
            r#"{{"error":{{"type":"a","message":"{}"}}}}"#,
            "x".repeat(10_000_000)
        );
        let facts = Facts::read(huge.as_bytes());
        assert_eq!(facts.kind.as_deref(), Some("a"));
        assert!(facts.message().len() <= READ_AT_MOST);
    }
}
