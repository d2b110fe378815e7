//! The programs of the examples, for tests that run them.

use std::path::PathBuf;

/// The program of an example. Cargo builds it before the tests of this package, unless it was asked for one
/// test alone.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().expect("a path");
    let path = tests
        .parent()?
        .parent()?
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED {}: it is not built; run cargo test -p agent-examples",
        path.display()
    );
    None
}
