//! What one run leaves to the next: a small file, replaced as a whole.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{ErrorKind, Write};
use std::path::Path;

use agent_primitives::ProviderId;
use agent_resilience::classify::LimitSnapshot;
use agent_resilience::{ChainSnapshot, SpendSnapshot};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;
const BYTES_MAX: u64 = 1024 * 1024;

/// What is remembered. Two programs at once do not spoil the file; the later one to end wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    version: u32,
    /// Who alone is asked.
    pub(crate) pinned: Option<ProviderId>,
    /// Who answered last.
    pub(crate) last: Option<ProviderId>,
    /// Who rests, why, and until when.
    pub(crate) chain: ChainSnapshot,
    /// What each said of its limits in its last answer.
    pub(crate) limits: BTreeMap<ProviderId, LimitSnapshot>,
    /// What the day has cost so far.
    #[serde(default)]
    pub(crate) spent: Option<SpendSnapshot>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: VERSION,
            pinned: None,
            last: None,
            chain: ChainSnapshot::default(),
            limits: BTreeMap::new(),
            spent: None,
        }
    }
}

impl State {
    /// Reads the file; nothing is remembered where there is none.
    ///
    /// # Errors
    /// One line that names the file and says what to do.
    pub(crate) fn load(path: &Path) -> Result<Self, Box<dyn Error>> {
        let said = |why: String| {
            let shown = path.display();
            format!(
                "{shown} is no state of this program ({why}); remove it, or name another --state"
            )
        };
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
            Ok(found) if found.len() > BYTES_MAX => return Err(said("too large".to_owned()).into()),
            Ok(_) => {}
        }
        let text = std::fs::read_to_string(path).map_err(|error| said(error.to_string()))?;
        let state: Self = serde_json::from_str(&text).map_err(|error| said(error.to_string()))?;
        if state.version != VERSION {
            return Err(said(format!("of version {}", state.version)).into());
        }
        Ok(state)
    }

    /// Replaces the file: a reader, or a crash, finds the old one or the new one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let said = |error: std::io::Error| format!("{}: {error}", path.display());
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder).map_err(said)?;
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(said)?;
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        file.write_all(text.as_bytes()).map_err(said)?;
        file.as_file().sync_all().map_err(said)?;
        file.persist(path).map_err(|error| said(error.error))?;
        Ok(())
    }
}
