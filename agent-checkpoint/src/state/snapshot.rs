//! A host's own type, saved beside the session's state.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Migrations;
use crate::Codec;

/// A type that a host saves with its sessions, as one component that is written when it changed.
///
/// ```
/// use agent_checkpoint::{Checkpointer, MemoryStore, Snapshot};
/// use agent_primitives::{CheckpointKind, SessionId};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Board {
///     open: Vec<String>,
/// }
///
/// impl Snapshot for Board {
///     const KIND: &'static str = "board";
///     const VERSION: u16 = 1;
/// }
///
/// let store = MemoryStore::new();
/// let id = SessionId::new("s1")?;
/// let mut session = Checkpointer::builder(store.clone(), id.clone()).open()?;
/// session.put(&Board { open: vec!["#12".into()] })?;
/// session.save(CheckpointKind::Manual)?;
/// drop(session);
///
/// let session = Checkpointer::builder(store, id).open()?;
/// assert_eq!(session.component::<Board>()?, Some(Board { open: vec!["#12".into()] }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Snapshot: Serialize + DeserializeOwned {
    /// Names the component in the log; never change it. Two types of one session need two kinds.
    ///
    /// 1 to 128 bytes without control characters, without those that turn the direction of text, and without blanks at
    /// its ends. Any other is refused with [`Error::is_invalid`](crate::Error::is_invalid) by
    /// [`Migrations::check`] and by the first [`put`](crate::Checkpointer::put) or
    /// [`component`](crate::Checkpointer::component), before anything is saved.
    const KIND: &'static str;
    /// Version of the type's layout, from 1 on. Raise it when values written by older code would be
    /// misread; new fields with a serde default need no new version.
    const VERSION: u16;
    /// How values are written. It may change from one version to the next: the log says what each value
    /// was written with.
    const CODEC: Codec = Codec::Json;

    /// How values of earlier versions become values of this one; none unless said otherwise.
    ///
    /// ```
    /// use agent_checkpoint::{Migrations, Snapshot};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Board {
    ///     cards: Vec<Card>,
    /// }
    /// #[derive(Serialize, Deserialize)]
    /// struct Card {
    ///     title: String,
    /// }
    ///
    /// impl Snapshot for Board {
    ///     const KIND: &'static str = "board";
    ///     const VERSION: u16 = 2;
    ///
    ///     fn migrations() -> Migrations {
    ///         // Version 1 had the titles alone.
    ///         Migrations::none().step(1, |mut board| {
    ///             let titles = board["open"].take();
    ///             let titles = titles.as_array().ok_or("no list of open cards")?;
    ///             let cards = titles.iter().map(|title| serde_json::json!({ "title": title }));
    ///             Ok(serde_json::json!({ "cards": cards.collect::<Vec<_>>() }))
    ///         })
    ///     }
    /// }
    ///
    /// Migrations::check::<Board>()?;
    /// # Ok::<(), agent_checkpoint::Error>(())
    /// ```
    fn migrations() -> Migrations {
        Migrations::none()
    }
}
