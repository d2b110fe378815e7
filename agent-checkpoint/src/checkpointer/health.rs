//! How well a session's log gets to its device.

/// What went wrong on a session's way to the device since it was opened, and what was done about it.
///
/// A host looks at it now and then, or after a save that took long: what is mended here was mended
/// without an error, and still tells of a device that is about to fail.
///
/// ```
/// use agent_checkpoint::{Checkpointer, Health, MemoryStore};
/// use agent_primitives::SessionId;
///
/// let session = Checkpointer::builder(MemoryStore::new(), SessionId::new("s1")?).open()?;
/// assert_eq!(session.health(), Health::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Times that the store could not say whether what it wrote is on the device.
    pub failed_syncs: u64,
    /// Segments left after that; what they held and was not on the device is written elsewhere.
    pub abandoned_segments: u64,
    /// Saves that asked for less and were synced, since too much was waiting for one: 4 MiB.
    pub forced_syncs: u64,
    /// Saves that were given back as [blocked](crate::Error::is_blocked).
    pub blocked_saves: u64,
    /// Bytes that were saved and are not known to be on the device.
    pub unsynced_bytes: u64,
    /// Bytes that the mirror of the store lacks; 0 where there is none.
    pub unreplicated_bytes: u64,
    /// The newest error of the store, in words; none where all went well.
    pub last_error: Option<String>,
}
