//! The versions that were measured, from the workspace's lock file.

const LOCK: &str = include_str!("../../../Cargo.lock");

/// The locked version of `package`; `?` for a package that is not in the lock file, and nothing for
/// an empty name, which is what a floor has.
///
/// ```
/// assert!(agent_benches::harness::version_of("recloser").starts_with("1.4"));
/// assert_eq!(agent_benches::harness::version_of("nobody-knows-this"), "?");
/// assert_eq!(agent_benches::harness::version_of(""), "");
/// ```
pub fn version_of(package: &str) -> &'static str {
    if package.is_empty() {
        return "";
    }
    let mut lines = LOCK.lines();
    let name = format!("name = \"{package}\"");
    lines
        .find(|line| *line == name)
        .and_then(|_| lines.next())
        .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .unwrap_or("?")
}
