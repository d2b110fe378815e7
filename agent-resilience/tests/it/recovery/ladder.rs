//! Which change answers which failure, and in which order.

use agent_primitives::{FailureKind, RecoveryStrategy as By};
use agent_resilience::classify::{ContextNumbers, Verdict};
use agent_resilience::{Failure, Recovery, RecoveryConfig, Rung, Settings};

use super::support::{Answer, Compact, Request, failed, model, observed, said, too_long};

#[tokio::test]
async fn output_is_bounded_to_exactly_what_the_error_says_fits() {
    let numbers = ContextNumbers {
        used: Some(3_431),
        limit: Some(4_097),
        output_fits: Some(666),
    };
    let (recovery, seen) = observed(RecoveryConfig::default());
    let request = Request {
        fixed_output: false,
        compact: Compact::Exact,
        ..Request::new(3_000, 1_000)
    };
    let recovered = recovery
        .run(&request, async |request, _| {
            if request.output > 666 {
                return Err(Verdict::new(FailureKind::ContextTooLong).context(numbers));
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    let now = recovered.request.unwrap();
    assert_eq!((now.input, now.output, recovered.calls), (3_000, 666, 2));
    assert_eq!(said(&seen.lock().unwrap()), ["shrink_output recovered"]);
    let step = seen.lock().unwrap()[0];
    assert_eq!(
        (step.number, step.tokens_before, step.tokens_after),
        (1, 4_000, 3_666)
    );
    assert_eq!(step.failure, FailureKind::ContextTooLong);
    assert_eq!(recovered.steps, *seen.lock().unwrap());
}

#[tokio::test]
async fn history_is_shortened_to_what_fits_beside_the_output() {
    let request = Request {
        compact: Compact::Exact,
        ..Request::new(160_000, 8_000)
    };
    let recovered = Recovery::default()
        .run(&request, async |request, _| {
            if request.input == 160_000 {
                return too_long(208_000, 200_000);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    assert_eq!(recovered.request.unwrap().input, 140_000);
    assert_eq!(said(&recovered.steps), ["compact_history recovered"]);
}

#[tokio::test]
async fn output_that_takes_most_of_the_window_is_bounded_before_the_history_is_cut() {
    let request = Request {
        compact: Compact::Exact,
        fixed_output: false,
        ..Request::new(9_249, 8_000)
    };
    let recovered = Recovery::default()
        .run(&request, async |request, _| {
            if request.input + request.output > 8_192 {
                return too_long(request.input, 8_192);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    let now = recovered.request.unwrap();
    assert_eq!((now.output, recovered.calls), (2_048, 2));
    assert_eq!(now.input, 8_192 - 2_048 - 409);
    assert_eq!(
        said(&recovered.steps),
        ["shrink_output recovered", "compact_history recovered"]
    );
}

#[tokio::test]
async fn window_is_changed_with_the_whole_history_where_it_cannot_be_shortened_enough() {
    let request = Request {
        compact: Compact::Floor(150_000),
        model: Some(model("small")),
        bigger: Some(model("big")),
        ..Request::new(160_000, 0)
    };
    let recovered = Recovery::default()
        .run(&request, async |request, _| {
            if request.model == Some(model("small")) {
                return too_long(160_000, 100_000);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    let now = recovered.request.unwrap();
    assert_eq!(
        (now.input, now.model, recovered.calls),
        (160_000, Some(model("big")), 2)
    );
    assert_eq!(
        said(&recovered.steps),
        ["compact_history skipped", "bigger_window recovered"]
    );
}

#[tokio::test]
async fn spent_quota_is_answered_by_a_cheaper_model_and_by_nothing_else() {
    let all = Request {
        compact: Compact::Exact,
        fixed_output: false,
        bigger: Some(model("big")),
        cheaper: Some(model("cheap")),
        parts: 2,
        continues: true,
        ..Request::new(1_000, 1_000)
    };
    let recovered = Recovery::default()
        .run(&all, async |request, _| match &request.model {
            None => failed(FailureKind::QuotaExhausted),
            Some(model) => Ok(Answer::whole(model.as_str())),
        })
        .await
        .unwrap();
    assert_eq!(recovered.reply.text, "cheap");
    assert_eq!(said(&recovered.steps), ["cheaper_model recovered"]);
}

#[tokio::test]
async fn no_change_is_tried_where_none_would_help() {
    for kind in FailureKind::ALL {
        let config = RecoveryConfig::default();
        if config.suits(*kind).next().is_some() {
            continue;
        }
        let (recovery, seen) = observed(config);
        let request = Request {
            compact: Compact::Exact,
            cheaper: Some(model("cheap")),
            ..Request::new(1_000, 1_000)
        };
        let error = recovery
            .run(&request, async |_, _| failed(*kind))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.calls(), error.steps().len()),
            (*kind, 1, 0)
        );
        assert!(seen.lock().unwrap().is_empty());
        assert_eq!(Failure::from(error).kind(), *kind);
    }
}

#[tokio::test]
async fn rung_that_changes_nothing_is_asked_once_and_left_out() {
    for compact in [Compact::Never, Compact::Fails, Compact::Grows] {
        let request = Request {
            compact,
            parts: 1,
            ..Request::new(1_000, 0)
        };
        let error = Recovery::default()
            .run(&request, async |_, _| failed(FailureKind::ContextTooLong))
            .await
            .unwrap_err();
        assert_eq!(error.calls(), 1);
        assert_eq!(
            said(error.steps()),
            [
                "compact_history skipped",
                "bigger_window skipped",
                "chunk skipped",
                "stop failed"
            ]
        );
        let asked = request.hooks.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(asked, 3, "each hook once");
    }
}

#[tokio::test]
async fn rung_that_changed_nothing_is_not_asked_after_a_later_failure_either() {
    let request = Request {
        bigger: Some(model("big")),
        ..Request::new(1_000, 0)
    };
    let error = Recovery::default()
        .run(&request, async |_, _| failed(FailureKind::ContextTooLong))
        .await
        .unwrap_err();
    assert_eq!(
        said(error.steps()),
        [
            "compact_history skipped",
            "bigger_window failed",
            "chunk skipped",
            "stop failed"
        ]
    );
    let asked = request.hooks.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(asked, 3, "each hook once");
}

#[tokio::test]
async fn order_and_bounds_are_those_of_the_ladder() {
    let config = RecoveryConfig::from_json(
        r#"{"ladder": [{"strategy": "bigger_window"}, {"strategy": "compact_history", "tries": 3},
            {"strategy": "stop"}], "max_steps": 3, "reduce": 10}"#,
    )
    .unwrap();
    let (recovery, seen) = observed(config);
    let request = Request {
        compact: Compact::Exact,
        bigger: Some(model("big")),
        ..Request::new(1_000, 0)
    };
    let mut inputs = Vec::new();
    let error = recovery
        .run(&request, async |request, _| {
            inputs.push(request.input);
            failed(FailureKind::ContextTooLong)
        })
        .await
        .unwrap_err();
    assert_eq!(
        inputs,
        [1_000, 1_000, 900, 720],
        "a tenth off, then a fifth"
    );
    let steps = [
        "bigger_window failed",
        "compact_history failed",
        "compact_history failed",
        "stop failed",
    ];
    assert_eq!(said(&seen.lock().unwrap()), steps);
    assert_eq!(said(error.steps()), steps);
    let stats = recovery.stats();
    assert_eq!(stats.of(By::CompactHistory).failed, 2);
    assert_eq!(stats.of(By::CompactHistory).success_permille(), Some(0));
    assert_eq!(stats.of(By::Stop).tried(), 1);
}

#[tokio::test]
async fn too_many_bytes_are_answered_by_less_history_and_never_by_fewer_output_tokens() {
    let request = Request {
        compact: Compact::Exact,
        fixed_output: false,
        bigger: Some(model("big")),
        ..Request::new(1_000, 9_000)
    };
    let recovered = Recovery::default()
        .run(&request, async |request, _| {
            if request.input > 600 {
                return failed(FailureKind::PayloadTooLarge);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    let now = recovered.request.unwrap();
    assert_eq!((now.input, now.output, recovered.calls), (375, 9_000, 3));
    let steps = ["compact_history failed", "compact_history recovered"];
    assert_eq!(said(&recovered.steps), steps);
}

#[tokio::test]
async fn output_is_reduced_with_the_history_where_nobody_knows_the_limit() {
    let request = Request {
        compact: Compact::Exact,
        fixed_output: false,
        ..Request::new(4_000, 4_000)
    };
    let recovered = Recovery::default()
        .run(&request, async |request, _| {
            if request.input + request.output > 6_000 {
                return failed(FailureKind::ContextTooLong);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    let now = recovered.request.unwrap();
    assert_eq!((now.input, now.output, recovered.calls), (3_000, 3_000, 2));
    // Where the history is fixed, the output is reduced alone.
    let request = Request {
        compact: Compact::Never,
        ..request
    };
    let recovered = Recovery::default()
        .run(&request, async |request, _| {
            if request.input + request.output > 7_000 {
                return failed(FailureKind::ContextTooLong);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    assert_eq!(recovered.request.unwrap().output, 3_000);
}

#[tokio::test]
async fn ladder_without_a_rung_never_takes_it() {
    let config = RecoveryConfig {
        ladder: vec![Rung::once(By::Stop)],
        ..RecoveryConfig::default()
    };
    let request = Request {
        compact: Compact::Exact,
        ..Request::new(1_000, 0)
    };
    let error = Recovery::new(config)
        .unwrap()
        .run(&request, async |_, _| failed(FailureKind::ContextTooLong))
        .await
        .unwrap_err();
    assert_eq!((error.calls(), error.steps().len()), (1, 0));
}

#[tokio::test]
async fn run_can_be_handed_to_another_thread() {
    let recovery = Recovery::default();
    let task = tokio::spawn(async move {
        let request = Request {
            compact: Compact::Exact,
            ..Request::new(1_000, 0)
        };
        recovery
            .run(&request, async |request, attempt| {
                tokio::task::yield_now().await;
                if attempt.number == 1 {
                    return Err(Failure::new(Verdict::new(FailureKind::ContextTooLong)));
                }
                Ok(Answer::whole(&request.input.to_string()))
            })
            .await
            .unwrap()
            .reply
            .text
    });
    assert_eq!(task.await.unwrap(), "750");
}
