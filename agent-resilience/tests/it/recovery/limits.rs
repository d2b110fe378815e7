//! Context limits that are learned.

use std::time::Duration;

use agent_primitives::{Clock, FailureKind, ManualClock};
use agent_resilience::classify::{
    ContextNumbers, LimitSnapshot, LimitWindow, LimitedResource, Verdict,
};
use agent_resilience::{Failure, Recovery};

use super::support::{Answer, Compact, Request, failed, model, said, too_long};

fn request() -> Request {
    Request {
        compact: Compact::Exact,
        model: Some(model("haiku")),
        ..Request::new(160_000, 8_000)
    }
}

/// A provider that counts 1.3 tokens for each of the host's.
fn answer(request: &Request, limit: u64) -> Result<Answer, Verdict> {
    let used = request.input * 13 / 10;
    if used + request.output > limit {
        return too_long(used, limit);
    }
    Ok(Answer::whole("ok"))
}

#[tokio::test]
async fn later_request_is_changed_before_it_is_sent() {
    let recovery = Recovery::default();
    let first = recovery
        .run(&request(), async |request, _| answer(request, 200_000))
        .await
        .unwrap();
    assert_eq!(first.calls, 2);
    assert_eq!(recovery.learned_limit(&model("haiku")), Some(200_000));

    let longer = Request {
        input: 300_000,
        ..request()
    };
    let second = recovery
        .clone()
        .run(&longer, async |request, attempt| {
            assert!(attempt.after.is_some());
            answer(request, 200_000)
        })
        .await
        .unwrap();
    assert_eq!((second.calls, second.request.unwrap().input), (1, 140_000));
    assert_eq!(said(&second.steps), ["compact_history recovered"]);

    let other = Request {
        model: Some(model("opus")),
        ..longer
    };
    let third = recovery
        .run(&other, async |request, _| answer(request, 1_000_000))
        .await
        .unwrap();
    assert_eq!(
        (third.calls, third.steps.len()),
        (1, 0),
        "another model has a limit of its own"
    );
}

#[tokio::test]
async fn limit_is_risked_again_after_its_time() {
    let clock = ManualClock::default();
    let recovery = Recovery::default().clock(clock.clone());
    recovery.learn_limit(&model("haiku"), 100_000);
    clock.advance(Duration::from_secs(3_599));
    assert_eq!(recovery.learned_limit(&model("haiku")), Some(100_000));
    clock.advance(Duration::from_secs(1));
    assert_eq!(recovery.learned_limit(&model("haiku")), None);
    assert_eq!(clock.monotonic().nanos(), 3_600_000_000_000);
    let recovered = recovery
        .run(&request(), async |_, _| answer(&request(), 1_000_000))
        .await
        .unwrap();
    assert_eq!((recovered.calls, recovered.steps.len()), (1, 0));
}

#[tokio::test]
async fn provider_decides_where_nothing_can_be_changed_and_the_limit_is_forgotten() {
    let recovery = Recovery::default();
    recovery.learn_limit(&model("haiku"), 100_000);
    let fixed = Request {
        compact: Compact::Never,
        ..request()
    };
    let recovered = recovery
        .run(&fixed, async |request, _| answer(request, 1_000_000))
        .await
        .unwrap();
    assert_eq!(recovered.calls, 1);
    assert_eq!(
        said(&recovered.steps),
        [
            "compact_history skipped",
            "bigger_window skipped",
            "chunk skipped"
        ]
    );
    assert_eq!(recovery.learned_limit(&model("haiku")), None);
}

