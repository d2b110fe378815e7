//! A verdict in words, and as JSON.

use std::fmt::Write as _;

use agent_primitives::{FailureKind, Scope, Timestamp};
use agent_resilience::classify::{Evidence, Remedy, Verdict, When};

/// The verdict with its remedy, on one line.
pub(super) fn as_json(verdict: &Verdict) -> String {
    serde_json::json!({ "verdict": verdict, "remedy": verdict.remedy() }).to_string()
}

/// The verdict, a line for each thing that is known.
pub(super) fn in_words(verdict: &Verdict, now: Timestamp) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<9} {value}");
    };
    line("kind", verdict.kind.to_string());
    line("evidence", evidence(verdict.evidence).to_owned());
    line("scope", scope(verdict.scope).to_owned());
    if let Some(when) = verdict.retry_after {
        line("hint", wait(when, now));
    }
    for window in verdict.limits.windows() {
        let resource = format!("{:?}", window.resource).to_lowercase();
        let mut parts = vec![resource];
        if let Some(period) = window.period {
            parts.push(format!("in {} s", period.as_secs()));
        }
        if let Some(limit) = window.limit {
            parts.push(format!("limit {limit}"));
        }
        if let Some(remaining) = window.remaining {
            parts.push(format!("{remaining} left"));
        }
        if let Some(used) = window.used() {
            parts.push(format!("{}.{} % used", used / 10, used % 10));
        }
        if let Some(reset) = window.reset {
            parts.push(format!("full again in {}", wait(reset, now)));
        }
        line("limit", parts.join(", "));
    }
    if let Some(numbers) = verdict.context {
        let mut parts = Vec::new();
        for (what, number) in [
            ("used", numbers.used),
            ("limit", numbers.limit),
            ("an answer that would fit", numbers.output_fits),
        ] {
            if let Some(number) = number {
                parts.push(format!("{what} {number}"));
            }
        }
        line("tokens", parts.join(", "));
    }
    line("remedy", remedy(verdict, now));
    text
}

fn wait(when: When, now: Timestamp) -> String {
    format!("{:.3} s", when.delay(now).as_secs_f64())
}

fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Transport => "the connection failed",
        Evidence::Stream => "inside a successful reply",
        Evidence::Code => "a code in the body",
        Evidence::Details => "a detail beside the code",
        Evidence::Header => "a header",
        Evidence::Status => "the status",
        Evidence::Prose => "the sentence for people",
        _ => "nothing could be told",
    }
}

fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Request => "this request alone",
        Scope::Key => "every request with this key",
        Scope::Model => "every request to this model",
        Scope::Account => "every request of this account",
        Scope::Provider => "every request to this provider",
        _ => "not known",
    }
}

/// What to do, and why.
fn remedy(verdict: &Verdict, now: Timestamp) -> String {
    let up_to = |tokens: Option<u64>| tokens.map_or(String::new(), |n| format!(" to {n} tokens"));
    match verdict.remedy() {
        Remedy::Wait(when) => format!("wait {}: the provider asked for it", wait(when, now)),
        Remedy::BackOff => "send it again after a growing pause: this passes".to_owned(),
        Remedy::ShrinkOutput(fits) => {
            format!(
                "ask for less output, up{}: the input itself fits",
                up_to(fits)
            )
        }
        Remedy::ShrinkContext(limit) => {
            format!(
                "send less, up{}: waiting does not make it fit",
                up_to(limit)
            )
        }
        Remedy::ExtendOutput => "allow more output, or ask for the rest".to_owned(),
        Remedy::SwitchModel => "use another model: this one is not there".to_owned(),
        Remedy::SwitchProvider if verdict.kind == FailureKind::QuotaExhausted => {
            "use another provider: waiting brings no money".to_owned()
        }
        Remedy::SwitchProvider => "use another provider: nothing says that this passes".to_owned(),
        Remedy::AskHuman => "ask a person: a key or a permission has to change".to_owned(),
        _ => "stop: the same request would fail in the same way".to_owned(),
    }
}
