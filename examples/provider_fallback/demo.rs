//! `run`: the preferred provider is down for a minute, and the chain finds its way there and back.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, Event, Observer, Stamp, Timestamp};
use agent_resilience::{Profile, Sleep};
use serde_json::json;
use support::{
    ChatRequest, Fault, HttpProvider, Message, Rule, Script, ScriptedProvider, Target, VirtualTime,
};

use crate::config::Config;
use crate::fleet::Chain;
use crate::stage::answering;
use crate::table::span;

const QUESTION: &str = "Are you there?";
const STEP: Duration = Duration::from_secs(10);
/// The preferred one is down from here to there, for its list of models as well.
const DOWN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(75));
const STEPS: u32 = 15;

/// Plays it; whether the work moved away in time and came back by itself.
pub(crate) async fn run(config: &Config, is_json: bool) -> Result<bool, Box<dyn Error>> {
    let time = VirtualTime::default();
    time.while_passing(Box::pin(play(config, &time, is_json)))
        .await
}

async fn play(config: &Config, time: &VirtualTime, is_json: bool) -> Result<bool, Box<dyn Error>> {
    let began = time.timestamp();
    let (servers, clients) = start(config, time).await?;
    let mut builder = Chain::builder()
        .config(config.chain.clone())
        .seed(7)
        .clock(time.clone())
        .sleep(time.clone())
        .observer(told(began, is_json));
    for (client, profile) in clients {
        builder = builder.provider_with(client, profile);
    }
    let chain = builder.build()?;
    let say = |who: &str, text: &str| line(time.timestamp(), began, who, text, is_json);
    let mut answered = Vec::new();
    for step in 0..STEPS {
        let request = ChatRequest::new("", vec![Message::user(QUESTION)]);
        let reply = chain.call(&request).await?;
        say(reply.provider.as_str(), "answers");
        answered.push(reply.provider);
        // At the last step but two somebody takes the wheel, and lets go of it again.
        if step + 3 == STEPS {
            let last = config.providers.last().ok_or("no providers")?;
            say("you", &format!("pin {}", last.name));
            chain.pin(&last.name)?;
        } else if step + 2 == STEPS {
            say("you", "take the pin away");
            chain.unpin();
        }
        time.sleep(STEP).await;
        for (name, outcome) in chain.probe_due().await {
            match outcome {
                Ok(()) => say(name.as_str(), "passes a probe"),
                Err(failure) => say(name.as_str(), &format!("fails a probe: {}", failure.kind())),
            }
        }
    }
    let preferred = &config.providers.first().ok_or("no providers")?.name;
    let away = answered.iter().filter(|name| *name != preferred).count();
    let is_back = answered.last() == Some(preferred);
    let calls = servers.first().map_or(0, |server| server.tally().chats);
    let refused = calls.saturating_sub((answered.len() - away).try_into()?);
    if is_json {
        println!(
            "{}",
            json!({"asked": STEPS, "answered": answered.len(), "elsewhere": away, "refused": refused, "back": is_back})
        );
    } else {
        println!(
            "\n{STEPS} asked, {} answered, {away} of them elsewhere; {preferred} was called {refused} times in vain in {} of outage",
            answered.len(),
            span(DOWN.1.saturating_sub(DOWN.0)),
        );
    }
    Ok(is_back && away > 0)
}

async fn start(
    config: &Config,
    time: &VirtualTime,
) -> Result<(Vec<ScriptedProvider>, Vec<(HttpProvider, Profile)>), Box<dyn Error>> {
    let outage = Rule::new(Fault::Overloaded)
        .target(Target::Any)
        .during(DOWN.0, DOWN.1);
    let mut script = Script::new([outage]);
    let (mut servers, mut clients) = (Vec::new(), Vec::new());
    for provider in &config.providers {
        let server = ScriptedProvider::builder(answering(provider, QUESTION)?)
            // Only the first has an outage.
            .script(std::mem::take(&mut script))
            .clock(Arc::new(time.clone()))
            .sleep(Arc::new(time.clone()))
            .start()
            .await?;
        let stirred = time.clone();
        server.on_change(move || stirred.stir());
        let client = provider
            .client(&server.url())?
            .clock(Arc::new(time.clone()))
            .sleep(Arc::new(time.clone()));
        clients.push((client, provider.profile()));
        servers.push(server);
    }
    Ok((servers, clients))
}

fn told(start: Timestamp, is_json: bool) -> impl Observer {
    move |stamp: Stamp<'_>, event: &Event| {
        if let Some((who, text)) = support::in_words(event) {
            line(stamp.at, start, &who, &text, is_json);
        }
    }
}

/// A line of the story; stdout stays free where it is for an object.
fn line(at: Timestamp, start: Timestamp, who: &str, text: &str, is_json: bool) {
    let passed = at.since(start).as_secs();
    let line = format!("{:>2}:{:02}  {who:<7} {text}", passed / 60, passed % 60);
    if is_json {
        eprintln!("{line}");
    } else {
        println!("{line}");
    }
}
