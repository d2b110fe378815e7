//! The walk through a body: which field stands for which fact, and where.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Facts;
use super::scalar::Scalar;
use crate::classify::vendor::is_exception_event;

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
        behind: &mut Option<Facts<'de>>,
    ) -> Result<(), A::Error> {
        let inside = self.inside;
        while let Some(key) = map.next_key::<Scalar<'de>>()? {
            let facts = &mut *self.facts;
            let key = key.text().unwrap_or_default();
            if matches!(&*key, "error" | "x_groq") && inside.may_fail() {
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
            } else if let Some(inside) = inside.below(&key) {
                // Bedrock names an event of its stream after the exception in it.
                if inside == Inside::Error {
                    facts.is_error = true;
                    facts.kind = Some(key);
                }
                map.next_value_seed(Walk {
                    facts,
                    inside,
                    depth,
                })?;
            } else {
                match inside {
                    Inside::Top | Inside::Error => {
                        facts.outer_field(&key, map, inside, depth, behind)?;
                    }
                    Inside::Details => facts.detail(&key, map, depth)?,
                    Inside::Choice | Inside::End => facts.ending(&key, map, inside)?,
                }
            }
        }
        Ok(())
    }
}

impl Inside {
    const fn may_fail(self) -> bool {
        matches!(self, Self::Top | Self::Error | Self::Choice)
    }

    /// Where a field leads that holds objects.
    fn below(self, key: &str) -> Option<Self> {
        Some(match (self, key) {
            (Self::Top, "response") => Self::Top,
            (Self::Top, "choices" | "candidates") => Self::Choice,
            (Self::Top, "delta" | "messageStop" | "incomplete_details" | "promptFeedback") => {
                Self::End
            }
            (Self::Error, "details" | "metadata" | "innererror" | "inner_error")
            | (Self::Details, "metadata" | "violations" | "headers") => Self::Details,
            (Self::Top, name) if is_exception_event(name) => Self::Error,
            _ => return None,
        })
    }
}

impl<'de> Facts<'de> {
    /// A field of a body or of the error in it.
    fn outer_field<A: MapAccess<'de>>(
        &mut self,
        key: &str,
        map: &mut A,
        inside: Inside,
        depth: u8,
        behind: &mut Option<Facts<'de>>,
    ) -> Result<(), A::Error> {
        match key {
            "object" | "event_type" if inside == Inside::Top => {
                self.is_error |= text(map)?.as_deref() == Some("error");
            }
            "type" | "__type" => {
                let value = text(map)?;
                self.is_error |= value.as_deref() == Some("error") || key == "__type";
                self.put_kind(value, inside);
            }
            "code" => self.put_code(map.next_value()?, inside),
            "status" | "status_code" | "statusCode" | "raw_status_code" => {
                match map.next_value::<Scalar<'de>>()? {
                    Scalar::Text(word) if inside == Inside::Error => self.status = Some(word),
                    // Beside a code it is the status of the reply, which says less.
                    value if self.number.is_none() => self.put_number(value.number(), inside),
                    _ => {}
                }
            }
            "message" | "detail" => {
                let value = text(map)?;
                if let Some(inner) = value.as_deref().and_then(|text| quoted(text, depth)) {
                    behind.get_or_insert_default().merge(inner);
                } else if value.is_some() && (self.message.is_none() || inside == Inside::Error) {
                    self.message = value;
                }
            }
            "resets_at" | "retryDelay" if inside == Inside::Error => self.put_retry(map)?,
            "resets_in_seconds" if inside == Inside::Error => self.retry_seconds = number(map)?,
            "n_prompt_tokens" => self.n_prompt_tokens = number(map)?,
            "n_ctx" => self.n_ctx = number(map)?,
            _ => self.ending(key, map, inside)?,
        }
        Ok(())
    }

    /// A field of the details, or of what stands in them.
    fn detail<A: MapAccess<'de>>(
        &mut self,
        key: &str,
        map: &mut A,
        depth: u8,
    ) -> Result<(), A::Error> {
        match key {
            "error_code" | "error_type" | "reason" | "limit_source" | "code" => {
                self.put_detail(map.next_value()?);
            }
            // The list of what a moderation found.
            "reasons" => {
                map.next_value::<IgnoredAny>()?;
                self.add_detail(Cow::Borrowed("reasons"));
            }
            "quotaId" | "quota_limit" => self.put_allowance(text(map)?),
            "retryDelay" | "resets_at" | "X-RateLimit-Reset" => self.put_retry(map)?,
            // What the provider behind a gateway said: only that nothing is left to pay with, since
            // the gateway's own code tells the rest.
            "raw" => {
                let inner = text(map)?.and_then(|text| quoted(&text, depth));
                self.note_quota(inner.and_then(|inner| inner.quota).as_ref());
            }
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    /// A field that tells how an answer ended.
    fn ending<A: MapAccess<'de>>(
        &mut self,
        key: &str,
        map: &mut A,
        inside: Inside,
    ) -> Result<(), A::Error> {
        match key {
            "finish_reason" | "finishReason" => self.put_stop(text(map)?),
            // In a choice it is the text at which vLLM stopped, which the request chose.
            "stop_reason" | "stopReason" | "done_reason" if inside != Inside::Choice => {
                self.put_stop(text(map)?);
            }
            "reason" if inside == Inside::End => self.put_stop(text(map)?),
            "blockReason" if inside == Inside::End => self.is_blocked |= text(map)?.is_some(),
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn put_retry<A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        match map.next_value::<Scalar<'de>>()? {
            Scalar::Text(text) => self.retry = Some(text),
            Scalar::Number(number) => self.retry = Some(number.to_string().into()),
            Scalar::Other => {}
        }
        Ok(())
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    Ok(map.next_value::<Scalar<'de>>()?.text())
}

fn number<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<u64>, A::Error> {
    Ok(map.next_value::<Scalar<'de>>()?.number())
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
        let mut behind = None;
        let read = self.fields(&mut map, depth, &mut behind);
        // Last, so that the order of the keys does not matter.
        if let Some(behind) = behind {
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
