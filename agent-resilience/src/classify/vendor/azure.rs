//! Azure `OpenAI`'s codes. Sources: Azure, "Quotas and limits" and "Content filtering" pages.

use agent_primitives::FailureKind as Kind;

use super::Meaning::{self, Invalid, Sure};

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "ResponsibleAIPolicyViolation" => Sure(Kind::ContentPolicy),
        "DeploymentNotFound" | "ResourceNotFound" => Sure(Kind::NotFound),
        "PermissionDenied" => Sure(Kind::Permission),
        "BadRequest" => Invalid,
        _ => return None,
    })
}
