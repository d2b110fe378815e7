//! What a call costs: finding its price, and the arithmetic. No peer does this in Rust, so ours stand
//! alone.

use agent_primitives::{ModelId, ProviderId, Timestamp, TokenUsage};
use agent_telemetry::{ModelCall, Prices, Record};

use super::operation::repeat;
use crate::harness::{Broken, Case, Group, Kind, Plan, version_of};

/// A day after the shipped prices were read.
const AT: Timestamp = Timestamp::from_unix_seconds(1_795_219_200);

pub(super) fn plans() -> Vec<Plan> {
    vec![
        Plan::new("price, found", |name| {
            let cases = [
                ("under its name", "claude", "claude-sonnet-4-5", true),
                ("at its seller", "groq-eu", "openai/gpt-oss-120b", true),
                (
                    "without its date",
                    "claude",
                    "claude-sonnet-4-5-20270101",
                    true,
                ),
                ("not found", "ollama", "llama3.2", false),
            ];
            let cases = cases
                .into_iter()
                .map(|(name, provider, model, known)| found(name, provider, model, known));
            Ok(Group::new(name, cases.collect::<Result<_, _>>()?))
        }),
        Plan::new("price, cost", |name| Ok(Group::new(name, vec![reprice()?]))),
    ]
}

fn names(provider: &str, model: &str) -> Result<(ProviderId, ModelId), Broken> {
    let provider = ProviderId::new(provider).map_err(Broken::when("name a provider"))?;
    Ok((
        provider,
        ModelId::new(model).map_err(Broken::when("name a model"))?,
    ))
}

fn found(name: &'static str, provider: &str, model: &str, known: bool) -> Result<Case, Broken> {
    let prices = Prices::shipped();
    let (provider, model) = names(provider, model)?;
    if prices.knows(&provider, &model, AT) != known {
        let doing = format!("find the price of {model} at {provider}");
        return Err(Broken::new(doing, "the table has changed"));
    }
    Ok(ours(name, move |_| {
        std::hint::black_box(&prices).knows(&provider, &model, AT)
    }))
}

/// One of a history of records of several models, as [`Prices::reprice`] goes through them.
fn reprice() -> Result<Case, Broken> {
    let prices = Prices::shipped();
    let mut records = Vec::new();
    for (provider, model) in [
        ("claude", "claude-sonnet-4-5"),
        ("openai", "gpt-5"),
        ("gemini", "gemini-2.5-pro"),
        ("groq", "openai/gpt-oss-120b"),
    ] {
        let (provider, model) = names(provider, model)?;
        for turn in 0..256 {
            let usage = TokenUsage::new(400 + turn, 200 + turn)
                .with_cache_read(1_000 * turn)
                .with_cache_write_5m(500);
            let call = ModelCall::new(provider.clone(), model.clone()).usage(usage);
            let record = Record::new(AT, call);
            if prices.reprice(&record).is_none_or(|it| it.own.is_err()) {
                return Err(Broken::new("price a record", "the table has changed"));
            }
            records.push(record);
        }
    }
    Ok(ours("a record priced anew", move |number| {
        let record = records.get(number as usize % records.len());
        record.and_then(|record| prices.reprice(record))
    }))
}

fn ours<T: 'static>(name: &'static str, run: impl Fn(u32) -> T + Send + Sync + 'static) -> Case {
    Case::looped(
        Kind::Ours,
        name,
        version_of("agent-telemetry"),
        move |calls| {
            repeat(calls, &run);
        },
    )
}
