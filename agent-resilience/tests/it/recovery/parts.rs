//! Requests that are asked in parts.

use agent_primitives::FailureKind;
use agent_resilience::{Recovery, RecoveryConfig, Settings};

use super::support::{Answer, Compact, Request, failed, said, too_long};

fn only_parts(parts: usize) -> Request {
    Request {
        parts,
        ..Request::new(9_000, 0)
    }
}

#[tokio::test]
async fn parts_are_asked_in_order_and_their_answers_joined() {
    let mut asked = Vec::new();
    let recovered = Recovery::default()
        .run(&only_parts(3), async |request, attempt| {
            asked.push(attempt.part);
            match attempt.part {
                None => too_long(9_000, 4_000),
                Some((part, of)) => Ok(Answer::whole(&format!("{part}/{of}:{}", request.input))),
            }
        })
        .await
        .unwrap();
    assert_eq!(asked, [None, Some((1, 3)), Some((2, 3)), Some((3, 3))]);
    assert_eq!(recovered.reply.text, "1/3:3000 2/3:3000 3/3:3000");
    assert_eq!(recovered.calls, 4);
    assert_eq!(
        said(&recovered.steps),
        [
            "compact_history skipped",
            "bigger_window skipped",
            "chunk recovered"
        ]
    );
}

#[tokio::test]
async fn part_is_not_split_again_and_the_answers_before_it_are_kept() {
    let error = Recovery::default()
        .run(&only_parts(3), async |_, attempt| match attempt.part {
            Some((1, _)) => Ok(Answer::whole("first")),
            _ => failed(FailureKind::ContextTooLong),
        })
        .await
        .unwrap_err();
    assert_eq!(error.calls(), 3);
    assert_eq!(error.partial(), [Answer::whole("first")]);
    let said = said(error.steps());
    assert_eq!(
        said.iter().filter(|step| *step == "chunk failed").count(),
        1
    );
    assert_eq!(said.last().map(String::as_str), Some("stop failed"));
}

#[tokio::test]
async fn part_is_changed_like_a_whole_within_the_same_bounds() {
    let config = RecoveryConfig::from_json(
        r#"{"ladder": [{"strategy": "chunk"}, {"strategy": "compact_history", "tries": 9}], "max_steps": 3}"#,
    )
    .unwrap();
    let request = Request {
        compact: Compact::Exact,
        ..only_parts(3)
    };
    let error = Recovery::new(config)
        .unwrap()
        .run(&request, async |request, _| {
            if request.input > 2_500 {
                return failed(FailureKind::ContextTooLong);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap_err();
    assert_eq!(
        error.calls(),
        6,
        "whole, twice the first, twice the second, and once the third"
    );
    assert_eq!(error.partial().len(), 2);
}

#[tokio::test]
async fn too_few_and_too_many_parts_are_not_taken() {
    for parts in [0, 1, 9] {
        let error = Recovery::default()
            .run(&only_parts(parts), async |_, _| too_long(9_000, 4_000))
            .await
            .unwrap_err();
        assert_eq!(error.calls(), 1, "{parts}");
    }
}

#[tokio::test]
async fn what_the_whole_had_nothing_for_is_asked_of_each_part() {
    let config = RecoveryConfig::from_json(
        r#"{"ladder": [{"strategy": "compact_history", "tries": 9}, {"strategy": "chunk"}], "max_steps": 9}"#,
    )
    .unwrap();
    let request = Request {
        compact: Compact::Fails,
        ..only_parts(3)
    };
    let recovered = Recovery::new(config)
        .unwrap()
        .run(&request, async |request, _| {
            if request.input > 2_500 {
                return failed(FailureKind::ContextTooLong);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    assert_eq!(recovered.calls, 7, "the whole, and each part twice");
    let said = said(&recovered.steps);
    assert_eq!(said[0], "compact_history skipped");
    assert_eq!(said[4], "chunk recovered");
}
