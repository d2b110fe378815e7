//! Amazon Bedrock's exceptions, by the name in the body, in the header, or of the event.
//!
//! Source: Bedrock Runtime API reference (`Converse`, `ConverseStream`, `InvokeModel`).

use agent_primitives::{FailureKind as Kind, Scope};

use super::Meaning::{self, Invalid, Limit, Sure};
use super::Reading;
use crate::classify::body::Facts;
use crate::classify::prose;
use crate::classify::verdict::Evidence;

/// The exceptions that arrive as events of a stream.
const EVENTS: [&str; 7] = [
    "internalServerException",
    "modelStreamErrorException",
    "modelTimeoutException",
    "serviceUnavailableException",
    "throttlingException",
    "validationException",
    "modelNotReadyException",
];

pub(super) fn is_event(key: &str) -> bool {
    key.ends_with("Exception") && EVENTS.contains(&key)
}

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    let name = plain(word)?;
    let is = |wanted: &[&str]| wanted.iter().any(|other| other.eq_ignore_ascii_case(name));
    Some(if is(&["Throttling", "TooManyRequests"]) {
        Limit
    } else if is(&["ModelNotReady", "ServiceUnavailable"]) {
        Sure(Kind::Overloaded)
    } else if is(&["Validation"]) {
        Invalid
    } else if is(&[
        "ExpiredToken",
        "UnrecognizedClient",
        "InvalidSignature",
        "MissingAuthenticationToken",
    ]) {
        Sure(Kind::Auth)
    } else if is(&["AccessDenied"]) {
        Sure(Kind::Permission)
    } else if is(&["ResourceNotFound"]) {
        Sure(Kind::NotFound)
    } else if is(&["ModelTimeout"]) {
        Sure(Kind::Timeout)
    } else if is(&[
        "InternalServer",
        "ModelError",
        "ModelStreamError",
        "InternalFailure",
    ]) {
        Sure(Kind::Server)
    } else {
        return None;
    })
}

/// The name without its package in front and the address behind:
/// `com.amazonaws.bedrockruntime#ThrottlingException`, `ThrottlingException:http://...`.
pub(super) fn plain(word: &str) -> Option<&str> {
    const END: &str = "Exception";
    let word = match word.strip_suffix(END) {
        Some(name) => name,
        None => word.split_once(':')?.0.strip_suffix(END)?,
    };
    Some(word.rsplit_once('#').map_or(word, |(_, name)| name))
}

/// A day's tokens are used up under the name of throttling.
pub(super) fn day(facts: &Facts<'_>) -> Option<Reading> {
    let per_day = prose::find(facts.message(), "too many tokens per day").is_some();
    per_day.then(|| Reading::new(Kind::QuotaExhausted, Evidence::Prose).scoped(Scope::Account))
}
