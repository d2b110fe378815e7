//! The vendors' own words for their failures.

mod anthropic;
mod azure;
mod bedrock;
mod cohere;
mod github;
mod google;
mod local;
mod mistral;
mod name;
mod openai;
mod openrouter;
mod quota;
pub(super) mod stop;
mod vague;
mod zai;

use agent_primitives::{FailureKind, Scope};

pub use name::{UnknownVendor, Vendor};

use super::body::Facts;
use super::prose;
use super::verdict::{ContextNumbers, Evidence};

/// What a word of a vendor means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This, whatever stands beside it.
    Sure(FailureKind),
    /// This, with another scope than the usual one.
    Scoped(FailureKind, Scope),
    /// A limit; status, numbers and sentence tell whether waiting helps.
    Limit,
    /// An error of the service; status and sentence tell whether it is only full.
    Broken,
    /// The request's fault; the sentence may tell more.
    Invalid,
}

/// What a body means, and by which signal.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) kind: FailureKind,
    pub(super) scope: Option<Scope>,
    pub(super) context: Option<ContextNumbers>,
    pub(super) evidence: Evidence,
}

impl Reading {
    fn new(kind: FailureKind, evidence: Evidence) -> Self {
        Self {
            kind,
            scope: None,
            context: None,
            evidence,
        }
    }

    fn scoped(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    fn with_numbers(mut self, numbers: Option<ContextNumbers>) -> Self {
        self.context = numbers;
        self
    }
}

/// Whether a sentence begins with `words` (lower case), ASCII case ignored. What stands further on may
/// be a quotation of the request.
fn begins(text: &str, words: &str) -> bool {
    let head = text.as_bytes().get(..words.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(words.as_bytes()))
}

/// Whether the key of an event names an exception in it.
pub(super) fn is_exception_event(key: &str) -> bool {
    bedrock::is_event(key)
}

/// Whether a code means, at any vendor, that money or a long allowance is used up.
pub(super) fn is_quota_word(word: &str) -> bool {
    quota::scope(word).is_some()
}

/// Words that mean the same wherever they come from.
fn common(word: &str) -> Option<Meaning> {
    openai::meaning(word)
        .or_else(|| anthropic::meaning(word))
        .or_else(|| google::meaning(word))
        .or_else(|| bedrock::meaning(word))
        .or_else(|| openrouter::meaning(word))
        .or_else(|| github::meaning(word))
        .or_else(|| azure::meaning(word))
        .or_else(|| local::meaning(word))
}

fn meaning(vendor: Vendor, word: &str) -> Option<Meaning> {
    // The same numbers mean different things.
    match vendor {
        Vendor::Zai => zai::meaning(word),
        Vendor::Mistral => mistral::meaning(word),
        _ => None,
    }
    .or_else(|| common(word))
}

/// Reads the structured part of a body, or `None` where it says nothing certain.
pub(super) fn by_code(vendor: Vendor, status: u16, facts: &Facts<'_>) -> Option<Reading> {
    let mut reading = special(vendor, status, facts).or_else(|| by_words(vendor, status, facts))?;
    if reading.kind == FailureKind::ContextTooLong && reading.context.is_none() {
        reading.context = local::numbers(facts).or_else(|| prose::context_numbers(facts.message()));
    }
    Some(reading)
}

/// What a single word does not tell.
fn special(vendor: Vendor, status: u16, facts: &Facts<'_>) -> Option<Reading> {
    if let Some(word) = facts.quota.as_deref() {
        let in_details = facts.words().any(|(said, detail)| detail && said == word);
        let evidence = if in_details {
            Evidence::Details
        } else if facts.kind_in_header {
            Evidence::Header
        } else {
            Evidence::Code
        };
        let reading = Reading::new(FailureKind::QuotaExhausted, evidence);
        return Some(match quota::scope(word) {
            Some(scope) => reading.scoped(scope),
            None => reading,
        });
    }
    google::allowance(facts)
        .or_else(|| openrouter::special(status, facts))
        .or_else(|| github::limit(facts))
        .or_else(|| match vendor {
            Vendor::Cohere => cohere::special(status, facts),
            Vendor::Mistral => mistral::full_tier(facts),
            Vendor::Bedrock => bedrock::day(facts),
            _ => None,
        })
}

/// The first sure word, the finest first; else the first that needs the sentence.
fn by_words(vendor: Vendor, status: u16, facts: &Facts<'_>) -> Option<Reading> {
    let mut vague = None;
    for (word, in_details) in facts.words() {
        let evidence = if in_details {
            Evidence::Details
        } else if facts.kind_in_header && facts.kind.as_deref() == Some(word) {
            Evidence::Header
        } else {
            Evidence::Code
        };
        match meaning(vendor, word) {
            Some(Meaning::Sure(kind)) => return Some(Reading::new(kind, evidence)),
            Some(Meaning::Scoped(kind, scope)) => {
                return Some(Reading::new(kind, evidence).scoped(scope));
            }
            Some(other) if vague.is_none() => vague = Some((other, evidence)),
            _ => {}
        }
    }
    match vague? {
        (Meaning::Limit, evidence) => Some(vague::limit(vendor, status, facts, evidence)),
        (Meaning::Broken, evidence) => vague::broken(status, facts, evidence),
        (_, evidence) => vague::invalid(vendor, status, facts, evidence),
    }
}

/// What a status means where the body says nothing; `None` for a status that is no failure.
pub(super) fn by_status(vendor: Vendor, status: u16) -> Option<FailureKind> {
    Some(match status {
        401 => FailureKind::Auth,
        402 => FailureKind::QuotaExhausted,
        403 => FailureKind::Permission,
        404 => FailureKind::NotFound,
        408 | 504 | 524 => FailureKind::Timeout,
        413 if matches!(vendor, Vendor::Groq | Vendor::GithubModels) => FailureKind::ContextTooLong,
        413 => FailureKind::PayloadTooLarge,
        422 if vendor == Vendor::GithubCopilot => FailureKind::ContentPolicy,
        429 => FailureKind::RateLimited,
        434 if vendor == Vendor::Zai => FailureKind::Permission,
        435 if vendor == Vendor::Zai => FailureKind::PayloadTooLarge,
        498 if vendor == Vendor::Groq => FailureKind::Overloaded,
        499 => FailureKind::Cancelled,
        503 | 529 => FailureKind::Overloaded,
        409 | 424 | 500..=599 if status != 501 => FailureKind::Server,
        400..=499 | 501 => FailureKind::InvalidRequest,
        _ => return None,
    })
}
