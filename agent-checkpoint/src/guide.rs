//! Pages that are longer than the documentation of one item.

#[doc = include_str!("../docs/durability.md")]
pub mod durability {}

#[cfg_attr(feature = "fs", doc = include_str!("../docs/handoff.md"))]
#[cfg_attr(
    not(feature = "fs"),
    doc = "Build with feature `fs` for the page on handing work on."
)]
pub mod handoff {}

#[cfg_attr(feature = "fs", doc = include_str!("../docs/recovery.md"))]
#[cfg_attr(
    not(feature = "fs"),
    doc = "Build with feature `fs` for the page on recovery."
)]
pub mod recovery {}

#[expect(clippy::doc_markdown, reason = "names of scanners and of their rules")]
#[doc = include_str!("../docs/security.md")]
pub mod security {}

#[doc = include_str!("../docs/importing.md")]
pub mod importing {}

#[doc = include_str!("../FORMAT.md")]
pub mod format {}
