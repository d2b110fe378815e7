//! The kinds of secrets that are known by their form.
//!
//! Each names its source: a rule of the scanners gitleaks (`config/gitleaks.toml`), `TruffleHog`
//! (`pkg/detectors`) or detect-secrets, or the issuer's own documentation.

mod chat;
mod cloud;
mod code;
mod identity;
mod models;
mod operations;
mod payment;

use super::family::Family;

/// All of them. A family's place in this list is its number.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    let lists = [
        models::FAMILIES,
        cloud::FAMILIES,
        code::FAMILIES,
        operations::FAMILIES,
        chat::FAMILIES,
        payment::FAMILIES,
        identity::FAMILIES,
    ];
    lists.into_iter().flatten()
}
