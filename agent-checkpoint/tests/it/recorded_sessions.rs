//! Every beginning of a recorded session, cut to any limit; and how far the estimate of tokens is off.

use std::cell::Cell;

use agent_checkpoint::history::{Flaw, check};
use agent_checkpoint::{CountTokens, EstimateTokens, Message, Truncate, truncate};

use crate::conversations::recorded;

/// The flaws, but for empty messages, which some models sent.
fn flaws(messages: &[&Message]) -> Vec<Flaw> {
    let mut flaws = check(messages);
    flaws.retain(|flaw| !matches!(flaw, Flaw::Empty { .. }));
    flaws
}

#[test]
fn every_beginning_of_a_recorded_session_stays_valid_at_every_limit() {
    let (mut beginnings, mut cuts, mut kept_whole, mut refused) = (0, 0, 0, 0);
    for (name, messages) in recorded::sessions() {
        for end in 1..=messages.len() {
            let begun = &messages[..end];
            let all: Vec<&Message> = begun.iter().collect();
            assert_eq!(flaws(&all), [], "{name} up to {end}");
            beginnings += 1;
            let total: u64 = begun.iter().map(|m| EstimateTokens.count(m)).sum();
            let mut before: Option<usize> = None;
            for tenth in 1..=10 {
                let limit = total * tenth / 10;
                let calls = Cell::new(0);
                let counter = |message: &Message| {
                    calls.set(calls.get() + 1);
                    EstimateTokens.count(message)
                };
                let how = Truncate::to(limit).keep_last(2);
                let cut = truncate(begun, how, &counter);
                assert_eq!(calls.get(), end, "each message is counted once");
                let Ok(cut) = cut else {
                    refused += 1;
                    assert!(before.is_none(), "{name}: a smaller limit did");
                    continue;
                };
                let kept = cut.apply(begun);
                assert_eq!(flaws(&kept), [], "{name} up to {end} in {limit}");
                assert!(cut.tokens <= limit);
                assert!(before.is_none_or(|fewer| fewer <= kept.len()));
                assert!(
                    kept.starts_with(&all[..end.min(2)]),
                    "instructions and task"
                );
                assert_eq!(kept.last(), all.last());
                before = Some(kept.len());
                cuts += u32::from(cut.dropped > 0);
                kept_whole += u32::from(cut.dropped == 0);
            }
            assert_eq!(before, Some(end), "{name}: the whole fits in its own size");
        }
    }
    println!(
        "{beginnings} beginnings: {cuts} cuts, {kept_whole} whole, {refused} limits too small"
    );
    assert!(beginnings > 0 && cuts > beginnings / 2);
}

/// Figures in the documentation of `EstimateTokens`.
#[cfg(feature = "bpe-openai")]
#[test]
fn the_estimate_is_as_near_to_the_tokenizer_as_it_says() {
    use agent_checkpoint::truncate::Tokenizer;

    let sum = |messages: &[Message], counter: &dyn CountTokens| -> u64 {
        messages.iter().map(|message| counter.count(message)).sum()
    };
    #[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
    let share = |of: u64, all: u64| of as f64 / all as f64;
    let counter = Tokenizer::o200k();
    let (mut least, mut most) = (f64::MAX, 0.0_f64);
    let mut each = Vec::new();
    for (name, messages) in recorded::sessions() {
        let (estimate, real) = (sum(&messages, &EstimateTokens), sum(&messages, &counter));
        let ratio = share(estimate, real);
        println!("{name}: estimated {estimate}, counted {real}, ratio {ratio:.3}");
        (least, most) = (least.min(ratio), most.max(ratio));
        let ratios = messages
            .iter()
            .map(|message| share(EstimateTokens.count(message), counter.count(message)));
        each.extend(ratios);
    }
    each.sort_by(f64::total_cmp);
    let at = |share: usize| each[(each.len() - 1) * share / 100];
    let (low, middle, high) = (at(5), at(50), at(95));
    println!(
        "sessions {least:.3} to {most:.3}; {} messages: 5% {low:.3}, half {middle:.3}, 95% {high:.3}",
        each.len()
    );
    assert!((0.86..=1.05).contains(&least) && (0.86..=1.05).contains(&most));
    if each.len() > 100 {
        assert!((0.80..=1.0).contains(&low) && (0.95..=1.02).contains(&middle) && high <= 1.20);
    }
}

#[cfg(feature = "bpe-openai")]
#[test]
fn no_text_is_too_hard_for_the_tokenizer() {
    use agent_checkpoint::truncate::Tokenizer;

    let counter = Tokenizer::o200k();
    let blank = format!("{}x", " ".repeat(400_000));
    let texts = [(blank.as_str(), 3_127), ("a\u{0}\u{fffd}\r\n", 4), ("", 0)];
    for (text, tokens) in texts {
        assert_eq!(counter.count_text(text), tokens);
    }
    let parts = Message::user("").with_part(serde_json::json!({"type": "image"}));
    assert_eq!(counter.count(&parts), 5 + 4);
}
