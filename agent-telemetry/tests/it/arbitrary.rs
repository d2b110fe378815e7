//! Any records: few names, so that they meet, and all kinds.

use std::time::Duration;

use agent_primitives::{
    AgentId, Attempt, BreakerChange, BreakerState, CheckpointId, CheckpointKind, CheckpointSaved,
    ContextPressure, Cooldown, FailureKind, Handoff, HandoffReason, ModelId, ProviderId, Restored,
    Retry, Scope, SessionId, Timestamp, TokenUsage, ToolName, Usd,
};
use agent_telemetry::{
    Body, Candidate, Decision, DecisionOutcome, FilesChanged, Metric, ModelCall, Outcome, Parent,
    ProjectId, Record, ServiceTier, SessionEnd, SessionStart, Severity, StopReason, TaskTiming,
    ToolCall, ToolOutcome, Unit, Violation,
};
use proptest::prelude::*;
use proptest::sample::select;

fn id<T: std::fmt::Debug + Clone + 'static>(
    names: &'static [&'static str],
    new: fn(String) -> T,
) -> impl Strategy<Value = T> {
    select(names).prop_map(move |name| new(name.to_owned()))
}

fn session() -> impl Strategy<Value = SessionId> {
    id(&["s1", "s2", "s3", "s4"], |name| {
        SessionId::new(name).unwrap()
    })
}

fn agent() -> impl Strategy<Value = AgentId> {
    id(&["coder", "reviewer"], |name| AgentId::new(name).unwrap())
}

fn provider() -> impl Strategy<Value = ProviderId> {
    id(&["claude", "groq", "coder"], |name| {
        ProviderId::new(name).unwrap()
    })
}

fn model() -> impl Strategy<Value = ModelId> {
    id(&["small", "large"], |name| ModelId::new(name).unwrap())
}

fn checkpoint() -> impl Strategy<Value = CheckpointId> {
    id(&["1-a", "2-b"], |name| CheckpointId::new(name).unwrap())
}

fn failure() -> impl Strategy<Value = FailureKind> {
    select(FailureKind::ALL)
}

fn time() -> impl Strategy<Value = Duration> {
    (0_u64..1 << 62).prop_map(Duration::from_nanos)
}

fn usage() -> impl Strategy<Value = TokenUsage> {
    let tokens = || 0_u64..1 << 50;
    (tokens(), tokens(), tokens(), tokens(), tokens()).prop_flat_map(
        |(input, output, read, five_minutes, hour)| {
            (0..=output).prop_map(move |reasoning| {
                TokenUsage::new(input, output)
                    .with_cache_read(read)
                    .with_cache_write_5m(five_minutes)
                    .with_cache_write_1h(hour)
                    .with_reasoning(reasoning)
                    .unwrap()
            })
        },
    )
}

/// Beyond 64 bits in both directions, so that the wide form is met.
fn cost() -> impl Strategy<Value = Usd> {
    prop_oneof![0_i128..1 << 60, -(1_i128 << 90)..1 << 90].prop_map(Usd::from_picos)
}

fn model_call() -> impl Strategy<Value = Body> {
    let times = (time(), prop::option::of(time()));
    let ends = (
        // None: usage that no call explains, or a call that was refused.
        0_u32..5,
        prop::option::of(failure()),
        prop::option::of(cost()),
    );
    let terms = (
        prop::option::of(select(ServiceTier::ALL)),
        prop::option::of(select(StopReason::ALL)),
        any::<bool>(),
    );
    (provider(), model(), usage(), times, ends, terms).prop_map(
        |(provider, model, usage, (latency, first_token), (attempts, failure, cost), terms)| {
            let mut call = ModelCall::new(provider, model);
            call.usage = usage;
            call.latency = latency;
            call.first_token = first_token;
            call.attempts = attempts;
            call.failure = failure;
            call.cost = cost;
            (call.service_tier, call.stop_reason, call.streamed) = terms;
            call.into()
        },
    )
}

fn parent() -> impl Strategy<Value = Option<Parent>> {
    prop::option::of(
        (session(), prop::option::of(agent())).prop_map(|(session, agent)| {
            let mut parent = Parent::new(session);
            parent.agent = agent;
            parent
        }),
    )
}

fn decision() -> impl Strategy<Value = Body> {
    let score = || prop::option::of(-1e6_f64..1e6);
    let names = || select(&["claude", "groq", "local"][..]);
    let candidate =
        (names(), score(), prop::option::of("\\PC{0,8}")).prop_map(|(name, score, lost)| {
            let mut candidate = Candidate::new(name);
            candidate.score = score;
            candidate.lost = lost.map(Into::into);
            candidate
        });
    let ids = || select(&["d-1", "d-2"][..]);
    prop_oneof![
        (
            ids(),
            prop::collection::vec(candidate, 0..40),
            prop::option::of(names()),
            prop::option::of(0.0_f64..1.0),
        )
            .prop_map(|(id, candidates, choice, confidence)| {
                let mut decision = Decision::new(id, "provider");
                decision = candidates.into_iter().fold(decision, Decision::candidate);
                decision.choice = choice.map(Into::into);
                decision.confidence = confidence;
                decision.into()
            }),
        (ids(), select(Outcome::ALL), score()).prop_map(|(id, outcome, score)| {
            let mut outcome = DecisionOutcome::new(id, outcome);
            outcome.score = score;
            outcome.into()
        }),
    ]
}

