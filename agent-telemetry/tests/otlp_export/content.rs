//! What is told of what the host wrote.

use std::time::Duration;

use agent_primitives::{AgentId, SessionId};
use agent_telemetry::{MemorySink, Outcome, SessionStart, Sink as _, TeeSink, Telemetry};

use crate::server::Server;
use crate::story::{CANARIES, story};

fn sent(with_texts: bool) -> Vec<u8> {
    let server = Server::start([]);
    let (builder, _) = crate::sink(&server);
    let builder = if with_texts {
        builder.with_texts()
    } else {
        builder
    };
    builder.build().unwrap().write(&story()).unwrap();
    server.all().into_iter().flat_map(|it| it.body).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|it| it == text.as_bytes())
}

#[test]
fn texts_of_the_host_go_out_only_where_it_asks_for_it() {
    let (without, with) = (sent(false), sent(true));
    for canary in CANARIES {
        assert!(!holds(&without, canary), "{canary}");
        assert!(holds(&with, canary), "{canary}");
    }
    assert!(
        holds(&without, "claude-sonnet-4-5"),
        "it is looked for in the right place"
    );
}

#[test]
fn recorder_masks_addresses_before_anything_is_sent() {
    let server = Server::start([]);
    let (builder, _) = crate::sink(&server);
    let otlp = builder.with_texts().build().unwrap();
    let (stats, store) = (otlp.stats(), MemorySink::new());
    let telemetry = Telemetry::builder(TeeSink::new(store.clone(), otlp))
        .start()
        .unwrap();
    let user = telemetry.user("ada@example.com");
    let start = SessionStart::new(
        SessionId::new("s-1").unwrap(),
        AgentId::new("coder").unwrap(),
    )
    .description("ask ada@example.com, who knows")
    .user(user);
    telemetry.session(start).end(Outcome::Success);
    telemetry.flush(Duration::from_secs(30)).unwrap();
    let body: Vec<u8> = server.all().into_iter().flat_map(|it| it.body).collect();
    assert!(!holds(&body, "ada@example.com"));
    assert!(holds(&body, "ask [email], who knows"));
    assert!(holds(&body, &user.to_string()));
    assert_eq!(
        (
            store.records().len(),
            stats.counts().traces.sent,
            stats.counts().logs.sent
        ),
        (2, 1, 2)
    );
}
