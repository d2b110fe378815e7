//! Which failed calls cost money all the same.

use agent_primitives::FailureKind;

/// Whether tokens may have been charged for a failed call: it broke off on its way, or its answer was
/// written and not given. Providers do not charge for what they refuse at the door.
pub(crate) const fn may_have_cost(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Timeout
            | FailureKind::Network
            | FailureKind::StreamCut
            | FailureKind::OutputLimit
            | FailureKind::ContentPolicy
            | FailureKind::Cancelled
            | FailureKind::Unknown
    )
}
