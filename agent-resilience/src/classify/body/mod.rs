//! The facts of an error body, whatever it is wrapped in.

mod put;
mod repair;
mod scalar;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Cow;

use http::HeaderMap;
use serde::de::DeserializeSeed;

use super::hint;
use super::vendor::Vendor;
use walk::{Inside, Walk};

/// Only so much of a body is looked at: no vendor's error is longer, and a body may be anything.
pub(crate) const READ_AT_MOST: usize = 64 * 1024;
/// The sentence for people is looked at so far: pages of HTML and echoed requests are no sentences.
const SENTENCE_AT_MOST: usize = 2 * 1024;
/// Objects inside objects are followed so far.
const DEPTH: u8 = 12;

/// Over what a used-up allowance is counted, as Google's `quotaId` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Span {
    Minute,
    Day,
}

/// What an error body says. Everything is optional, since bodies come wrapped, cut, as text, as
/// HTML and empty.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they come in any combination"
)]
pub(super) struct Facts<'a> {
    /// Whether the body says at all that it is an error.
    pub(super) is_error: bool,
    /// Whether the innermost error stood as a text inside another one.
    pub(super) is_quoted: bool,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) code: Option<Cow<'a, str>>,
    /// A number below 1000 where a code or a status stands.
    pub(super) number: Option<u16>,
    /// Google's name for the status, such as `RESOURCE_EXHAUSTED`.
    pub(super) status: Option<Cow<'a, str>>,
    /// Finer codes beside the code, in `details`, `metadata` or `innererror`.
    pub(super) details: [Option<Cow<'a, str>>; 3],
    /// A code that means that money or a long allowance is used up, wherever it stood: nothing that
    /// is read later takes it back.
    pub(super) quota: Option<Cow<'a, str>>,
    pub(super) message: Option<Cow<'a, str>>,
    /// The longest span of the allowances that are used up.
    pub(super) span: Option<Span>,
    /// Whether that allowance is counted for each model.
    pub(super) per_model: bool,
    /// The name that a header gives to the limit.
    pub(super) limit_name: Option<Cow<'a, str>>,
    /// Whether the type comes from a header.
    pub(super) kind_in_header: bool,
    /// When to come back, as a duration or a date.
    pub(super) retry: Option<Cow<'a, str>>,
    pub(super) retry_seconds: Option<u64>,
    /// Why the answer ended.
    pub(super) stop: Option<Cow<'a, str>>,
    /// Whether the prompt was refused before there was an answer.
    pub(super) is_blocked: bool,
    pub(super) n_prompt_tokens: Option<u64>,
    pub(super) n_ctx: Option<u64>,
}

impl<'a> Facts<'a> {
    /// Reads what can be read of a failed reply. A body that breaks off keeps the facts before the
    /// break; words in front of JSON are skipped; a body that is no JSON is one sentence.
    pub(super) fn read(body: &'a [u8]) -> Self {
        let body = body.get(..READ_AT_MOST).unwrap_or(body);
        let start = body.trim_ascii_start();
        if start.starts_with(b"<") {
            return Self::default();
        }
        let is_json = matches!(start.first(), Some(b'{' | b'[' | b'"'));
        let json = if is_json {
            Some(body)
        } else {
            repair::behind_prefix(body)
        };
        let (mut facts, whole) = json.map(Self::json).unwrap_or_default();
        if facts.message.is_none() && !(is_json && whole) {
            let sentence = body.get(..SENTENCE_AT_MOST).unwrap_or(body);
            facts.message = Some(String::from_utf8_lossy(sentence));
        }
        facts
    }

    /// Reads the data of an event or a whole body under a success: JSON or nothing.
    pub(super) fn read_event(data: &'a [u8]) -> Self {
        Self::json(data.get(..READ_AT_MOST).unwrap_or(data)).0
    }

    /// Takes over what stands in headers about the failure itself, where the body is silent: Bedrock's
    /// type, the name of the limit (GitHub, Anthropic's subscriptions), Hugging Face's sentence.
    pub(super) fn read_headers(&mut self, vendor: Vendor, headers: &'a HeaderMap) {
        let text = |name: &str| hint::text(headers, name).map(Cow::Borrowed);
        let is = |named| vendor == named || vendor == Vendor::OpenAiCompatible;
        if is(Vendor::Bedrock) && self.kind.is_none() {
            self.kind = text("x-amzn-errortype");
            self.kind_in_header = self.kind.is_some();
            let kind = self.kind.clone();
            self.note_quota(kind.as_ref());
        }
        self.limit_name = match vendor {
            Vendor::Anthropic => text("anthropic-ratelimit-unified-representative-claim"),
            Vendor::GithubCopilot => text("x-ratelimit-exceeded"),
            _ if is(Vendor::GithubModels) => text("x-ratelimit-type"),
            _ => None,
        };
        if is(Vendor::OpenAiCompatible) && self.message().is_empty() {
            self.message = text("x-error-message");
        }
    }

