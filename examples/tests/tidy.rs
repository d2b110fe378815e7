//! The rules of the house that no compiler knows.

use std::fs;
use std::path::{Path, PathBuf};

const FAMILY: [&str; 3] = ["agent-resilience", "agent-checkpoint", "agent-telemetry"];
const PACKAGES: [&str; 6] = [
    "agent-primitives",
    "agent-resilience",
    "agent-checkpoint",
    "agent-telemetry",
    "examples",
    "benches",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Rust files below `folder`, build output left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no sources below {}", folder.display());
    found
}

fn all_sources() -> Vec<PathBuf> {
    PACKAGES
        .iter()
        .flat_map(|package| sources(&root().join(package)))
        .collect()
}

/// Lines of code before the tests of a file, without comments and blank lines.
fn code_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[test]
fn no_crate_of_the_family_names_another() {
    for crate_name in FAMILY {
        let others = FAMILY.iter().filter(|other| **other != crate_name);
        let folder = root().join(crate_name);
        let mut files = sources(&folder);
        files.push(folder.join("Cargo.toml"));
        for other in others {
            let as_code = other.replace('-', "_");
            for file in &files {
                let text = read(file);
                assert!(
                    !text.contains(other) && !text.contains(&as_code),
                    "{} names {other}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_shared_vocabulary_depends_on_no_crate_of_the_family() {
    let manifest = read(&root().join("agent-primitives/Cargo.toml"));
    for crate_name in FAMILY {
        assert!(!manifest.contains(crate_name), "it depends on {crate_name}");
    }
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for file in all_sources() {
        let text = read(&file);
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") || first.contains("doc = include_str!("),
            "{} begins with {first:?}",
            file.display()
        );
    }
}

#[test]
fn no_file_does_too_much() {
    for file in all_sources() {
        let in_tests = file.components().any(|part| part.as_os_str() == "tests");
        let lines = code_lines(&read(&file));
        assert!(
            in_tests || lines <= 400,
            "{} has {lines} lines of code; find its second job and give it a file",
            file.display()
        );
    }
}

#[test]
fn no_file_has_a_name_that_takes_anything() {
    for file in all_sources() {
        let name = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        for banned in ["util", "helper", "common", "misc", "manager"] {
            assert!(!name.contains(banned), "{}", file.display());
        }
    }
}

#[test]
fn no_test_is_ignored_and_none_sleeps_for_real() {
    let banned = ["#[ignore", "thread::sleep(", "thread::park_timeout("];
    for file in all_sources() {
        if file.ends_with("tidy.rs") {
            continue;
        }
        let text = read(&file);
        for word in banned {
            assert!(!text.contains(word), "{} has {word}", file.display());
        }
    }
}

#[test]
fn each_published_crate_has_its_papers() {
    for crate_name in FAMILY.iter().chain(&["agent-primitives"]) {
        for paper in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            let path = root().join(crate_name).join(paper);
            assert!(!read(&path).is_empty(), "{} is empty", path.display());
        }
    }
}
