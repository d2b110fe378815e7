//! What whoever takes a package can do.

use std::collections::BTreeSet;
use std::fmt;

use super::Scenario;
use crate::redact::Redaction;
use crate::{Artifact, CountTokens, McpServer};

/// What whoever takes a package can do. What is not set is not checked.
///
/// ```
/// use agent_checkpoint::handoff::{Held, Link, Package, Receiver};
/// use agent_checkpoint::{Artifact, EstimateTokens};
/// use agent_primitives::{SessionId, Timestamp};
///
/// let mut package = Package::new(Link::new(SessionId::new("s1")?, Timestamp::UNIX_EPOCH))
///     .with_objective("Apply the patch.");
/// package.work.artifacts.push(Artifact::of_bytes("fix.patch", b"--- a"));
/// package.progress.push("wrote the patch".into());
/// package.work.next_steps.push("apply it".into());
///
/// let files = |artifact: &Artifact| Held::of(artifact, b"--- a");
/// let receiver = Receiver::new().window(8_000, &EstimateTokens).artifacts(&files);
/// assert!(package.validate(&receiver).is_ready());
///
/// let others = |artifact: &Artifact| Held::of(artifact, b"--- b");
/// let verdict = package.validate(&Receiver::new().artifacts(&others));
/// assert!(verdict.to_string().contains("fix.patch is another"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Receiver<'a> {
    pub(super) scenario: Option<Scenario>,
    pub(super) tools: Option<BTreeSet<String>>,
    pub(super) servers: Option<Vec<McpServer>>,
    pub(super) window: Option<(u64, &'a dyn CountTokens)>,
    pub(super) artifacts: Option<&'a dyn Fn(&Artifact) -> Held>,
    pub(super) redaction: Option<&'a Redaction>,
}

impl fmt::Debug for Receiver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("scenario", &self.scenario)
            .field("tools", &self.tools)
            .field("servers", &self.servers)
            .field("window", &self.window.map(|(tokens, _)| tokens))
            .field("artifacts", &self.artifacts.is_some())
            .field("redaction", &self.redaction.is_some())
            .finish()
    }
}

impl<'a> Receiver<'a> {
    /// A receiver of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// For which kind of handoff the package must do; that which the package names unless set.
    #[must_use]
    pub fn scenario(mut self, scenario: Scenario) -> Self {
        self.scenario = Some(scenario);
        self
    }

    /// The tools that it has beside those of its servers.
    #[must_use]
    pub fn tools<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.tools = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The tool servers that it is connected to, as they are now.
    #[must_use]
    pub fn servers(mut self, servers: impl IntoIterator<Item = McpServer>) -> Self {
        self.servers = Some(servers.into_iter().collect());
        self
    }

    /// Tokens that its window takes, and how they are counted.
    #[must_use]
    pub fn window(mut self, tokens: u64, counter: &'a dyn CountTokens) -> Self {
        self.window = Some((tokens, counter));
        self
    }

    /// How an artifact is looked up; see [`Held`].
    #[must_use]
    pub fn artifacts(mut self, held: &'a dyn Fn(&Artifact) -> Held) -> Self {
        self.artifacts = Some(held);
        self
    }

    /// Which secrets may not stand in the package: it goes to somebody who may not have them.
    #[must_use]
    pub fn redaction(mut self, redaction: &'a Redaction) -> Self {
        self.redaction = Some(redaction);
        self
    }
}

/// What a receiver has of an artifact.
///
/// ```
/// use agent_checkpoint::Artifact;
/// use agent_checkpoint::handoff::Held;
///
/// let patch = Artifact::of_bytes("fix.patch", b"--- a");
/// assert_eq!(Held::of(&patch, b"--- a"), Held::Same);
/// assert_eq!(Held::of(&patch, b"--- b"), Held::Different);
/// assert_eq!(Held::of(&Artifact::new("fix.patch"), b""), Held::Unknown);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Held {
    /// The very content.
    Same,
    /// Another content.
    Different,
    /// Nothing at that place.
    Absent,
    /// Something that cannot be compared: the digest is absent or of a kind that is not known here.
    Unknown,
}

impl Held {
    /// Compares a content with the artifact's digest, where that is BLAKE3 as hex digits, as
    /// [`Artifact::of_bytes`] writes it. A host with digests of another kind compares by itself.
    pub fn of(artifact: &Artifact, content: &[u8]) -> Self {
        Self::of_digest(artifact, || Some(blake3::hash(content)))
    }

    fn of_digest(artifact: &Artifact, digest: impl FnOnce() -> Option<blake3::Hash>) -> Self {
        let wanted = artifact.hash.as_deref().unwrap_or_default();
        let Ok(wanted) = blake3::Hash::from_hex(wanted) else {
            return Self::Unknown;
        };
        match digest() {
            None => Self::Absent,
            Some(digest) if digest == wanted => Self::Same,
            Some(_) => Self::Different,
        }
    }

    /// Compares the file at the artifact's path below `folder`, which is read once, piece by piece. What lies
    /// outside of the folder, by `..`, an absolute path or a link, is absent; so is what is no file.
    ///
    /// ```
    /// use agent_checkpoint::Artifact;
    /// use agent_checkpoint::handoff::Held;
    ///
    /// let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("a.txt"), "one")?;
    /// let held = |path: &str| Held::in_folder(folder.path(), &Artifact::of_bytes(path, b"one"));
    /// assert_eq!((held("a.txt"), held("b.txt")), (Held::Same, Held::Absent));
    /// assert_eq!(held("../a.txt"), Held::Absent);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(feature = "fs")]
    pub fn in_folder(folder: &std::path::Path, artifact: &Artifact) -> Self {
        Self::of_digest(artifact, || digest_below(folder, &artifact.path))
    }
}

#[cfg(feature = "fs")]
fn digest_below(folder: &std::path::Path, path: &str) -> Option<blake3::Hash> {
    let folder = folder.canonicalize().ok()?;
    let path = folder.join(path).canonicalize().ok()?;
    // A pipe would be waited for.
    if !path.starts_with(&folder) || !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path).ok()?).ok()?;
    Some(hasher.finalize())
}
