//! Ids of traces and spans, made of what they stand for: the same in every attempt and in every run.

use agent_primitives::{AgentId, SessionId, Timestamp};
use twox_hash::XxHash3_128;

use crate::ProjectId;

/// Sixteen bytes, not all of them zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TraceId(pub(super) [u8; 16]);

/// Eight bytes, not all of them zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SpanId(pub(super) [u8; 8]);

impl TraceId {
    /// Of a session.
    pub(super) fn of(project: Option<&ProjectId>, session: &SessionId) -> Self {
        let parts = [&b"trace"[..], of(project), session.as_str().as_bytes()];
        Self(hash(&parts).to_be_bytes())
    }

    /// Of something that happened in no session.
    pub(super) fn alone(content: &[u8], occurrence: u32) -> Self {
        let number = occurrence.to_be_bytes();
        Self(hash(&[&b"alone"[..], content, &number]).to_be_bytes())
    }
}

impl SpanId {
    /// Of an agent's work in a session, as whoever has not seen it begin can name it as well.
    pub(super) fn of_work(trace: TraceId, agent: Option<&AgentId>) -> Self {
        let agent = agent.map_or(&[][..], |it| it.as_str().as_bytes());
        Self::cut(hash(&[&b"work"[..], &trace.0, agent]))
    }

    /// Of a later stretch of that work.
    pub(super) fn of_stretch(trace: TraceId, agent: Option<&AgentId>, began: Timestamp) -> Self {
        let agent = agent.map_or(&[][..], |it| it.as_str().as_bytes());
        let began = began.unix_nanos().to_be_bytes();
        Self::cut(hash(&[&b"stretch"[..], &trace.0, agent, &began]))
    }

    /// Of what a span says, and the how-manieth in its batch that says it.
    pub(super) fn of_content(trace: TraceId, content: &[u8], occurrence: u32) -> Self {
        let number = occurrence.to_be_bytes();
        Self::cut(hash(&[&b"span"[..], &trace.0, content, &number]))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "half of the bits are asked for"
    )]
    fn cut(hash: u128) -> Self {
        Self((hash as u64).max(1).to_be_bytes())
    }
}

fn of(project: Option<&ProjectId>) -> &[u8] {
    project.map_or(&[], |it| it.as_str().as_bytes())
}

/// Of the parts, each with its length, so that no two lists of parts are one text.
fn hash(parts: &[&[u8]]) -> u128 {
    let mut text = Vec::with_capacity(parts.iter().map(|it| it.len() + 8).sum());
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part);
    }
    XxHash3_128::oneshot(&text).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_earlier_versions() {
        let (session, agent) = (
            SessionId::new("s-1").unwrap(),
            AgentId::new("coder").unwrap(),
        );
        let trace = TraceId::of(None, &session);
        let found = (
            u128::from_be_bytes(trace.0),
            u64::from_be_bytes(SpanId::of_work(trace, Some(&agent)).0),
            u64::from_be_bytes(SpanId::of_content(trace, b"chat", 0).0),
        );
        assert_eq!(
            found,
            (
                0x8676_4d23_f63a_57d3_8a6a_e9fe_1faf_cf76,
                0x0207_0a04_af34_739b,
                0x2732_7c27_5aa0_8716
            )
        );
    }

    #[test]
    fn projects_keep_equal_sessions_apart() {
        let session = SessionId::new("s-1").unwrap();
        let shop = ProjectId::new("shop").unwrap();
        assert_ne!(
            TraceId::of(Some(&shop), &session),
            TraceId::of(None, &session)
        );
    }
}
