//! Cuts of a session's context: the note about the work, and summaries by a hook.

use std::cell::Cell;

use crate::conversations::{conversation, flaws, length};
use agent_checkpoint::history::check;
use agent_checkpoint::truncate::{CutError, Dropped, Refusal, Summary, WithoutSummary};
use agent_checkpoint::{
    Checkpointer, Decision, MemoryStore, Message, Question, ToolCall, Truncate,
};
use agent_primitives::{CheckpointKind, SessionId, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

fn open(store: &MemoryStore) -> Checkpointer {
    let id = SessionId::new("s").unwrap();
    Checkpointer::builder(store.clone(), id).open().unwrap()
}

fn session(texts: &[&str]) -> Checkpointer {
    let mut session = open(&MemoryStore::new());
    for text in texts {
        session.push(Message::user(*text)).unwrap();
    }
    session
}

fn texts(session: &Checkpointer) -> Vec<String> {
    let context = session.context().into_iter();
    context.map(|message| message.content.clone()).collect()
}

fn one(_: &Message) -> u64 {
    1
}

const EMPTY: fn(&Dropped<'_>) -> Outcome = |_| Ok(" \n".to_owned());
const FAILS: fn(&Dropped<'_>) -> Outcome = |_| Err("no model".into());

type Outcome = Result<String, Box<dyn std::error::Error + Send + Sync>>;

/// Names what it is given.
#[expect(clippy::unnecessary_wraps, reason = "a hook may fail")]
fn tell(dropped: &Dropped<'_>) -> Outcome {
    let earlier = dropped.earlier.iter().copied();
    let messages = dropped
        .messages
        .iter()
        .map(|message| message.content.as_str());
    Ok(earlier.chain(messages).collect::<Vec<_>>().join("+"))
}

#[test]
fn a_summary_that_a_host_brings_replaces_that_of_its_hook() {
    let mut session = session(&["task", "a", "b", "c"]);
    let how = Truncate::to(3).summary_tokens(1);
    session.cut_with(how, &one, &mut tell).unwrap();
    assert_eq!(texts(&session), ["task", "a+b", "c"]);
    session.push(Message::user("d")).unwrap();
    let brought = Message::user("brought");
    session.cut_with_summary(3, &one, brought).unwrap();
    assert_eq!(texts(&session), ["task", "brought", "d"]);
}

#[test]
fn what_was_decided_and_is_open_stands_behind_the_task_from_the_first_cut_on() {
    let mut session = session(&["task", "a", "b"]);
    session.update(|work| {
        let decision = Decision::new(Timestamp::UNIX_EPOCH, "use SQLite", "one file");
        work.decisions.push(decision);
        work.questions.push(Question::new("which branch?"));
    });
    session.cut(3, &one).unwrap();
    assert_eq!(texts(&session), ["task", "a", "b"], "nothing had to go");
    session.cut(2, &one).unwrap_err();
    session.push(Message::user("c")).unwrap();
    let cut = session.cut(3, &one).unwrap();
    assert_eq!(
        (cut.dropped, cut.groups, cut.tokens_before, cut.tokens),
        (2, 2, 4, 3)
    );
    let context = texts(&session);
    assert_eq!((context[0].as_str(), context[2].as_str()), ("task", "c"));
    assert!(context[1].contains("use SQLite") && context[1].contains("which branch?"));

    session.update(|work| work.next_steps.push("write it".into()));
    assert_eq!(
        texts(&session),
        context,
        "as it was, for the provider's cache"
    );
    session.push(Message::user("d")).unwrap();
    session.cut(3, &one).unwrap();
    let context = texts(&session);
    assert_eq!(context.len(), 3, "one note, not two");
    assert!(context[1].contains("use SQLite") && context[1].contains("write it"));
    assert_eq!(session.history().len(), 5);
}

#[test]
fn the_note_about_the_work_counts_and_goes_when_there_is_nothing_to_say() {
    let mut session = session(&["task", "a", "b"]);
    session.update(|work| work.next_steps.push("x".into()));
    let error = session.cut(2, &one).unwrap_err();
    assert_eq!(error.needed(), Some(3));
    assert_eq!(texts(&session), ["task", "a", "b"]);
    session.cut(Truncate::to(2).without_work(), &one).unwrap();
    assert_eq!(texts(&session), ["task", "b"]);
    session.push(Message::user("c")).unwrap();
    session.push(Message::user("d")).unwrap();
    session.cut(3, &one).unwrap();
    assert_eq!(texts(&session).len(), 3);
    session.update(|work| work.next_steps.clear());
    session.push(Message::user("e")).unwrap();
    session.cut(3, &one).unwrap();
    assert_eq!(texts(&session), ["task", "d", "e"]);
}

#[test]
fn the_note_about_the_work_does_not_part_a_call_from_its_result() {
    let mut session = open(&MemoryStore::new());
    session.update(|work| work.next_steps.push("x".into()));
    session.push(Message::assistant("older")).unwrap();
    session.push(Message::assistant("old")).unwrap();
    let call = ToolCall::new("a", "t", "{}");
    session
        .push(Message::assistant("").with_tool_call(call))
        .unwrap();
    session.push(Message::user("task, meanwhile")).unwrap();
    session.push(Message::tool("a", "result")).unwrap();
    session.cut(4, &one).unwrap();
    let context = texts(&session);
    assert_eq!(context[..3], ["", "task, meanwhile", "result"]);
    assert!(context[3].starts_with("Where the work stands"));
}

#[test]
fn a_second_summary_stands_for_the_first_as_well() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    for text in ["task", "a", "b", "c"] {
        session.push(Message::user(text)).unwrap();
    }
    let how = Truncate::to(3).summary_tokens(1);
    let cut = session.cut_with(how, &one, &mut tell).unwrap();
    assert_eq!(cut.summary, Summary::Made(1));
    assert_eq!(
        (cut.truncation.tokens_before, cut.truncation.tokens),
        (4, 3)
    );
    assert_eq!(texts(&session), ["task", "a+b", "c"]);
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);

    let mut session = open(&store);
    session.push(Message::user("d")).unwrap();
    session.push(Message::user("e")).unwrap();
    session.cut_with(how, &one, &mut tell).unwrap();
    assert_eq!(texts(&session), ["task", "a+b+c+d", "e"]);
    let raw: Vec<&str> = session
        .history()
        .iter()
        .map(|m| m.content.as_str())
        .collect();
    assert_eq!(raw, ["task", "a", "b", "c", "d", "e"]);

    session.push(Message::user("f")).unwrap();
    session.cut(3, &one).unwrap();
    assert_eq!(
        texts(&session),
        ["task", "a+b+c+d", "f"],
        "a plain cut keeps it"
    );
}

#[test]
fn a_summary_that_cannot_be_used_loses_nothing() {
    let how = Truncate::to(3).summary_tokens(1);
    let long = |_: &Dropped<'_>| Ok("too long".to_owned());
    let by_words = |message: &Message| message.content.split(' ').count() as u64;
    let mut ready = session(&["task", "a", "b", "c"]);
    ready.cut_with(how, &one, &mut tell).unwrap();
    ready.push(Message::user("d")).unwrap();

    let cut = ready.cut_with(how, &one, &mut EMPTY.clone()).unwrap();
    assert_eq!(cut.summary, Summary::Refused(Refusal::Empty));
    assert_eq!(texts(&ready), ["task", "a+b", "d"], "the earlier one stays");

    ready.push(Message::user("e")).unwrap();
    let strict = how.without_summary(WithoutSummary::Fail);
    let before = texts(&ready);
    let refused = ready
        .cut_with(strict, &one, &mut FAILS.clone())
        .unwrap_err();
    let failed = Refusal::Failed("no model".into());
    assert!(matches!(refused, CutError::NoSummary(why) if why == failed));
    let refused = ready
        .cut_with(strict, &by_words, &mut long.clone())
        .unwrap_err();
    let too_long = Refusal::TooLong { tokens: 2, most: 1 };
    assert!(matches!(refused, CutError::NoSummary(why) if why == too_long));
    let no_room = strict.summary_tokens(2);
    let refused = ready.cut_with(no_room, &one, &mut tell).unwrap_err();
    assert!(matches!(refused, CutError::NoSummary(Refusal::NoRoom(4))));
    assert_eq!(texts(&ready), before);
    assert_eq!(ready.history().len(), 6);
    let small = ready.cut_with(2, &one, &mut tell).unwrap_err();
    assert!(matches!(small, CutError::LimitTooSmall(error) if error.needed == 3));
}

#[test]
fn the_hook_is_not_asked_where_no_message_goes() {
    let asked = Cell::new(0);
    let mut hook = |dropped: &Dropped<'_>| {
        asked.set(asked.get() + 1);
        tell(dropped)
    };
    let mut session = session(&["task", "a"]);
    let cut = session.cut_with(2, &one, &mut hook).unwrap();
    assert_eq!(cut.summary, Summary::NotNeeded);
    session
        .push(Message::tool("nobody", "a result of no call"))
        .unwrap();
    let cut = session.cut_with(9, &one, &mut hook).unwrap();
    assert_eq!((cut.truncation.dropped, cut.truncation.groups), (1, 0));
    assert_eq!((asked.get(), cut.summary), (0, Summary::NotNeeded));
    assert_eq!(texts(&session), ["task", "a"]);
}