fn lifecycle() -> impl Strategy<Value = Body> {
    let task = select(&[None, Some("bug_fix"), Some("review")][..]);
    prop_oneof![
        (any::<bool>(), task, parent(), any::<Option<u128>>()).prop_map(
            |(first, task_type, parent, user)| {
                let (session, agent) = ("s1".parse().unwrap(), "coder".parse().unwrap());
                let mut task = SessionStart::new(session, agent).task;
                task.task_type = task_type.map(Into::into);
                task.parent = parent;
                task.user = user.map(|bits| format!("{bits:032x}").parse().unwrap());
                if first {
                    Body::SessionStart(task)
                } else {
                    Body::SessionResume(task)
                }
            }
        ),
        (select(Outcome::ALL), time())
            .prop_map(|(outcome, elapsed)| { SessionEnd::new(outcome, elapsed).into() }),
    ]
}

fn event() -> impl Strategy<Value = Body> {
    let state = || select(BreakerState::ALL);
    let bytes = || 0_u64..1 << 40;
    prop_oneof![
        (provider(), 1_u32..9, time(), prop::option::of(failure())).prop_map(
            |(provider, attempt, elapsed, failure)| {
                let mut attempt = Attempt::new(provider, attempt, elapsed);
                attempt.failure = failure;
                attempt.into()
            }
        ),
        (provider(), 2_u32..9, time(), failure()).prop_map(|(provider, attempt, delay, kind)| {
            Retry::new(provider, attempt, delay, kind).into()
        }),
        (provider(), state(), state())
            .prop_map(|(provider, from, to)| { BreakerChange::new(provider, from, to).into() }),
        (provider(), select(Scope::ALL), failure(), time()).prop_map(
            |(provider, scope, kind, time)| Cooldown::new(provider, scope, kind, time).into()
        ),
        (bytes(), bytes()).prop_map(|(used, window)| ContextPressure::new(used, window).into()),
        (
            checkpoint(),
            select(CheckpointKind::ALL),
            bytes(),
            bytes(),
            time()
        )
            .prop_map(|(id, kind, logical, stored, time)| {
                CheckpointSaved::new(id, kind)
                    .bytes(logical, stored)
                    .took(time)
                    .into()
            }),
        (checkpoint(), bytes(), time())
            .prop_map(|(id, lost, time)| Restored::new(id, time).lost(lost).into()),
    ]
}

fn work() -> impl Strategy<Value = Body> {
    let tool = id(&["grep", "edit"], |name| ToolName::new(name).unwrap());
    let line = prop::option::of((select(&["a.rs", "b.rs"][..]), any::<u32>()));
    prop_oneof![
        (0_u64..1 << 62, 0_u64..1 << 62, 0_u64..1 << 62).prop_map(|(files, added, removed)| {
            FilesChanged::new(files).lines(added, removed).into()
        }),
        (time(), time()).prop_map(|(queued, ran)| TaskTiming::new(queued, ran).into()),
        (tool, select(ToolOutcome::ALL), time())
            .prop_map(|(tool, outcome, time)| ToolCall::new(tool, outcome, time).into()),
        (
            provider(),
            agent(),
            select(HandoffReason::ALL),
            any::<bool>()
        )
            .prop_map(|(from, to, reason, manual)| if manual {
                Handoff::manual(to, from, reason).into()
            } else {
                Handoff::automatic(from, to, reason).into()
            }),
        (
            select(&["rate", "size"][..]),
            -1e6_f64..1e6,
            select(Unit::ALL)
        )
            .prop_map(|(name, value, unit)| Metric::new(name, value, unit).unwrap().into()),
        (select(Severity::ALL), line, any::<bool>(), "\\PC{0,8}").prop_map(
            |(severity, line, fixed, message)| {
                let mut violation = Violation::new("lint", severity, message);
                violation.fixed = fixed;
                match line {
                    Some((file, line)) => violation.at(file, line),
                    None => violation,
                }
                .into()
            }
        ),
    ]
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let body = prop_oneof![model_call(), lifecycle(), event(), work(), decision()];
    // Few different times, so that some are equal.
    let at = prop_oneof![0_i64..6, any::<i64>()].prop_map(Timestamp::from_unix_nanos);
    (
        at,
        prop::option::of(session()),
        prop::option::of(agent()),
        prop::option::of(id(&["shop", "site"], |name| ProjectId::new(name).unwrap())),
        body,
    )
        .prop_map(|(at, session, agent, project, body)| {
            let mut record = Record::new(at, body);
            record.project = project;
            record.session = session;
            record.agent = agent;
            record
        })
}

pub(crate) fn records() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(record(), 0..60)
}
