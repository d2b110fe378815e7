//! Names of the fields that an import adds to messages and to the state.

/// Of a message: when, as the file has it.
pub(super) const AT: &str = "at";
/// Of a message: which model made it.
pub(super) const MODEL: &str = "model";
/// Of a message: the order of its blocks.
pub(super) const LAYOUT: &str = "layout";
/// Of a message: a tool's result that is an error.
pub(super) const IS_ERROR: &str = "is_error";
/// Of the state: where the session comes from.
pub(super) const IMPORTED: &str = "imported";
