//! The walk through a body: which field stands for which fact, and where.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::Scalar;
use super::{Facts, Span};
use crate::classify::vendor::{is_exception_event, is_quota_word};

/// Where the walk stands. What is not named here is skipped: the words of an answer are never looked
/// at.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Inside {
    Top,
    Error,
    Details,
    /// One of the answers, without what it says.
    Choice,
    /// The part of an event that tells how an answer ended.
    End,
}

pub(super) struct Walk<'f, 'a> {
    pub(super) facts: &'f mut Facts<'a>,
    pub(super) inside: Inside,
    pub(super) depth: u8,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// JSON that stands as a text.
fn quoted<'b>(text: &str, depth: u8) -> Option<Facts<'b>> {
    let depth = depth.checked_sub(1)?;
    let is_json = text.trim_ascii_start().starts_with(['{', '[']);
    is_json.then(|| Facts::nested(text, depth)).flatten()
}

impl<'de> Facts<'de> {
    /// Keeps the first code that means that money or a long allowance is used up.
    pub(super) fn note_quota(&mut self, word: Option<&Cow<'de, str>>) {
        if let Some(word) = word
            && self.quota.is_none()
            && is_quota_word(word)
        {
            self.quota = Some(word.clone());
        }
    }

    /// Inside `error` a field is certain; at the top it only fills a gap, since `type` there may
    /// just say "error".
    fn put_kind(&mut self, value: Option<Cow<'de, str>>, inside: Inside) {
        self.note_quota(value.as_ref());
        if value.is_some() && (self.kind.is_none() || inside == Inside::Error) {
            self.kind = value;
        }
    }

    fn put_code(&mut self, value: Scalar<'de>, inside: Inside) {
        let may = self.code.is_none() || inside == Inside::Error;
        match value {
            Scalar::Number(number) if number < 1_000 => self.put_number(Some(number), inside),
            // Z.ai's and Mistral's numbers are codes of their own.
            Scalar::Number(number) if may => self.code = Some(number.to_string().into()),
            Scalar::Text(code) => {
                self.note_quota(Some(&code));
                if may {
                    self.code = Some(code);
                }
            }
            Scalar::Number(_) | Scalar::Other => {}
        }
    }

    fn put_number(&mut self, number: Option<u64>, inside: Inside) {
        let small = number.and_then(|number| u16::try_from(number).ok());
        if small.is_some() && (self.number.is_none() || inside == Inside::Error) {
            self.number = small.filter(|number| *number < 1_000).or(self.number);
        }
    }

    fn put_detail(&mut self, value: Scalar<'de>) {
        let word = value.text();
        self.note_quota(word.as_ref());
        if let Some(word) = word {
            self.add_detail(word);
        }
    }

    /// Google names an allowance in the manner of `GenerateRequestsPerDayPerProjectPerModel`.
    fn put_allowance(&mut self, name: Option<Cow<'de, str>>) {
        let Some(name) = name else { return };
        let span = if name.contains("PerDay") {
            Some(Span::Day)
        } else if name.contains("PerMinute") {
            Some(Span::Minute)
        } else {
            None
        };
        self.span = self.span.max(span);
        self.per_model |= name.contains("PerModel") || name.contains("PerBaseModel");
    }

    fn put_stop(&mut self, reason: Option<Cow<'de, str>>) {
        if self.stop.is_none() {
            self.stop = reason.filter(|reason| !reason.is_empty());
        }
    }
}

impl<'de> Walk<'_, 'de> {
    /// A text in place of an object.
    fn text(self, text: Cow<'de, str>) {
        if !matches!(self.inside, Inside::Top | Inside::Error) {
            return;
        }
        if let Some(inner) = quoted(&text, self.depth) {
            self.facts.merge(inner);
        } else {
            // One word is a code.
            if self.inside == Inside::Error && !text.contains(' ') {
                self.facts.put_code(Scalar::Text(text.clone()), Inside::Top);
            }
            self.facts.message = Some(text);
        }
    }