    /// The facts, and whether the body could be read to its end.
    fn json(body: &'a [u8]) -> (Self, bool) {
        let mut facts = Facts::default();
        let whole = facts.walk(&mut serde_json::Deserializer::from_slice(body), DEPTH);
        if !whole && let Some(text) = repair::repaired(body) {
            let mut again = Facts::default();
            let whole = again.walk(&mut serde_json::Deserializer::from_str(&text), DEPTH);
            if whole || again.says_anything() {
                return (again.into_owned(), whole);
            }
        }
        (facts, whole)
    }

    fn walk<R: serde_json::de::Read<'a>>(
        &mut self,
        json: &mut serde_json::Deserializer<R>,
        depth: u8,
    ) -> bool {
        Walk {
            facts: self,
            inside: Inside::Top,
            depth,
        }
        .deserialize(json)
        .is_ok()
    }

    /// Reads JSON that stands as a text inside the body; `None` where it is none.
    fn nested<'b>(text: &str, depth: u8) -> Option<Facts<'b>> {
        let read = |text: &str| {
            let mut inner = Facts::default();
            let whole = inner.walk(&mut serde_json::Deserializer::from_str(text), depth);
            (whole && inner.says_anything()).then(|| inner.into_owned())
        };
        let mut inner = read(text).or_else(|| read(&repair::repaired(text.as_bytes())?))?;
        inner.is_quoted = true;
        Some(inner)
    }

    pub(super) fn message(&self) -> &str {
        let message = self.message.as_deref().unwrap_or_default();
        let end = (0..=SENTENCE_AT_MOST.min(message.len()))
            .rev()
            .find(|at| message.is_char_boundary(*at));
        message.get(..end.unwrap_or(0)).unwrap_or_default()
    }

    /// The HTTP status that the body names: services that answer 200 first say it so.
    pub(super) fn status(&self) -> Option<u16> {
        let code = || self.code.as_deref()?.parse().ok();
        self.number
            .or_else(code)
            .filter(|code| (400..600).contains(code))
    }

    /// The words that name the failure, the finest first, and whether each stood in the details.
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, bool)> {
        let details = self.details.iter().flatten().map(|word| (&**word, true));
        let codes = [&self.code, &self.kind, &self.status].into_iter().flatten();
        details.chain(codes.map(|word| (&**word, false)))
    }

    /// Whether a type, a code or a detail is `word`.
    pub(super) fn says(&self, word: &str) -> bool {
        self.words().any(|(said, _)| said == word)
    }

    fn into_owned<'b>(self) -> Facts<'b> {
        let own = |text: Option<Cow<'a, str>>| text.map(|t| Cow::Owned(t.into_owned()));
        Facts {
            kind: own(self.kind),
            code: own(self.code),
            status: own(self.status),
            details: self.details.map(own),
            quota: own(self.quota),
            message: own(self.message),
            limit_name: own(self.limit_name),
            retry: own(self.retry),
            stop: own(self.stop),
            is_error: self.is_error,
            is_quoted: self.is_quoted,
            number: self.number,
            span: self.span,
            per_model: self.per_model,
            kind_in_header: self.kind_in_header,
            retry_seconds: self.retry_seconds,
            is_blocked: self.is_blocked,
            n_prompt_tokens: self.n_prompt_tokens,
            n_ctx: self.n_ctx,
        }
    }

    /// Takes over what an inner object says; it knows better.
    fn merge(&mut self, inner: Facts<'a>) {
        self.is_error |= inner.is_error;
        self.is_quoted |= inner.is_quoted;
        self.kind = inner.kind.or(self.kind.take());
        self.code = inner.code.or(self.code.take());
        self.number = inner.number.or(self.number);
        self.status = inner.status.or(self.status.take());
        for word in inner.details.into_iter().flatten() {
            self.add_detail(word);
        }
        self.quota = self.quota.take().or(inner.quota);
        self.message = inner.message.or(self.message.take());
        self.span = self.span.max(inner.span);
        self.per_model |= inner.per_model;
        self.retry = inner.retry.or(self.retry.take());
        self.retry_seconds = inner.retry_seconds.or(self.retry_seconds);
        self.stop = self.stop.take().or(inner.stop);
        self.is_blocked |= inner.is_blocked;
        self.n_prompt_tokens = inner.n_prompt_tokens.or(self.n_prompt_tokens);
        self.n_ctx = inner.n_ctx.or(self.n_ctx);
    }

    fn add_detail(&mut self, word: Cow<'a, str>) {
        if let Some(place) = self.details.iter_mut().find(|place| place.is_none()) {
            *place = Some(word);
        }
    }

    fn says_anything(&self) -> bool {
        self.message.is_some()
            || self.number.is_some()
            || self.stop.is_some()
            || self.words().next().is_some()
    }
}