/// A part of a session's life.
#[derive(Debug, Clone)]
struct Stretch {
    messages: Vec<Message>,
    /// What is put on the list, if anything.
    step: Option<u8>,
    limit: u64,
    /// 0: a plain cut; 1 to 4: a hook that works, says nothing, too much, or fails.
    how: u8,
    reopens: bool,
}

fn stretch() -> impl Strategy<Value = Stretch> {
    let step = prop::option::of(any::<u8>());
    let all = (conversation(16), step, 60..260_u64, 0..5_u8, any::<bool>());
    all.prop_map(|(messages, step, limit, how, reopens)| Stretch {
        // Nothing may follow a call that waits.
        messages: match messages.split_last() {
            Some((last, rest)) if !last.tool_calls.is_empty() => rest.to_vec(),
            _ => messages,
        },
        step,
        limit,
        how,
        reopens,
    })
}

#[test]
fn a_context_that_is_cut_again_and_again_stays_one_that_a_provider_takes() {
    let (cuts, summaries, refused) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let config = ProptestConfig {
        cases: 150,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(5),
        ..ProptestConfig::default()
    };
    let live = |life: Vec<Stretch>| {
        let store = MemoryStore::new();
        let mut session = open(&store);
        let mut said = Vec::new();
        for stretch in life {
            for message in stretch.messages {
                said.push(message.clone());
                session.push(message).unwrap();
            }
            if let Some(step) = stretch.step {
                session.update(|work| work.next_steps = vec![format!("step {step}").into()]);
            }
            let before = texts(&session);
            let calls = Cell::new(0);
            let counter = |message: &Message| {
                calls.set(calls.get() + 1);
                length(message)
            };
            let mut hook = |dropped: &Dropped<'_>| match stretch.how {
                1 => Ok(format!("{} gone", dropped.messages.len())),
                2 => EMPTY(dropped),
                3 => Ok("long".repeat(6)),
                _ => FAILS(dropped),
            };
            let how = Truncate::to(stretch.limit).summary_tokens(20);
            let cut = match stretch.how {
                0 => session.cut(how, &counter),
                _ => session.cut_with(how, &counter, &mut hook).map(|cut| {
                    summaries
                        .set(summaries.get() + u32::from(matches!(cut.summary, Summary::Made(_))));
                    cut.truncation
                }),
            };
            prop_assert!(
                calls.get() <= before.len() + 2,
                "each message and two notes"
            );
            let Ok(cut) = cut else {
                refused.set(refused.get() + 1);
                prop_assert_eq!(texts(&session), before);
                continue;
            };
            let context: Vec<Message> = session.context().into_iter().cloned().collect();
            prop_assert_eq!(flaws(&context), Vec::<String>::new());
            prop_assert_eq!(check(&context), []);
            let tokens = context.iter().map(length).sum::<u64>();
            prop_assert_eq!(tokens, cut.tokens);
            prop_assert!(tokens <= stretch.limit);
            for pinned in said.iter().filter(|message| message.is_pinned()) {
                prop_assert!(context.contains(pinned));
            }
            let noted = context
                .iter()
                .filter(|message| !said.contains(message))
                .count();
            prop_assert!(noted <= 2, "one note about the work, and one summary");
            if cut.groups > 0 {
                cuts.set(cuts.get() + 1);
                let steps = &session.state().work.next_steps;
                let is_told = |step: &str| context.iter().any(|m| m.content.contains(step));
                prop_assert!(steps.iter().all(|step| is_told(&step.text)));
            }
            let again = session.cut(stretch.limit, &length).unwrap();
            prop_assert_eq!(again.dropped, 0);
            prop_assert_eq!(session.history(), &said[..]);
            if stretch.reopens {
                session.save(CheckpointKind::Auto).unwrap();
                drop(session);
                session = open(&store);
                prop_assert!(session.report().is_clean());
                let reread: Vec<Message> = session.context().into_iter().cloned().collect();
                prop_assert_eq!(reread, context);
            }
        }
        Ok(())
    };
    let lives = prop::collection::vec(stretch(), 1..8);
    TestRunner::new(config).run(&lives, live).unwrap();
    let counts = (cuts.get(), summaries.get(), refused.get());
    println!("cuts, summaries made, limits too small: {counts:?}");
    assert!(
        counts.0 > 100 && counts.1 > 20 && counts.2 > 50,
        "{counts:?}"
    );
}
