//! Foreign names as ids of ours: mended where a character does not fit, left out where they are too long.

use std::borrow::Cow;
use std::sync::Arc;

use agent_primitives::{AgentId, ModelId, SessionId, ToolName};

use super::item::Notes;
use crate::ProjectId;

/// Longest id of a request or a tool call, in bytes.
const KEY_BYTES: usize = 256;
/// Longest name of a person: that of an e-mail address.
const USER_BYTES: usize = 320;

pub(super) fn session(text: &str, notes: &mut Notes) -> Option<SessionId> {
    made(name(text, notes), SessionId::new, notes)
}

pub(super) fn agent(text: &str, notes: &mut Notes) -> Option<AgentId> {
    made(name(text, notes), AgentId::new, notes)
}

pub(super) fn project(text: &str, notes: &mut Notes) -> Option<ProjectId> {
    made(visible(text, notes), ProjectId::new, notes)
}

pub(super) fn tool(text: &str, notes: &mut Notes) -> Option<ToolName> {
    made(visible(text, notes), ToolName::new, notes)
}

/// Without the size of the window that Claude Code appends on metrics: `claude-opus-4-8[1m]`.
pub(super) fn model(text: &str, notes: &mut Notes) -> Option<ModelId> {
    let plain = text.strip_suffix(']').and_then(|it| it.rsplit_once('['));
    let plain = plain.map_or(text, |(name, _)| name);
    made(visible(plain, notes), ModelId::new, notes)
}

/// An id that is compared and not shown.
pub(super) fn key(text: &str, notes: &mut Notes) -> Option<String> {
    let is_short = text.len() <= KEY_BYTES;
    notes.dropped_id |= !is_short;
    is_short.then(|| text.to_owned())
}

pub(super) fn user(text: &str, notes: &mut Notes) -> Option<String> {
    let is_short = text.len() <= USER_BYTES;
    notes.dropped_id |= !is_short;
    is_short.then(|| text.to_owned())
}

fn made<I, E>(
    text: Cow<'_, str>,
    new: impl FnOnce(Arc<str>) -> Result<I, E>,
    notes: &mut Notes,
) -> Option<I> {
    let id = new(Arc::from(text)).ok();
    notes.dropped_id |= id.is_none();
    id
}

/// Letters, digits and `. _ - : @`, beginning with a letter, a digit or `_`.
fn name<'t>(text: &'t str, notes: &mut Notes) -> Cow<'t, str> {
    let fits =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':' | b'@');
    let text = mended(text, fits, notes);
    if text.starts_with(['.', '-', ':', '@']) {
        notes.mended_id = true;
        return Cow::Owned(format!("_{text}"));
    }
    text
}

fn visible<'t>(text: &'t str, notes: &mut Notes) -> Cow<'t, str> {
    mended(text, |byte| byte.is_ascii_graphic(), notes)
}

/// At most as long as the longest id and a little more, so that a huge text is not copied to be refused.
fn mended<'t>(text: &'t str, fits: impl Fn(u8) -> bool, notes: &mut Notes) -> Cow<'t, str> {
    const LIMIT: usize = 300;
    let text = text.trim();
    if text.len() <= LIMIT && text.bytes().all(&fits) {
        return Cow::Borrowed(text);
    }
    notes.mended_id = true;
    let mend = |c: char| match u8::try_from(c) {
        Ok(byte) if fits(byte) => c,
        _ => '_',
    };
    Cow::Owned(text.chars().take(LIMIT).map(mend).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_with_foreign_characters_is_mended_and_said_to_be() {
        let mut notes = Notes::default();
        assert_eq!(
            agent("Research Agent", &mut notes).unwrap().as_str(),
            "Research_Agent"
        );
        assert!(notes.mended_id && !notes.dropped_id);
        assert_eq!(agent("-x", &mut notes).unwrap().as_str(), "_-x");
        let mut notes = Notes::default();
        assert_eq!(session("a-1:b", &mut notes).unwrap().as_str(), "a-1:b");
        assert_eq!(notes, Notes::default());
    }

    #[test]
    fn id_that_is_too_long_or_empty_is_left_out_and_said_to_be() {
        for text in ["x".repeat(129), "ä".repeat(1_000_000), " ".to_owned()] {
            let mut notes = Notes::default();
            assert_eq!(session(&text, &mut notes), None);
            assert!(notes.dropped_id);
        }
        let mut notes = Notes::default();
        assert_eq!(key(&"x".repeat(257), &mut notes), None);
        assert_eq!(user(&"x".repeat(321), &mut notes), None);
        assert!(notes.dropped_id);
    }

    #[test]
    fn window_behind_a_model_is_no_part_of_its_name() {
        let mut notes = Notes::default();
        for (text, expected) in [
            ("claude-opus-4-8[1m]", "claude-opus-4-8"),
            ("gpt-5", "gpt-5"),
            ("us.anthropic.claude-v1:0", "us.anthropic.claude-v1:0"),
        ] {
            assert_eq!(model(text, &mut notes).unwrap().as_str(), expected);
        }
        assert_eq!(model("[1m]", &mut notes), None);
    }
}
