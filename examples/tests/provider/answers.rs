//! Every recorded turn comes back byte for byte through every wire format, plain and streamed.

use std::path::Path;

use agent_primitives::ProviderId;
use agent_resilience::Provider;
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
