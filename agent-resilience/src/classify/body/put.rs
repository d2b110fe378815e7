//! How a value that was found is kept.

use std::borrow::Cow;

use super::scalar::Scalar;
use super::walk::Inside;
use super::{Facts, Span};
use crate::classify::vendor::is_quota_word;

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
    pub(super) fn put_kind(&mut self, value: Option<Cow<'de, str>>, inside: Inside) {
        self.note_quota(value.as_ref());
        if value.is_some() && (self.kind.is_none() || inside == Inside::Error) {
            self.kind = value;
        }
    }

    pub(super) fn put_code(&mut self, value: Scalar<'de>, inside: Inside) {
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

    pub(super) fn put_number(&mut self, number: Option<u64>, inside: Inside) {
        let small = number.and_then(|number| u16::try_from(number).ok());
        if small.is_some() && (self.number.is_none() || inside == Inside::Error) {
            self.number = small.filter(|number| *number < 1_000).or(self.number);
        }
    }

    pub(super) fn put_detail(&mut self, value: Scalar<'de>) {
        let word = value.text();
        self.note_quota(word.as_ref());
        if let Some(word) = word {
            self.add_detail(word);
        }
    }

    /// Google names an allowance in the manner of `GenerateRequestsPerDayPerProjectPerModel`.
    pub(super) fn put_allowance(&mut self, name: Option<Cow<'de, str>>) {
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

    pub(super) fn put_stop(&mut self, reason: Option<Cow<'de, str>>) {
        if self.stop.is_none() {
            self.stop = reason.filter(|reason| !reason.is_empty());
        }
    }
}
