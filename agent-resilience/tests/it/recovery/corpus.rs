//! Every context error of the corpus, and whether the next request fits.

use std::path::Path;

use agent_primitives::FailureKind;
use agent_resilience::classify::{self, Vendor, Verdict};
use agent_resilience::{Recovery, RecoveryConfig, Rung};

use super::support::{Answer, Compact, Request, model};
use crate::corpus::case::{Case, Claim, Phase};

fn context_errors() -> Vec<(Case, Verdict)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let context = Claim::Is(FailureKind::ContextTooLong);
    let cases = Case::load(&folder)
        .into_iter()
        .filter(|case| case.kind == context);
    cases
        .map(|case| {
            let vendor: Vendor = case.vendor.parse().unwrap();
            let verdict = match case.phase {
                Phase::Http => {
                    classify::http(vendor, case.status, &case.header_map(), &case.bytes())
                }
                _ => classify::stream_event(vendor, &case.bytes()).unwrap(),
            };
            (case, verdict)
        })
        .collect()
}

/// Says what the corpus says to the first request and holds all to the same limit: `count` says how many
/// tokens a request really has.
async fn calls_until_it_fits(
    verdict: &Verdict,
    request: &Request,
    limit: u64,
    count: impl Fn(&Request) -> u64,
) -> u32 {
    assert!(count(request) > limit, "it does not fit at first");
    let recovered = Recovery::default()
        .run(request, async |request, _| {
            if count(request) > limit {
                return Err(verdict.clone());
            }
            Ok(Answer::whole("ok"))
        })
        .await;
    recovered.map_or(u32::MAX, |recovered| recovered.calls)
}

#[tokio::test]
async fn next_request_fits_whenever_the_error_has_its_numbers() {
    let (mut cases, mut runs) = (0, 0);
    for (case, verdict) in context_errors() {
        let numbers = verdict.context.unwrap_or_default();
        let (Some(used), Some(limit)) = (numbers.used, numbers.limit) else {
            continue;
        };
        cases += 1;
        // The host counts a quarter less, a quarter more, or as the provider does; the shortened history
        // has three percent more tokens than the rest of it had.
        for (percent, output) in [75, 90, 100, 110, 125].into_iter().flat_map(|percent| {
            let fits = numbers.output_fits;
            let outputs = match fits {
                Some(fits) => vec![fits + 1, fits + 1_000, limit],
                None => vec![0, 100, limit / 8, limit / 2, limit, limit * 2],
            };
            outputs.into_iter().map(move |output| (percent, output))
        }) {
            let counted = used * percent / 100;
            let request = Request {
                compact: Compact::Exact,
                fixed_output: false,
                model: Some(model("m")),
                ..Request::new(counted, output)
            };
            let real = |request: &Request| {
                let input = (request.input * used).div_ceil(counted);
                let denser = if request.input < counted { 103 } else { 100 };
                input * denser / 100 + request.output
            };
            runs += 1;
            let calls = calls_until_it_fits(&verdict, &request, limit, real).await;
            assert_eq!(
                calls, 2,
                "{} / {}: {percent} % and {output}",
                case.vendor, case.name
            );
        }
    }
    assert!(cases >= 40, "{cases} cases with numbers, {runs} runs");
}

#[tokio::test]
async fn next_request_fits_where_the_number_is_input_and_output_together() {
    let mut cases = 0;
    for (case, verdict) in context_errors() {
        let numbers = verdict.context.unwrap_or_default();
        let (Some(used), Some(limit)) = (numbers.used, numbers.limit) else {
            continue;
        };
        if numbers.output_fits.is_some() {
            continue;
        }
        cases += 1;
        // All of the rest is output, as a limit of tokens a minute counts it.
        for input in [used / 10, used / 3, used / 2, used * 4 / 5] {
            let request = Request {
                compact: Compact::Exact,
                fixed_output: false,
                ..Request::new(input, used - input)
            };
            let both = |request: &Request| request.input + request.output;
            let calls = calls_until_it_fits(&verdict, &request, limit, both).await;
            assert_eq!(
                calls, 2,
                "{} / {}: {input} of {used}",
                case.vendor, case.name
            );
        }
    }
    assert!(cases >= 35, "{cases} cases");
}

#[tokio::test]
async fn without_numbers_it_takes_two_changes_at_most() {
    let mut cases = 0;
    for (case, verdict) in context_errors() {
        if verdict.context.unwrap_or_default().used.is_some() {
            continue;
        }
        cases += 1;
        // Up to two and a half times too long, and the host counts roughly where a limit is named.
        for (over, percent) in [(101, 100), (130, 90), (180, 110), (250, 100)] {
            let limit = verdict.context.and_then(|it| it.limit).unwrap_or(8_192);
            let real = limit * over / 100;
            let counted = real * percent / 100;
            let request = Request {
                compact: Compact::Exact,
                fixed_output: false,
                ..Request::new(counted, 0)
            };
            let count = |request: &Request| (request.input * real).div_ceil(counted);
            let calls = calls_until_it_fits(&verdict, &request, limit, count).await;
            assert!(
                calls <= 3,
                "{} / {}: {over}: {calls} calls",
                case.vendor,
                case.name
            );
        }
    }
    assert!(cases >= 12, "{cases} cases without numbers");
}

#[tokio::test]
async fn output_is_what_the_error_says_in_every_case_that_says_it() {
    let config = RecoveryConfig {
        ladder: vec![Rung::once(agent_primitives::RecoveryStrategy::ShrinkOutput)],
        ..RecoveryConfig::default()
    };
    let mut cases = 0;
    for (case, verdict) in context_errors() {
        let Some(fits) = verdict.context.and_then(|numbers| numbers.output_fits) else {
            continue;
        };
        cases += 1;
        let request = Request {
            fixed_output: false,
            ..Request::new(verdict.context.unwrap().used.unwrap(), fits + 5_000)
        };
        let recovered = Recovery::new(config.clone())
            .unwrap()
            .run(&request, async |request, _| {
                if request.output > fits {
                    return Err(verdict.clone());
                }
                Ok(Answer::whole("ok"))
            })
            .await
            .unwrap();
        assert_eq!(recovered.request.unwrap().output, fits, "{}", case.name);
    }
    assert!(cases >= 6, "{cases}");
}
