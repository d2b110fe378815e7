//! `status` and `health`: how the providers stand, and what they say when asked.

use std::error::Error;
use std::time::Instant;

use agent_primitives::{Clock, SystemClock, Timestamp};
use agent_resilience::classify::{LimitWindow, LimitedResource, Verdict, When};
use agent_resilience::{Provider, ProviderStatus, WindowStatus};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::keyless::Keyless;
use crate::table::{span, table};

/// Shows how everybody stands; whether anybody can be asked now.
pub(crate) fn status(fleet: &Fleet, is_json: bool) -> Result<bool, Box<dyn Error>> {
    let now = SystemClock.timestamp();
    let standings = standings(fleet, now);
    let next = fleet.next();
    let pinned = standings.iter().find(|s| s.status.pinned);
    if is_json {
        let providers: Vec<_> = standings.iter().map(Standing::as_json).collect();
        let object = json!({
            "next": next,
            "pinned": pinned.map(|standing| &standing.status.provider),
            "providers": providers,
            "budget": fleet.budget.status(),
        });
        println!("{}", serde_json::to_string(&object)?);
        return Ok(next.is_some());
    }
    let rows: Vec<_> = standings.iter().map(Standing::as_row).collect();
    let headings = [
        "",
        "PROVIDER",
        "MODEL",
        "HEALTH",
        "BREAKER",
        "RESTS FOR",
        "LIMITS LEFT",
    ];
    print!("{}", table(headings, &rows));
    match (&next, pinned) {
        (Some(next), Some(_)) => println!("\npinned: only {next} is asked, until `return`"),
        (Some(next), None) => {
            let rests = |s: &Standing| s.status.provider == *next && s.status.rests_for.is_some();
            let though = if standings.iter().any(rests) {
                ", though it rests: nobody else is left"
            } else {
                ""
            };
            println!("\nnext: {next}{though}");
        }
        (None, _) => println!("\nnobody can be asked now"),
    }
    for cap in fleet.budget.status().caps {
        println!(
            "budget of the {}: {} of {} spent",
            cap.scope, cap.spent, cap.cap
        );
    }
    Ok(next.is_some())
}

/// How one provider stands, with what the file knows of it.
pub(crate) struct Standing {
    pub(crate) status: ProviderStatus,
    model: String,
    is_last: bool,
    /// What failed, and what it reaches.
    trouble: Option<String>,
    limits: Vec<LimitWindow>,
}

/// How everybody stands, in order of preference.
pub(crate) fn standings(fleet: &Fleet, now: Timestamp) -> Vec<Standing> {
    let state = &fleet.state;
    let with_state = |status: ProviderStatus| {
        let limits = state.limits.get(&status.provider);
        let is_over = |window: &LimitWindow| match window.reset {
            Some(When::At(reset)) => reset <= now,
            _ => false,
        };
        Standing {
            model: fleet
                .config(&status.provider)
                .map(|provider| provider.model.to_string())
                .unwrap_or_default(),
            is_last: state.last.as_ref() == Some(&status.provider),
            trouble: status.failure.map(|kind| {
                // What a failure of this kind reaches, where the provider says nothing else.
                format!("{kind} ({})", Verdict::new(kind).scope)
            }),
            // What the provider said, or else what is set for it.
            limits: match limits {
                Some(stated) => stated.windows().filter(|w| !is_over(w)).copied().collect(),
                None => status.limits.iter().map(as_stated).collect(),
            },
            status,
        }
    };
    fleet.chain.status().into_iter().map(with_state).collect()
}

impl Standing {
    fn as_row(&self) -> [String; 7] {
        let mark = match (self.status.pinned, self.is_last) {
            (true, _) => "pinned",
            (false, true) => "last",
            (false, false) => "",
        };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        [
            mark.to_owned(),
            self.status.provider.to_string(),
            self.model.clone(),
            self.trouble.clone().unwrap_or_else(|| "ok".to_owned()),
            self.status.breaker.to_string(),
            or_dash(self.status.rests_for.map(span)),
            or_dash(self.tightest().and_then(left)),
        ]
    }