    fn fields<A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        depth: u8,
        behind: &mut Facts<'de>,
    ) -> Result<(), A::Error> {
        let inside = self.inside;
        let is_outer = matches!(inside, Inside::Top | Inside::Error);
        while let Some(key) = map.next_key::<Scalar<'de>>()? {
            let facts = &mut *self.facts;
            let key = key.text().unwrap_or_default();
            match &*key {
                "error" | "x_groq" if inside != Inside::Details && inside != Inside::End => {
                    let is_error = key == "error";
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
                // Bedrock names an event of its stream after the exception in it.
                name if inside == Inside::Top && is_exception_event(name) => {
                    facts.is_error = true;
                    facts.kind = Some(key);
                    let error = Inside::Error;
                    map.next_value_seed(Walk {
                        facts,
                        inside: error,
                        depth,
                    })?;
                }
                name if is_outer && descent(name, inside).is_some() => {
                    let inside = descent(name, inside).unwrap_or(inside);
                    map.next_value_seed(Walk {
                        facts,
                        inside,
                        depth,
                    })?;
                }
                "metadata" | "violations" | "headers" if inside == Inside::Details => {
                    map.next_value_seed(Walk {
                        facts,
                        inside,
                        depth,
                    })?;
                }
                "object" if inside == Inside::Top => {
                    facts.is_error |=
                        map.next_value::<Scalar<'de>>()?.text().as_deref() == Some("error");
                }
                "event_type" if inside == Inside::Top => {
                    facts.is_error |=
                        map.next_value::<Scalar<'de>>()?.text().as_deref() == Some("error");
                }
                "type" | "__type" if is_outer => {
                    let value = map.next_value::<Scalar<'de>>()?.text();
                    facts.is_error |= value.as_deref() == Some("error") || key == "__type";
                    facts.put_kind(value, inside);
                }
                "code" if is_outer => facts.put_code(map.next_value()?, inside),
                "status" | "status_code" | "statusCode" | "raw_status_code" if is_outer => {
                    let value = map.next_value::<Scalar<'de>>()?;
                    match value {
                        Scalar::Text(word) if inside == Inside::Error => facts.status = Some(word),
                        // The status of an outer reply says less than the code of the error in it.
                        _ if facts.number.is_none() => facts.put_number(value.number(), inside),
                        _ => {}
                    }
                }
                "message" | "detail" if is_outer => {
                    let value = map.next_value::<Scalar<'de>>()?.text();
                    match value.as_deref().and_then(|text| quoted(text, depth)) {
                        Some(inner) => behind.merge(inner),
                        None if value.is_none() => {}
                        None if facts.message.is_none() || inside == Inside::Error => {
                            facts.message = value;
                        }
                        None => {}
                    }
                }
                // What the provider behind a gateway said; the gateway's own words are clearer.
                "raw" if inside == Inside::Details => {
                    let value = map.next_value::<Scalar<'de>>()?.text();
                    if let Some(inner) = value.as_deref().and_then(|text| quoted(text, depth)) {
                        facts.note_quota(inner.quota.as_ref());
                    }
                }
                "error_code" | "error_type" | "reason" | "limit_source" | "code"
                    if inside == Inside::Details =>
                {
                    facts.put_detail(map.next_value()?);
                }
                "reasons" if inside == Inside::Details => {
                    map.next_value::<IgnoredAny>()?;
                    facts.add_detail(Cow::Borrowed("reasons"));
                }
                "quotaId" | "quota_limit" if inside == Inside::Details => {
                    facts.put_allowance(map.next_value::<Scalar<'de>>()?.text());
                }
                "retryDelay" | "resets_at" | "X-RateLimit-Reset"
                    if inside == Inside::Details || inside == Inside::Error =>
                {
                    match map.next_value::<Scalar<'de>>()? {
                        Scalar::Text(text) => facts.retry = Some(text),
                        Scalar::Number(number) => facts.retry = Some(number.to_string().into()),
                        Scalar::Other => {}
                    }
                }
                "resets_in_seconds" if inside == Inside::Error => {
                    facts.retry_seconds = map.next_value::<Scalar<'de>>()?.number();
                }
                "finish_reason" | "finishReason" if inside != Inside::Details => {
                    facts.put_stop(map.next_value::<Scalar<'de>>()?.text());
                }
                // In a choice it is the text at which vLLM stopped, which the request chose.
                "stop_reason" | "stopReason" | "done_reason"
                    if matches!(inside, Inside::Top | Inside::End) =>
                {
                    facts.put_stop(map.next_value::<Scalar<'de>>()?.text());
                }
                "reason" if inside == Inside::End => {
                    facts.put_stop(map.next_value::<Scalar<'de>>()?.text());
                }
                "blockReason" if inside == Inside::End => {
                    facts.is_blocked |= map.next_value::<Scalar<'de>>()?.text().is_some();
                }
                "n_prompt_tokens" if is_outer => {
                    facts.n_prompt_tokens = map.next_value::<Scalar<'de>>()?.number();
                }
                "n_ctx" if is_outer => facts.n_ctx = map.next_value::<Scalar<'de>>()?.number(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Where a field leads that holds objects.
fn descent(key: &str, inside: Inside) -> Option<Inside> {
    Some(match (key, inside) {
        ("response", Inside::Top) => Inside::Top,
        ("choices" | "candidates", Inside::Top) => Inside::Choice,
        ("delta" | "messageStop" | "incomplete_details" | "promptFeedback", Inside::Top) => {
            Inside::End
        }
        ("details" | "metadata" | "innererror" | "inner_error", Inside::Error) => Inside::Details,
        _ => return None,
    })
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error body")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        let mut behind = Facts::default();
        let read = self.fields(&mut map, depth, &mut behind);
        // Last, so that the order of the keys does not matter.
        if behind.is_quoted {
            self.facts.merge(behind);
        }
        read
    }

    /// Some gateways wrap the error in a list of one. Details and choices are several.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some(depth) = self.depth.checked_sub(1) else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        let each = matches!(self.inside, Inside::Details | Inside::Choice);
        loop {
            let read = list.next_element_seed(Walk {
                facts: &mut *self.facts,
                inside: self.inside,
                depth,
            })?;
            if read.is_none() || !each {
                break;
            }
        }
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
