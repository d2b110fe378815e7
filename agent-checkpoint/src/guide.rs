//! Pages that are longer than the documentation of one item.

#[doc = include_str!("../docs/durability.md")]
pub mod durability {}

#[doc = include_str!("../docs/recovery.md")]
pub mod recovery {}

#[doc = include_str!("../FORMAT.md")]
pub mod format {}
