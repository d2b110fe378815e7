//! What tells one call from another, as numbers.

use agent_primitives::SessionId;
use twox_hash::XxHash3_128;

use super::super::seen::{CallKeys, Channel, ToolSeen};

/// The kinds of keys. Each has a seed of its own, so that no key of one is taken for one of another. The numbers
/// stand in marks and never change.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Request = 1,
    Response = 2,
    /// The span that the call is.
    Span = 3,
    /// A span that something happened in.
    Within = 4,
    ToolCall = 5,
    Session = 6,
    Scope = 7,
    /// In a trace.
    ToolCallWithin = 8,
    /// Items of the channels: 16 and above.
    Item = 16,
}

/// Bytes of an id that is made so that no other is the same: those of providers have 24 and more.
const UNIQUE: usize = 16;

fn hash(seed: u64, parts: &[&[u8]]) -> u128 {
    let mut bytes = Vec::with_capacity(64);
    for part in parts {
        bytes.extend_from_slice(part);
        // Ids have no zero byte, so that no two lists of parts are written alike.
        bytes.push(0);
    }
    XxHash3_128::oneshot_with_seed(seed, &bytes)
}

/// The keys of a call. None of them is kept as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) request: Option<u128>,
    pub(super) response: Option<u128>,
    /// The span that it is.
    pub(super) span: Option<u128>,
    /// The span, as one that something else happened in.
    pub(super) within: Option<u128>,
    pub(super) item: Option<u128>,
}

impl Ids {
    pub(super) fn of_call(keys: &CallKeys, channel: Channel) -> Self {
        let text = |kind: Kind, text: &Option<String>| {
            let text = text.as_deref().filter(|it| !it.is_empty())?;
            Some(hash(kind as u64, &[text.as_bytes()]))
        };
        let ids = Self {
            request: text(Kind::Request, &keys.request),
            response: text(Kind::Response, &keys.response),
            ..Self::default()
        };
        ids.place(keys.span, keys.item, channel)
    }

    /// Some models number the calls of tools anew in each conversation: a short id is one within its session, and within
    /// its trace, whichever of them is told. A long one is one anywhere: copies of a transcript have other sessions.
    pub(super) fn of_tool(tool: &ToolSeen, session: Option<&SessionId>, channel: Channel) -> Self {
        let id = tool.call.as_deref().filter(|it| !it.is_empty());
        let within = |kind: Kind, place: &[u8]| Some(hash(kind as u64, &[id?.as_bytes(), place]));
        let trace = tool.span.map(|(trace, _)| trace.to_le_bytes());
        let request = match (session, trace) {
            _ if id.is_some_and(|it| it.len() >= UNIQUE) => within(Kind::ToolCall, &[]),
            (Some(session), _) => within(Kind::ToolCall, session.as_str().as_bytes()),
            (None, Some(_)) => None,
            (None, None) => within(Kind::ToolCall, &[]),
        };
        let ids = Self {
            request,
            response: trace.and_then(|it| within(Kind::ToolCallWithin, &it)),
            ..Self::default()
        };
        ids.place(tool.span, tool.item, channel)
    }

    fn place(self, span: Option<(u128, u64)>, item: Option<u128>, channel: Channel) -> Self {
        let of_span = |kind: Kind| {
            let (trace, span) = span?;
            let mut bytes = [0; 24];
            let (of_trace, of_span) = bytes.split_at_mut(16);
            of_trace.copy_from_slice(&trace.to_le_bytes());
            of_span.copy_from_slice(&span.to_le_bytes());
            Some(hash(kind as u64, &[&bytes]))
        };
        let seed = Kind::Item as u64 + channel as u64;
        Self {
            span: of_span(Kind::Span),
            within: of_span(Kind::Within),
            item: item.map(|it| hash(seed, &[&it.to_le_bytes()])),
            ..self
        }
    }

    /// The keys by which a later item may find this one.
    pub(super) fn keys(&self, channel: Channel) -> impl Iterator<Item = u128> {
        let span = if channel == Channel::Span {
            self.span
        } else {
            self.within
        };
        [self.request, self.response, span, self.item]
            .into_iter()
            .flatten()
    }

    /// Takes over what is not known yet.
    pub(super) fn learn(&mut self, other: &Self) {
        self.request = self.request.or(other.request);
        self.response = self.response.or(other.response);
    }
}

/// Whether both are known and not the same.
pub(super) fn differ(one: Option<u128>, other: Option<u128>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// The key of a session's mark.
pub(super) fn of_session(session: &str) -> u128 {
    hash(Kind::Session as u64, &[session.as_bytes()])
}

/// The key of the mark of a model's sums.
pub(super) fn of_scope(session: Option<&str>, project: Option<&str>, model: &str) -> u128 {
    let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
    let parts = [text(session), text(project), model.to_owned()];
    hash(Kind::Scope as u64, &parts.each_ref().map(String::as_bytes))
}

/// The name of a model without what channels write differently: provider, size of the window, date.
pub(super) fn model(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = name.split(['[', '@']).next().unwrap_or(name);
    let name = name.strip_suffix("-latest").unwrap_or(name);
    let is_date = |it: &str| it.len() == 8 && it.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once('-') {
        Some((before, date)) if is_date(date) => before,
        _ => before_dashed_date(name).unwrap_or(name),
    }
}

/// What stands before `-2026-01-31`.
fn before_dashed_date(name: &str) -> Option<&str> {
    let (before, date) = name.split_at_checked(name.len().checked_sub(11)?)?;
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        0 | 5 | 8 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    (is_date && !before.is_empty()).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_model_that_channels_write_differently_are_one() {
        for name in [
            "claude-sonnet-4-5",
            "claude-sonnet-4-5[1m]",
            "claude-sonnet-4-5-20250929",
            "claude-sonnet-4-5@20250929",
            "anthropic/claude-sonnet-4-5-latest",
        ] {
            assert_eq!(model(name), "claude-sonnet-4-5", "{name}");
        }
        assert_eq!(model("gpt-4o-2024-08-06"), "gpt-4o");
        assert_eq!(model("-2024-08-06"), "-2024-08-06");
        assert_eq!(model("o3"), "o3");
        assert_eq!(model("größe-20"), "größe-20");
    }

    #[test]
    fn a_key_of_one_kind_is_none_of_another() {
        let same = Some("x".to_owned());
        let keys = CallKeys {
            request: same.clone(),
            response: same,
            span: Some((1, 2)),
            item: Some(3),
        };
        let mut all: Vec<u128> = [Channel::Event, Channel::Span]
            .into_iter()
            .flat_map(|it| Ids::of_call(&keys, it).keys(it).collect::<Vec<_>>())
            .collect();
        all.sort_unstable();
        all.dedup();
        // The ids of request and answer are the same in both channels.
        assert_eq!(all.len(), 6);
    }
}
