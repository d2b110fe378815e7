//! What is kept of a conversation that a provider takes is one that it takes, for any pins and limits.

use std::cell::{Cell, RefCell};

use crate::conversations::{conversation, flaws, length};
use agent_checkpoint::history::check;
use agent_checkpoint::{Message, Role, Truncate, Truncation, truncate};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

const CASES: u32 = 1_000;

fn runner() -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(11),
        ..ProptestConfig::default()
    })
}

fn is_kept(truncation: &Truncation, at: usize) -> bool {
    truncation.kept.iter().any(|range| range.contains(&at))
}

#[derive(Debug, Default)]
struct Counts {
    cut: u32,
    refused: u32,
    whole: u32,
    dropped: usize,
    pinned: usize,
    open: usize,
}

#[test]
fn what_is_kept_is_valid_within_the_limit_and_has_every_pin() {
    let counts = RefCell::new(Counts::default());
    let any = (conversation(40), 0..400_u64, 0..6_usize);
    runner()
        .run(&any, |(messages, limit, keep_last)| {
            let mut counts = counts.borrow_mut();
            prop_assert_eq!(flaws(&messages), Vec::<String>::new());
            let how = Truncate::to(limit).keep_last(keep_last);
            let calls = Cell::new(0);
            let counter = |message: &Message| {
                calls.set(calls.get() + 1);
                length(message)
            };
            let cut = truncate(&messages, how, &counter);
            prop_assert_eq!(calls.get(), messages.len(), "each message is counted once");
            let cut = match cut {
                Ok(cut) => cut,
                Err(error) => {
                    counts.refused += 1;
                    prop_assert!(error.needed > limit);
                    let with = |limit| {
                        truncate(&messages, Truncate::to(limit).keep_last(keep_last), &length)
                    };
                    prop_assert!(with(error.needed).is_ok());
                    prop_assert!(with(error.needed - 1).is_err());
                    return Ok(());
                }
            };
            let kept: Vec<Message> = cut.apply(&messages).into_iter().cloned().collect();
            prop_assert_eq!(flaws(&kept), Vec::<String>::new());
            prop_assert_eq!(check(&kept), []);
            prop_assert_eq!(kept.iter().map(length).sum::<u64>(), cut.tokens);
            prop_assert_eq!(messages.iter().map(length).sum::<u64>(), cut.tokens_before);
            prop_assert!(cut.tokens <= limit);
            prop_assert_eq!(kept.len() + cut.dropped, messages.len());
            prop_assert_eq!(cut.groups == 0, cut.dropped == 0);
            prop_assert!(cut.groups <= cut.dropped);

            let task = messages
                .iter()
                .position(|message| message.role == Role::User);
            let news = |(at, message): &(usize, &Message)| {
                message.role != Role::System && Some(*at) != task
            };
            for (at, message) in messages.iter().enumerate() {
                if message.is_pinned() || !news(&(at, message)) {
                    prop_assert!(is_kept(&cut, at), "{} is pinned", at);
                }
                counts.pinned += usize::from(message.is_pinned() && at < cut.tail);
            }
            let newest = messages
                .iter()
                .enumerate()
                .rev()
                .filter(news)
                .take(keep_last);
            for (at, _) in newest {
                prop_assert!(
                    is_kept(&cut, at),
                    "{} is among the newest {}",
                    at,
                    keep_last
                );
            }
            if messages
                .last()
                .is_some_and(|last| !last.tool_calls.is_empty())
            {
                prop_assert!(is_kept(&cut, messages.len() - 1), "its results are to come");
                counts.open += 1;
            }
            counts.cut += u32::from(cut.dropped > 0);
            counts.whole += u32::from(cut.dropped == 0);
            counts.dropped += cut.dropped;

            let again = truncate(&kept, how, &length).unwrap();
            prop_assert_eq!(again.dropped, 0, "again changes nothing");
            Ok(())
        })
        .unwrap();
    let counts = counts.into_inner();
    println!("{CASES} conversations: {counts:?}");
    let enough = [counts.cut, counts.refused, counts.whole];
    assert!(enough.iter().all(|count| *count > CASES / 20), "{counts:?}");
    assert!(counts.pinned > 100 && counts.open > 50, "{counts:?}");
}

#[test]
fn a_larger_limit_keeps_all_that_a_smaller_one_does() {
    let compared = Cell::new(0_u32);
    let any = (conversation(30), 0..300_u64, 0..100_u64, 0..4_usize);
    runner()
        .run(&any, |(messages, limit, more, keep_last)| {
            let with =
                |limit| truncate(&messages, Truncate::to(limit).keep_last(keep_last), &length);
            let (Ok(small), Ok(large)) = (with(limit), with(limit + more)) else {
                return Ok(());
            };
            for at in 0..messages.len() {
                prop_assert!(is_kept(&large, at) || !is_kept(&small, at));
            }
            prop_assert!(large.groups <= small.groups);
            compared.set(compared.get() + 1);
            Ok(())
        })
        .unwrap();
    println!("{} pairs of limits", compared.get());
    assert!(compared.get() > CASES / 2);
}

#[test]
fn a_pinned_result_keeps_its_call_and_a_pinned_remark_does_not() {
    let call = |id: &str| {
        let call = agent_checkpoint::ToolCall::new(id, "t", "{}");
        Message::assistant("").with_tool_call(call)
    };
    let messages = [
        Message::user("task"),
        call("a"),
        Message::tool("a", "kept").pinned(),
        call("b"),
        Message::tool("b", "gone"),
        Message::user("never touch it").pinned(),
        Message::assistant("end"),
    ];
    let kept = |limit| truncate(&messages, limit, &|_: &Message| 1).map(|cut| cut.kept);
    assert_eq!(kept(5).unwrap(), [0..3, 5..7]);
    assert_eq!(kept(4).unwrap_err().needed, 5);
    assert_eq!(kept(6).unwrap(), [0..3, 5..7], "not half of a group");
    assert_eq!(kept(7).unwrap(), vec![0..7]);
}
