//! A [`Redaction`](super::Redaction) made ready for use.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, MatchKind};

use super::block::PRIVATE_KEY;
use super::bytes::{Set, window};
use super::families;
use super::pattern::{Literal, Pattern};
use super::scan::Found;
use super::{named, shape, url};

/// Kinds that are known by the name before a value: each with the source.
const NAMED: &[(named::Kind, &str)] = &[
    (
        named::Kind::Password,
        "gitleaks generic-api-key; detect-secrets KeywordDetector",
    ),
    (
        named::Kind::Secret,
        "gitleaks generic-api-key; detect-secrets KeywordDetector",
    ),
    (
        named::Kind::Token,
        "gitleaks generic-api-key; detect-secrets KeywordDetector",
    ),
    (
        named::Kind::Key,
        "gitleaks generic-api-key; detect-secrets KeywordDetector",
    ),
    (
        named::Kind::Authorization,
        "gitleaks curl-auth-header; RFC 9110 section 11.6.2",
    ),
    (named::Kind::Cookie, "RFC 6265 sections 4.1 and 4.2"),
    (
        named::Kind::Signature,
        "AWS Signature Version 4, Google Cloud V4 signing, Azure SAS",
    ),
];

/// All families, each with its source.
pub(super) fn all_families() -> impl Iterator<Item = (&'static str, &'static str)> {
    let by_form = families::all().map(|it| (it.name, it.source));
    let named = NAMED.iter().map(|(kind, source)| (kind.family(), *source));
    let private = (
        PRIVATE_KEY,
        "gitleaks private-key; detect-secrets PrivateKeyDetector",
    );
    by_form
        .chain(shape::FAMILIES.iter().copied())
        .chain(url::FAMILIES.iter().copied())
        .chain(named)
        .chain([private])
}

/// What to look for.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// By number: families that are known by their form.
    names: Vec<&'static str>,
    off: Vec<bool>,
    /// Other families that are off.
    named_off: BTreeSet<&'static str>,
    literals: Option<(AhoCorasick, Vec<String>)>,
    patterns: Vec<Pattern>,
    allowed: BTreeSet<String>,
}

impl Rules {
    pub(super) fn new(
        off: &BTreeSet<String>,
        literals: &[Literal],
        patterns: &[Pattern],
        allowed: &BTreeSet<String>,
    ) -> Self {
        let names: Vec<_> = families::all().map(|it| it.name).collect();
        let literals: Vec<_> = literals.iter().filter(|it| it.is_long_enough()).collect();
        // Too many bytes of literals are refused when they are added.
        let engine = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(literals.iter().map(|it| it.text.as_bytes()))
            .ok()
            .filter(|_| !literals.is_empty());
        Self {
            off: names.iter().map(|it| off.contains(*it)).collect(),
            named_off: all_families()
                .map(|(name, _)| name)
                .filter(|name| off.contains(*name))
                .collect(),
            names,
            literals: engine
                .map(|engine| (engine, literals.iter().map(|it| it.name.clone()).collect())),
            patterns: patterns.to_vec(),
            allowed: allowed.clone(),
        }
    }

    pub(super) fn is_off(&self, number: usize) -> bool {
        self.off.get(number).copied().unwrap_or(false)
    }

    pub(super) fn is_named_off(&self, family: &str) -> bool {
        self.named_off.contains(family)
    }

    pub(super) fn family(&self, number: usize) -> &'static str {
        self.names.get(number).copied().unwrap_or("secret")
    }

    pub(super) fn is_allowed(&self, text: &[u8]) -> bool {
        !self.allowed.is_empty()
            && std::str::from_utf8(text).is_ok_and(|text| self.allowed.contains(text))
    }

    /// The host's own pattern that a key at `start` has; its name and where the key ends.
    pub(super) fn pattern(&self, bytes: &[u8], start: usize) -> Option<(&str, usize)> {
        self.patterns.iter().find_map(|it| {
            let rest = bytes.get(start..)?;
            let from = start + it.prefix.len();
            let is_it = rest.starts_with(it.prefix.as_bytes())
                && Set::WORD.count(bytes, from, it.least) == it.least;
            is_it.then(|| {
                let all = Set::WORD.count(window(bytes, from, usize::MAX), 0, usize::MAX);
                (it.name.as_str(), from + all)
            })
        })
    }

    pub(super) const fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    pub(super) const fn has_literals(&self) -> bool {
        self.literals.is_some()
    }

    /// Adds what the host itself knows to be secret.
    pub(super) fn literals<'r>(&'r self, bytes: &[u8], found: &mut Vec<Found<'r>>) {
        let Some((engine, names)) = &self.literals else {
            return;
        };
        found.extend(engine.find_iter(bytes).map(|it| {
            Found {
                start: it.start(),
                end: it.end(),
                family: names
                    .get(it.pattern().as_usize())
                    .map_or("secret", String::as_str),
            }
        }));
    }
}
