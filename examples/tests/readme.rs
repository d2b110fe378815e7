//! The program in the README is compiled and run as a doc test of this file's library; here it is
//! held to its promise of 25 lines.

#[test]
fn the_program_in_the_readme_is_short_and_uses_all_three_crates() {
    let readme = include_str!("../../README.md");
    let program = readme
        .split("```rust\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a program");
    let shown: Vec<&str> = program
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .collect();
    let body = shown
        .iter()
        .filter(|line| !line.starts_with("use "))
        .count();
    assert!(body <= 28, "{body} lines");
    for name in ["agent_checkpoint", "agent_resilience", "agent_telemetry"] {
        assert!(shown.iter().any(|line| line.contains(name)), "{name}");
    }
}

#[test]
fn the_two_commands_stand_at_the_top_of_the_readme() {
    let top: Vec<&str> = include_str!("../../README.md").lines().take(6).collect();
    assert!(
        top.iter()
            .any(|line| line.starts_with("cargo run --release --example quickstart"))
    );
    assert!(
        top.iter()
            .any(|line| line.starts_with("cargo test --workspace"))
    );
}
