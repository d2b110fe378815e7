//! Whatever hooks and providers do, a run ends, and what is to be smaller is smaller.

use std::num::{NonZeroU32, NonZeroUsize};

use agent_primitives::{FailureKind, RecoveryOutcome, RecoveryStrategy as By};
use agent_resilience::classify::{ContextNumbers, Verdict};
use agent_resilience::{Cut, RecoveryConfig, Rung};
use proptest::prelude::*;

use super::support::{Answer, Compact, Request, model, observed};

/// What a provider answers.
#[derive(Debug, Clone)]
enum Said {
    Whole,
    Cut(Cut),
    Failed(FailureKind, ContextNumbers),
}

fn said() -> impl Strategy<Value = Said> {
    let kind = prop::sample::select(vec![
        FailureKind::ContextTooLong,
        FailureKind::ContextTooLong,
        FailureKind::ContextTooLong,
        FailureKind::PayloadTooLarge,
        FailureKind::OutputLimit,
        FailureKind::QuotaExhausted,
        FailureKind::Overloaded,
    ]);
    let number = || {
        prop::option::of(prop_oneof![
            0_u64..20,
            500..20_000_u64,
            Just(u64::MAX),
            Just(u64::MAX / 2)
        ])
    };
    let numbers =
        (number(), number(), number()).prop_map(|(used, limit, output_fits)| ContextNumbers {
            used,
            limit,
            output_fits,
        });
    prop_oneof![
        1 => Just(Said::Whole),
        2 => prop::sample::select(vec![Cut::InText, Cut::InWhole]).prop_map(Said::Cut),
        6 => (kind, numbers).prop_map(|(kind, numbers)| Said::Failed(kind, numbers)),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let compact = prop_oneof![
        Just(Compact::Never),
        Just(Compact::Exact),
        Just(Compact::Fails),
        Just(Compact::Grows),
        (0_u64..20_000).prop_map(Compact::Floor),
    ];
    let tokens = || prop_oneof![0_u64..20_000, Just(u64::MAX / 64)];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (tokens(), tokens(), compact, flags, 0..6_usize).prop_map(
        |(input, output, compact, (fixed_output, bigger, cheaper, continues), parts)| Request {
            compact,
            fixed_output,
            model: Some(model("m")),
            bigger: bigger.then(|| model("big")),
            cheaper: cheaper.then(|| model("cheap")),
            continues,
            parts,
            ..Request::new(input, output)
        },
    )
}

fn config() -> impl Strategy<Value = RecoveryConfig> {
    let rungs: Vec<By> = By::ALL
        .iter()
        .copied()
        .filter(|by| *by != By::Stop)
        .collect();
    let ladder = Just(rungs).prop_shuffle().prop_flat_map(|rungs| {
        let tries = prop::collection::vec(1..5_u32, rungs.len());
        (Just(rungs), tries, 1..8_usize)
    });
    (ladder, 1..9_u32, 2..5_usize).prop_map(|((rungs, tries, length), steps, parts)| {
        let rung = |(strategy, tries)| Rung::at_most(strategy, NonZeroU32::new(tries).unwrap());
        RecoveryConfig {
            ladder: rungs
                .into_iter()
                .zip(tries)
                .take(length)
                .map(rung)
                .collect(),
            max_steps: NonZeroU32::new(steps).unwrap(),
            max_parts: NonZeroUsize::new(parts).unwrap(),
            ..RecoveryConfig::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(6),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_run_ends_within_its_bounds(
        config in config(),
        request in request(),
        script in prop::collection::vec(said(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (recovery, seen) = observed(config.clone());
        let (mut calls, mut last) = (0_u32, None::<Request>);
        // Twice, so that what was learned is looked at as well.
        for _ in 0..2 {
            let mut made = 0_usize;
            seen.lock().unwrap().clear();
            let ended = runtime.block_on(recovery.run(&request, async |sent, attempt| {
                made += 1;
                calls += 1;
                assert_eq!(attempt.number as usize, made);
                if matches!(attempt.after, Some(By::ShrinkOutput | By::CompactHistory))
                    && attempt.part.is_none()
                    && let Some(before) = &last
                    && attempt.number > 1
                {
                    assert!(sent.input <= before.input);
                    assert!(sent.output <= before.output || before.output == 0);
                }
                last = Some(sent.clone());
                match &script[(made - 1) % script.len()] {
                    Said::Whole => Ok(Answer::whole("w")),
                    Said::Cut(cut) => Ok(Answer::cut("c", *cut)),
                    Said::Failed(kind, numbers) => Err(Verdict::new(*kind).context(*numbers)),
                }
            }));
            let steps = seen.lock().unwrap().clone();
            let (told, counted) = match &ended {
                Ok(recovered) => {
                    prop_assert!(recovered.reply.cut.is_none(), "a cut answer is no success");
                    (recovered.steps.clone(), recovered.calls)
                }
                Err(error) => (error.steps().to_vec(), error.calls()),
            };
            prop_assert_eq!(&told, &steps, "each step is told once");
            prop_assert_eq!(counted as usize, made);
            let most = 1 + config.max_steps.get() as usize + config.max_parts.get();
            prop_assert!(made <= most, "{} calls of {}", made, most);
            let changes = |by: By| steps.iter()
                .filter(|step| step.strategy == by && step.outcome != RecoveryOutcome::Skipped)
                .count();
            let taken: usize = config.ladder.iter().map(|rung| changes(rung.strategy)).sum();
            prop_assert!(taken <= config.max_steps.get() as usize);
            for rung in &config.ladder {
                prop_assert!(changes(rung.strategy) <= rung.tries.get() as usize);
            }
            for step in &steps {
                let shrinks = matches!(step.strategy, By::CompactHistory | By::Chunk);
                if shrinks && step.outcome != RecoveryOutcome::Skipped {
                    prop_assert!(step.tokens_after < step.tokens_before, "{:?}", step);
                }
            }
        }
        let total: u64 = recovery.stats().strategies.values()
            .map(|tally| tally.tried() + tally.skipped).sum();
        prop_assert!(total >= seen.lock().unwrap().len() as u64);
    }
}

#[tokio::test]
async fn dropped_run_settles_nothing_and_keeps_nothing() {
    let (recovery, seen) = observed(RecoveryConfig::default());
    let request = Request {
        compact: Compact::Exact,
        ..Request::new(1_000, 0)
    };
    {
        let run = recovery.run(&request, async |_, attempt| {
            if attempt.number > 1 {
                std::future::pending::<()>().await;
            }
            super::support::failed(FailureKind::ContextTooLong)
        });
        let mut run = std::pin::pin!(run);
        let polled =
            std::future::poll_fn(|task| std::task::Poll::Ready(run.as_mut().poll(task))).await;
        assert!(polled.is_pending());
    }
    assert!(seen.lock().unwrap().is_empty());
    assert!(recovery.stats().strategies.is_empty());
    assert_eq!(request.input, 1_000);
}
