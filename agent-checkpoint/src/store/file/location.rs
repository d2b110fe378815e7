//! Where a store lies by default.

use std::path::{Path, PathBuf};

const NAME: &str = "agent-checkpoints";

/// Where a host keeps its checkpoints unless told otherwise: `agent-checkpoints` in the git folder of the
/// repository that `start` lies in, so that neither commits nor `git clean` touch it; or `otherwise`
/// outside a repository. Looks, and makes nothing.
///
/// ```
/// use std::path::Path;
///
/// let folder = tempfile::tempdir()?;
/// let otherwise = Path::new("state");
/// assert_eq!(agent_checkpoint::location(folder.path(), otherwise), otherwise);
///
/// let git = folder.path().join(".git");
/// std::fs::create_dir_all(&git)?;
/// std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n")?;
/// let inside = folder.path().join("src/deep");
/// assert_eq!(agent_checkpoint::location(&inside, otherwise), git.join("agent-checkpoints"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn location(start: &Path, otherwise: &Path) -> PathBuf {
    let git = start
        .ancestors()
        .find_map(|folder| git_folder(&folder.join(".git")));
    git.map_or_else(|| otherwise.to_owned(), |git| git.join(NAME))
}

/// `.git` is a folder, or, in a linked worktree, a file that names one.
fn git_folder(dot_git: &Path) -> Option<PathBuf> {
    let folder = if dot_git.is_file() {
        let text = std::fs::read_to_string(dot_git).ok()?;
        dot_git.parent()?.join(text.strip_prefix("gitdir:")?.trim())
    } else {
        dot_git.to_owned()
    };
    folder.join("HEAD").is_file().then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linked_worktree_leads_to_its_git_folder() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("main/.git/worktrees/side");
        std::fs::create_dir_all(&git).unwrap();
        std::fs::write(git.join("HEAD"), "ref: x\n").unwrap();
        let side = folder.path().join("side");
        std::fs::create_dir_all(&side).unwrap();
        std::fs::write(side.join(".git"), format!("gitdir: {}\n", git.display())).unwrap();
        assert_eq!(location(&side, Path::new("x")), git.join(NAME));
        std::fs::write(side.join(".git"), "gitdir: /nowhere\n").unwrap();
        assert_eq!(location(&side, Path::new("x")), Path::new("x"));
    }
}
