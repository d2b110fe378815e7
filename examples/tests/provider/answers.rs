//! Every recorded turn comes back byte for byte through every wire format, plain and streamed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, ManualClock, ProviderId, Timestamp};
use agent_resilience::Provider;
use agent_resilience::classify::{LimitedResource, When};
use support::{
    ChatRequest, Dialect, Finish, HttpProvider, Message, Progress, Recording, ScriptedProvider,
};

const TRAJECTORIES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/trajectories"
);

fn provider(dialect: Dialect, server: &ScriptedProvider) -> HttpProvider {
    let id = ProviderId::new(dialect.as_str()).unwrap();
    HttpProvider::new(id, dialect, &server.url()).unwrap()
}

/// What arrives for `recorded`: an Ollama line cannot hold the line breaks between the tokens of
/// arguments, nothing else changes.
fn expected(recorded: &Message, dialect: Dialect, stream: bool) -> Message {
    let mut expected = recorded.clone();
    if dialect == Dialect::Ollama && stream {
        for call in &mut expected.tool_calls {
            call.arguments = call.arguments.replace(['\n', '\r'], "");
        }
    }
    expected
}

async fn play(recording: Recording) {
    let server = ScriptedProvider::builder(recording.clone())
        .start()
        .await
        .unwrap();
    for dialect in Dialect::ALL {
        let provider = provider(dialect, &server);
        for stream in [true, false] {
            for turn in recording.turns() {
                let mut request = ChatRequest::new("scripted", turn.history().to_vec());
                request.stream = stream;
                let reply = provider.call(&request).await.unwrap_or_else(|failure| {
                    panic!(
                        "{dialect}, stream {stream}, turn {}: {failure:?}",
                        turn.number()
                    )
                });
                assert_eq!(
                    reply.message,
                    expected(turn.answer(), dialect, stream),
                    "{dialect}, stream {stream}, turn {}",
                    turn.number()
                );
                let calls = !turn.answer().tool_calls.is_empty();
                let finish = if calls {
                    Finish::ToolCalls
                } else {
                    Finish::Stop
                };
                assert_eq!(reply.finish, finish);
                assert_eq!(
                    reply.usage.input_total(),
                    support::estimate_tokens(turn.history())
                );
            }
        }
    }
    let log = server.log();
    assert_eq!(log.len(), recording.turns().len() * 8);
    assert!(log.iter().all(|one| one.progress == Progress::Answered));
}

#[tokio::test]
async fn the_committed_session_comes_back_byte_for_byte() {
    play(Recording::sample()).await;
}

#[tokio::test]
async fn recorded_trajectories_come_back_byte_for_byte() {
    let folder = Path::new(TRAJECTORIES);
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("SKIPPED: no trajectories beside the project");
        return;
    };
    let mut played = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "traj")
        {
            play(Recording::load(&path).unwrap()).await;
            played += 1;
        }
    }
    assert_eq!(played, 9);
}

#[tokio::test]
async fn a_reply_says_what_is_left_of_the_limits_in_dates_of_the_clients_clock() {
    let clock = Arc::new(ManualClock::starting_at(Timestamp::from_unix_seconds(
        1_800_000_000,
    )));
    let server = ScriptedProvider::builder(Recording::sample())
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    let turn = Recording::sample().turn(1).unwrap().history().to_vec();
    for (dialect, left, reset) in [
        (Dialect::Anthropic, Some(3_999), 1_000),
        (Dialect::OpenAi, Some(4_998), 1_000),
        (Dialect::Groq, Some(14_397), 179_560),
        (Dialect::Ollama, None, 0),
    ] {
        let provider = provider(dialect, &server).clock(clock.clone());
        let reply = provider
            .call(&ChatRequest::new("scripted", turn.clone()))
            .await
            .unwrap();
        let requests = reply.limits.tightest(LimitedResource::Requests);
        assert_eq!(
            requests.and_then(|window| window.remaining),
            left,
            "{dialect}"
        );
        let at = clock.timestamp() + Duration::from_millis(reset);
        let dated = requests.and_then(|window| window.reset);
        assert_eq!(dated, left.map(|_| When::At(at)), "{dialect}");
        let metering = provider.metering(&reply);
        assert_eq!(
            (metering.limits, metering.usage),
            (reply.limits, Some(reply.usage))
        );
    }
}