    /// The limit of which the largest share is used.
    fn tightest(&self) -> Option<&LimitWindow> {
        self.limits.iter().max_by_key(|window| used_ppm(window))
    }

    fn as_json(&self) -> Value {
        json!({
            "provider": self.status.provider,
            "model": self.model,
            "pinned": self.status.pinned,
            "last": self.is_last,
            "health": self.trouble.as_deref().unwrap_or("ok"),
            "breaker": self.status.breaker,
            "rests_for_s": self.status.rests_for.map(|left| left.as_secs_f64()),
            "limits": self.limits,
        })
    }
}

fn as_stated(window: &WindowStatus) -> LimitWindow {
    let mut stated = LimitWindow::new(window.resource);
    stated.limit = Some(window.limit);
    stated.remaining = Some(window.remaining);
    stated
}

/// The used share in millionths: large limits are used by less than thousandths.
fn used_ppm(window: &LimitWindow) -> u128 {
    match (window.limit, window.remaining) {
        (Some(limit), Some(remaining)) if limit > 0 => {
            u128::from(limit.saturating_sub(remaining)) * 1_000_000 / u128::from(limit)
        }
        _ => u128::from(window.used().unwrap_or_default()) * 1_000,
    }
}

fn left(window: &LimitWindow) -> Option<String> {
    let what = match window.resource {
        LimitedResource::Requests => "requests",
        LimitedResource::Tokens => "tokens",
        LimitedResource::InputTokens => "input tokens",
        LimitedResource::OutputTokens => "output tokens",
        LimitedResource::Concurrency => "calls at once",
        _ => "of the plan",
    };
    match (window.remaining, window.limit, window.used()) {
        (Some(remaining), Some(limit), _) => Some(format!("{remaining} of {limit} {what}")),
        (Some(remaining), None, _) => Some(format!("{remaining} {what}")),
        (None, _, Some(used)) => {
            let left = 1_000_u32.saturating_sub(used);
            Some(format!("{}.{}% {what}", left / 10, left % 10))
        }
        _ => None,
    }
}

/// Asks everybody at once whether it works; whether anybody does.
pub(crate) async fn health(fleet: &Fleet, is_json: bool) -> Result<bool, Box<dyn Error>> {
    let probes = fleet.members.iter().map(|member| async {
        let start = Instant::now();
        let outcome = match &member.missing {
            Some(missing) => Some(Err(Keyless::failure(missing))),
            None => member.client.probe().await,
        };
        (&member.config.name, outcome, start.elapsed())
    });
    let outcomes = join_all(probes).await;
    let someone = outcomes
        .iter()
        .any(|(_, outcome, _)| matches!(outcome, Some(Ok(()))));
    if is_json {
        let providers: Vec<_> = outcomes
            .iter()
            .map(|(name, outcome, took)| {
                json!({
                    "provider": name,
                    // Null where there is no probe, and nobody knows.
                    "works": outcome.as_ref().map(Result::is_ok),
                    "failure": outcome.as_ref().and_then(|o| Some(o.as_ref().err()?.kind())),
                    "took_ms": took.as_secs_f64() * 1_000.0,
                })
            })
            .collect();
        println!(
            "{}",
            serde_json::to_string(&json!({ "providers": providers }))?
        );
        return Ok(someone);
    }
    let rows: Vec<_> = outcomes
        .iter()
        .map(|(name, outcome, took)| {
            let came = match outcome {
                Some(Ok(())) => "works".to_owned(),
                Some(Err(failure)) => failure.to_string(),
                None => "not known: it has no probe".to_owned(),
            };
            [
                name.to_string(),
                came,
                format!("{:.1} ms", took.as_secs_f64() * 1_000.0),
            ]
        })
        .collect();
    print!("{}", table(["PROVIDER", "CAME", "TOOK"], &rows));
    if !someone {
        println!("\nnobody works");
    }
    Ok(someone)
}
