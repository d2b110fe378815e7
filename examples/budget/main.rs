//! Six agents at once against one day's money: warned, moved to a cheaper model, then refused, and never
//! over the cap.
//!
//! ```text
//! cargo run --release --example budget
//! ```
//!
//! The provider is a real server on this machine. `agent.rs` is what you would write yourself: reserve,
//! send, settle. The clock is moved by hand, so that nobody waits for midnight; use `SpendBudget::new` and
//! it is the system's.

#![allow(clippy::print_stdout, reason = "a command-line program")]

mod agent;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, Bill, Model};
use agent_primitives::{Event, ManualClock, SessionId, SpendAmount, Stamp, Timestamp};
use agent_resilience::{Spend, SpendBudget, SpendBudgetConfig};
use futures_util::future::join_all;
use support::{ApiKey, Dialect, HttpProvider, Recording, ScriptedProvider};

const AGENTS: usize = 6;

/// What a host keeps in its configuration. Days end at midnight in Berlin, also when it has 23 hours.
const SETTINGS: &str = r#"{
    "request": {"usd": "0.05"},
    "session": {"usd": "0.50", "tokens": 400000},
    "day": {"usd": "0.60"},
    "time_zone": "CET-1CEST,M3.5.0,M10.5.0/3",
    "thresholds": [
        {"percent": 50, "action": "warn"},
        {"percent": 80, "action": "prefer_cheap"},
        {"percent": 95, "action": "force_cheap"},
        {"percent": 100, "action": "refuse"}
    ]
}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let recording = Recording::sample();
    let server = ScriptedProvider::builder(recording.clone()).start().await?;
    let claude = HttpProvider::new("claude".parse()?, Dialect::Anthropic, &server.url())?
        .key(ApiKey::new("not checked by the scripted provider")?);

    // 28 March 2026, 22:10 in Berlin. The next day has 23 hours.
    let clock = ManualClock::starting_at(Timestamp::from_unix_seconds(1_774_732_200));
    let config: SpendBudgetConfig = serde_json::from_str(SETTINGS)?;
    let budget = SpendBudget::with_clock(&config, clock.clone())?.observer(told);

    let agents = (0..AGENTS).map(|number| {
        let id = SessionId::new(format!("agent-{number}"))?;
        let agent = Agent {
            provider: claude.clone(),
            session: budget.session(&id)?,
            recording: Arc::new(recording.clone()),
        };
        Ok(tokio::spawn(agent.work()))
    });
    let agents: Vec<_> = agents.collect::<Result<_, Box<dyn Error>>>()?;
    let mut bills = Vec::new();
    for bill in join_all(agents).await {
        bills.push(bill?);
    }
    server.stop().await;

    println!(
        "\n{:9}{:>8}{:>8}{:>11}  stopped by",
        "", "sonnet", "haiku", "paid"
    );
    for (number, bill) in bills.iter().enumerate() {
        println!("{:9}{bill}", format!("agent-{number}"));
    }
    let status = budget.status();
    println!("\n{status}");
    check(&budget, &bills)?;

    // A restart would forget the day; kept as JSON, it does not.
    let kept = serde_json::to_string(&budget.snapshot())?;
    let restarted = SpendBudget::with_clock(&config, clock.clone())?;
    restarted.restore(&serde_json::from_str(&kept)?);
    println!(
        "\nrestarted: {:.4} are spent today",
        restarted.spent_today().usd
    );
    clock.advance(Duration::from_secs(2 * 3_600));
    println!(
        "after midnight: {:.4} are spent today",
        restarted.spent_today().usd
    );
    Ok(())
}

/// Each share of a cap is told once, whoever reaches it.
fn told(stamp: Stamp<'_>, event: &Event) {
    if let Event::Spend(crossing) = event {
        let by = stamp.session.map_or("nobody", SessionId::as_str);
        println!("    {crossing} (a call of {by})");
    }
}

/// What the budget says must be what the agents paid.
fn check(budget: &SpendBudget, bills: &[Bill]) -> Result<(), Box<dyn Error>> {
    let paid = bills.iter().map(|bill| bill.paid).sum();
    let day = budget.status().caps.into_iter().next().ok_or("no cap")?;
    if budget.spent_today() != Spend::usd(paid) {
        return Err(format!("{} counted, {paid} paid", budget.spent_today().usd).into());
    }
    let SpendAmount::Usd(cap) = day.cap else {
        return Err("the day's cap is money".into());
    };
    if paid > cap {
        return Err(format!("{paid} paid, above the cap of {cap}").into());
    }
    let moved = bills.iter().any(|bill| bill.calls(Model::Haiku) > 0);
    println!("\nsix agents paid {paid:.4} of {cap}; some on the cheaper model: {moved}");
    Ok(())
}
