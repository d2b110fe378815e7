//! The value of a named field: in JSON, in MessagePack, in a message.

use super::mask;
use super::named::{self, Kind, kind_of};
use super::rules::Rules;
use super::scan::Found;
use super::value::{Place, is_secret};

/// The value with a mask, where its name says that it is secret.
pub(super) fn masked(name: &str, value: &str, rules: &Rules) -> Option<String> {
    masked_as(kind_of(name.as_bytes())?, value, rules)
}

/// As [`masked`], for a name that says this of its value.
pub(super) fn masked_as(kind: Kind, value: &str, rules: &Rules) -> Option<String> {
    if rules.is_named_off(kind.family()) || rules.is_allowed(value.as_bytes()) {
        return None;
    }
    let bytes = value.as_bytes();
    let (start, end) = match kind {
        // A field of that name is as often the signature of a commit or of a block.
        Kind::Signature | Kind::Maybe => return None,
        Kind::Authorization => named::header(bytes, 0)?,
        Kind::Cookie => (value.contains('=') && value.len() >= 10).then_some((0, value.len()))?,
        Kind::Password | Kind::Secret | Kind::Token | Kind::Key => {
            is_secret(kind, bytes, Place::Field).then_some((0, value.len()))?
        }
    };
    let family = kind.family();
    let found = Found { start, end, family };
    Some(mask::masked(value, &[found]))
}