#[tokio::test]
async fn limit_that_did_not_hold_is_not_believed() {
    let recovery = Recovery::default();
    recovery.learn_limit(&model("haiku"), 1_000_000);
    let recovered = recovery
        .run(&request(), async |request, _| {
            if request.input > 130_000 {
                return failed(FailureKind::ContextTooLong);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    assert_eq!(recovered.request.unwrap().input, 120_000, "a quarter less");
}

#[tokio::test]
async fn window_that_is_known_to_be_too_small_is_not_tried() {
    let recovery = Recovery::default();
    recovery.learn_limit(&model("opus"), 150_000);
    let small = Request {
        compact: Compact::Never,
        bigger: Some(model("opus")),
        ..request()
    };
    let error = recovery
        .run(&small, async |request, _| answer(request, 200_000))
        .await
        .unwrap_err();
    assert_eq!(error.calls(), 1);
    assert_eq!(said(error.steps())[1], "bigger_window skipped");
}

#[tokio::test]
async fn odd_request_does_not_shorten_the_requests_after_it() {
    for used in [Some(210_000), None] {
        let recovery = Recovery::default();
        // Images, which the host counts as next to nothing.
        let images = Request {
            compact: Compact::Never,
            ..request()
        };
        let images = Request {
            input: 1_000,
            output: 0,
            ..images
        };
        let refused = recovery
            .run(&images, async |_, _| too_long(used, 200_000))
            .await;
        assert_eq!(refused.unwrap_err().calls(), 1);
        assert_eq!(recovery.learned_limit(&model("haiku")), Some(200_000));

        let text = recovery
            .run(&request(), async |_, _| {
                Ok::<_, Failure>(Answer::whole("ok"))
            })
            .await
            .unwrap();
        assert_eq!((text.calls, text.steps.len()), (1, 0), "{used:?}");

        let longer = Request {
            input: 300_000,
            ..request()
        };
        let longer = recovery
            .run(&longer, async |_, _| Ok::<_, Failure>(Answer::whole("ok")))
            .await
            .unwrap();
        assert_eq!(longer.request.unwrap().input, 182_000, "{used:?}");
    }
}

#[tokio::test]
async fn request_that_fits_by_the_hosts_own_count_is_sent_as_it_stands() {
    let recovery = Recovery::default();
    let dense = recovery
        .run(&request(), async |request, _| answer(request, 200_000))
        .await
        .unwrap();
    assert_eq!(dense.calls, 2, "1.3 tokens for each that the host counts");
    // Of the same size, and nobody knows that it is as dense.
    let plain = recovery
        .run(&request(), async |_, _| {
            Ok::<_, Failure>(Answer::whole("ok"))
        })
        .await
        .unwrap();
    assert_eq!((plain.calls, plain.steps.len()), (1, 0));
}

#[tokio::test]
async fn allowance_of_a_minute_is_no_window() {
    let numbers = ContextNumbers {
        used: Some(12_100),
        limit: Some(6_000),
        output_fits: None,
    };
    let mut limits = LimitSnapshot::NONE;
    let mut minute = LimitWindow::new(LimitedResource::Tokens);
    minute.limit = Some(6_000);
    assert!(limits.push(minute));
    // Input and allowed output are counted together; or the headers name the same limit.
    for (input, output, limits) in [(2_100, 10_000, LimitSnapshot::NONE), (12_000, 0, limits)] {
        let recovery = Recovery::default();
        let request = Request {
            input,
            output,
            fixed_output: false,
            ..request()
        };
        let mut error = Verdict::new(FailureKind::ContextTooLong).context(numbers);
        error.limits = limits;
        let recovered = recovery
            .run(&request, async |request, _| {
                if request.input + request.output > 6_000 {
                    return Err(error.clone());
                }
                Ok(Answer::whole("ok"))
            })
            .await
            .unwrap();
        assert_eq!(recovered.calls, 2, "within the run it is kept to");
        assert_eq!(recovery.learned_limit(&model("haiku")), None);
    }
}

#[tokio::test]
async fn longer_answer_is_asked_for_within_the_window_that_is_known() {
    let recovery = Recovery::default();
    recovery.learn_limit(&model("haiku"), 170_000);
    let request = Request {
        fixed_output: false,
        ..request()
    };
    let recovered = recovery
        .run(&request, async |request, _| {
            if request.output == 8_000 {
                return failed(FailureKind::OutputLimit);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    assert_eq!(said(&recovered.steps), ["extend_output recovered"]);
    assert_eq!(recovered.request.unwrap().output, 10_000);
}
