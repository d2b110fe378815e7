//! Answers that were cut at the output limit.

use agent_primitives::FailureKind;
use agent_resilience::classify::Verdict;
use agent_resilience::{Cut, Recovery, RecoveryConfig, Settings};

use super::support::{Answer, Request, failed, model, said};

fn ladder(text: &str) -> Recovery {
    let json = format!(r#"{{"ladder": {text}}}"#);
    Recovery::new(RecoveryConfig::from_json(&json).unwrap()).unwrap()
}

fn talk() -> Request {
    Request {
        fixed_output: false,
        continues: true,
        ..Request::new(1_000, 100)
    }
}

#[tokio::test]
async fn more_output_is_allowed_and_the_answer_asked_for_again() {
    let mut outputs = Vec::new();
    let recovered = Recovery::default()
        .run(&talk(), async |request, _| {
            outputs.push((request.output, request.is_rest));
            Ok::<_, Verdict>(match request.output {
                100 => Answer::cut("half", Cut::InWhole),
                _ => Answer::whole("all of it"),
            })
        })
        .await
        .unwrap();
    assert_eq!(outputs, [(100, false), (200, false)]);
    assert_eq!(recovered.reply.text, "all of it");
    assert_eq!(said(&recovered.steps), ["extend_output recovered"]);
}

#[tokio::test]
async fn rest_of_a_text_is_asked_for_and_joined() {
    let recovery = ladder(r#"[{"strategy": "ask_for_rest", "tries": 2}]"#);
    let mut sent = Vec::new();
    let recovered = recovery
        .run(&talk(), async |request, attempt| {
            sent.push(request.is_rest);
            Ok::<_, Verdict>(match attempt.number {
                1 => Answer::cut("a", Cut::InText),
                2 => Answer::cut("b", Cut::InText),
                _ => Answer::whole("c"),
            })
        })
        .await
        .unwrap();
    assert_eq!(recovered.reply.text, "abc");
    assert_eq!(sent, [false, true, true]);
    assert_eq!(
        said(&recovered.steps),
        ["ask_for_rest failed", "ask_for_rest recovered"]
    );
    assert!(
        recovered.request.is_none(),
        "the request itself was not changed"
    );
}

#[tokio::test]
async fn rest_is_never_asked_for_across_a_tool_call() {
    let recovery = ladder(r#"[{"strategy": "ask_for_rest", "tries": 3}]"#);
    for number_of_the_tool_call in [1, 2] {
        let mut calls = 0;
        let error = recovery
            .run(&talk(), async |_, attempt| {
                calls += 1;
                let is_tool_call = attempt.number == number_of_the_tool_call;
                let cut = if is_tool_call {
                    Cut::InWhole
                } else {
                    Cut::InText
                };
                Ok::<_, Verdict>(Answer::cut("x", cut))
            })
            .await
            .unwrap_err();
        assert_eq!(calls, number_of_the_tool_call);
        assert_eq!(error.kind(), FailureKind::OutputLimit);
        assert_eq!(error.partial().len(), 1);
        assert_eq!(
            error.partial()[0].text.len(),
            number_of_the_tool_call as usize
        );
    }
}

#[tokio::test]
async fn answer_that_stays_cut_is_an_error_that_holds_it() {
    let request = Request {
        fixed_output: true,
        continues: false,
        ..talk()
    };
    let error = Recovery::default()
        .run(&request, async |_, _| {
            Ok::<_, Verdict>(Answer::cut("half", Cut::InText))
        })
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.calls()), (FailureKind::OutputLimit, 1));
    assert_eq!(
        said(error.steps()),
        [
            "extend_output skipped",
            "ask_for_rest skipped",
            "stop failed"
        ]
    );
    let (_, partial) = error.into_parts();
    assert_eq!(partial, [Answer::cut("half", Cut::InText)]);
}

#[tokio::test]
async fn what_was_answered_is_kept_when_the_rest_fails() {
    let recovery = ladder(r#"[{"strategy": "ask_for_rest", "tries": 2}]"#);
    let error = recovery
        .run(&talk(), async |_, attempt| match attempt.number {
            1 => Ok(Answer::cut("so far", Cut::InText)),
            _ => failed(FailureKind::Overloaded),
        })
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.calls()), (FailureKind::Overloaded, 2));
    assert_eq!(error.partial()[0].text, "so far");
    assert_eq!(said(error.steps()), ["ask_for_rest failed"]);
}

#[tokio::test]
async fn cut_without_an_answer_is_met_by_more_output_alone() {
    let recovered = Recovery::default()
        .run(&talk(), async |request, _| {
            if request.output == 100 {
                return failed(FailureKind::OutputLimit);
            }
            Ok(Answer::whole("ok"))
        })
        .await
        .unwrap();
    assert_eq!(recovered.request.unwrap().output, 200);
}

#[tokio::test]
async fn output_is_not_extended_beyond_the_bound_or_the_window() {
    let config = RecoveryConfig::from_json(
        r#"{"ladder": [{"strategy": "extend_output", "tries": 9}], "min_output": 1, "max_output": 350}"#,
    )
    .unwrap();
    let recovery = Recovery::new(config).unwrap();
    let always_cut = async |request: &Request| {
        Ok::<_, Verdict>(Answer::cut(&request.output.to_string(), Cut::InText))
    };
    let error = recovery
        .run(&talk(), async |request, _| always_cut(request).await)
        .await
        .unwrap_err();
    assert_eq!(
        (error.calls(), error.partial()[0].text.as_str()),
        (3, "350")
    );

    let request = Request {
        model: Some(model("m")),
        ..talk()
    };
    recovery.learn_limit(&model("m"), 1_150);
    let error = recovery
        .run(&request, async |request, _| always_cut(request).await)
        .await
        .unwrap_err();
    assert_eq!(
        (error.calls(), error.partial()[0].text.as_str()),
        (2, "150")
    );
}

#[tokio::test]
async fn shrunk_output_that_is_cut_has_answered_the_context_error() {
    let request = Request {
        model: Some(model("m")),
        ..talk()
    };
    let recovery = ladder(r#"[{"strategy": "shrink_output"}, {"strategy": "extend_output"}]"#);
    let recovery = Recovery::new(RecoveryConfig {
        min_output: std::num::NonZeroU64::MIN,
        ..recovery.config().clone()
    })
    .unwrap();
    let error = recovery
        .run(&request, async |request, _| {
            if request.output > 50 {
                return super::support::too_long(request.input, 1_050);
            }
            Ok(Answer::cut("x", Cut::InText))
        })
        .await
        .unwrap_err();
    assert_eq!(error.calls(), 2, "it is not extended to what does not fit");
    assert_eq!(
        said(error.steps()),
        ["shrink_output recovered", "stop failed"]
    );
}
