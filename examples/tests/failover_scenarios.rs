//! The sixteen failover scenarios, each played over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use support::failover::{Caller, Score, Scored, Verdict};

fn score(caller: Caller) -> Score {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(Score::of(caller)).unwrap()
}

fn passed(score: &Score) -> Vec<&str> {
    let pass = score.0.iter().filter(|one| one.verdict == Verdict::Pass);
    pass.map(|one| one.id).collect()
}

#[test]
fn a_chain_passes_all_sixteen() {
    let score = score(Caller::Chain);
    assert_eq!(score.0.len(), 16);
    assert_eq!(score.count(Verdict::Pass), 16, "\n{score}");
    let flapping = score.0.iter().find(|one| one.id == "S15").unwrap();
    assert!(flapping.primary_calls > 1, "it was returned to");
}

/// What a person has seen cannot be taken back: where it broke off, the chain says so.
#[test]
fn a_chain_shown_word_by_word_passes_or_says_what_is_missing() {
    let score = score(Caller::Streaming);
    let unsafe_ends = score.count(Verdict::Fail) + score.count(Verdict::Partial);
    assert_eq!(unsafe_ends, 0, "\n{score}");
    let broke_off = |one: &&Scored| one.verdict == Verdict::SafeError;
    let broke_off: Vec<_> = score.0.iter().filter(broke_off).map(|one| one.id).collect();
    assert_eq!(broke_off, ["S08", "S09", "S10", "S14"], "\n{score}");
}

/// What tells the scenarios from each other: they are not passed by whoever is played.
#[test]
fn a_client_that_asks_once_passes_where_one_answer_or_one_error_is_right() {
    let score = score(Caller::Once);
    assert_eq!(passed(&score), ["S11", "S13"], "\n{score}");
    assert_eq!(score.count(Verdict::SafeError), 14, "\n{score}");
}

#[test]
fn a_client_that_retries_one_provider_passes_what_passes_by_itself() {
    let score = score(Caller::Retrying);
    assert_eq!(
        passed(&score),
        ["S01", "S03", "S05", "S11", "S13"],
        "\n{score}"
    );
}
