//! What `HttpProvider` makes of each fault.

use std::time::Duration;

use agent_primitives::{FailureKind, ProviderId};
use agent_resilience::classify::When;
use agent_resilience::{Failure, Provider};
use support::{ApiKey, ChatRequest, Dialect, Fault, HttpProvider, Rule, ScriptedProvider, Target};

use crate::asking::{MODES, always, recording, server};

fn provider(dialect: Dialect, server: &ScriptedProvider) -> HttpProvider {
    let id = ProviderId::new(dialect.as_str()).unwrap();
    HttpProvider::new(id, dialect, &server.url()).unwrap()
}

async fn failure(fault: Fault, dialect: Dialect, stream: bool) -> Failure {
    let server = always(fault).await;
    let mut request = ChatRequest::new("m", recording().turn(1).unwrap().history().to_vec());
    request.stream = stream;
    provider(dialect, &server).call(&request).await.unwrap_err()
}

async fn every_vendor_says(fault: Fault, kind: FailureKind) {
    for dialect in Dialect::ALL {
        for stream in MODES {
            let failure = failure(fault.clone(), dialect, stream).await;
            assert!(
                is_meant(dialect, kind, failure.kind()),
                "{dialect}, stream {stream}: {failure:?}"
            );
        }
    }
}

/// Groq says "internal server error" for an overload too; only its sentence tells the two apart, so
/// either reading is right.
fn is_meant(dialect: Dialect, meant: FailureKind, found: FailureKind) -> bool {
    found == meant
        || (dialect == Dialect::Groq
            && meant == FailureKind::Overloaded
            && found == FailureKind::Server)
}

#[tokio::test]
async fn errors_get_their_kind() {
    every_vendor_says(
        Fault::RateLimited { retry_after: None },
        FailureKind::RateLimited,
    )
    .await;
    every_vendor_says(Fault::InsufficientQuota, FailureKind::QuotaExhausted).await;
    every_vendor_says(Fault::Overloaded, FailureKind::Overloaded).await;
    every_vendor_says(Fault::ServerError, FailureKind::Server).await;
    every_vendor_says(Fault::Unavailable, FailureKind::Overloaded).await;
    every_vendor_says(Fault::Unauthorized, FailureKind::Auth).await;
    every_vendor_says(
        Fault::ContextTooLong { limit: 1 },
        FailureKind::ContextTooLong,
    )
    .await;
    every_vendor_says(Fault::Reset, FailureKind::Network).await;
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_a_cut_stream() {
    for after_chunks in [0, 2, usize::MAX] {
        every_vendor_says(Fault::Cut { after_chunks }, FailureKind::StreamCut).await;
    }
    for after_chunks in [0, 2] {
        every_vendor_says(Fault::Unfinished { after_chunks }, FailureKind::StreamCut).await;
    }
    // Later the answer is complete, and what follows does not matter.
    for after_chunks in [0, 2] {
        every_vendor_says(Fault::Malformed { after_chunks }, FailureKind::StreamCut).await;
    }
}

#[tokio::test]
async fn an_answer_whose_reason_to_stop_is_known_needs_no_done() {
    let unfinished = Fault::Unfinished {
        after_chunks: usize::MAX,
    };
    for dialect in [Dialect::OpenAi, Dialect::Groq] {
        let server = always(unfinished.clone()).await;
        let recording = recording();
        let turn = recording.turn(1).unwrap();
        let request = ChatRequest::new("m", turn.history().to_vec());
        let reply = provider(dialect, &server).call(&request).await.unwrap();
        assert_eq!(&reply.message, turn.answer());
    }
    // The others say in their last chunk why the model stopped.
    for dialect in [Dialect::Anthropic, Dialect::Ollama] {
        let failure = failure(unfinished.clone(), dialect, true).await;
        assert_eq!(failure.kind(), FailureKind::StreamCut, "{dialect}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_first_word_is_late_is_a_timeout() {
    let late = Fault::SlowFirstChunk {
        delay: Duration::from_secs(61),
    };
    every_vendor_says(late, FailureKind::Timeout).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stalls_and_ends_is_a_timeout() {
    let stall = Fault::Stall {
        after_chunks: 2,
        delay: Duration::from_secs(31),
    };
    every_vendor_says(stall, FailureKind::Timeout).await;
}

#[tokio::test]
async fn an_error_inside_the_answer_keeps_its_kind() {
    every_vendor_says(
        Fault::ErrorEvent { after_chunks: 2 },
        FailureKind::Overloaded,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_timeout() {
    every_vendor_says(Fault::Silence, FailureKind::Timeout).await;
    let late = Fault::SlowStart {
        delay: Duration::from_secs(61),
    };
    every_vendor_says(late, FailureKind::Timeout).await;
}

#[tokio::test(start_paused = true)]
async fn a_stall_in_mid_answer_is_a_timeout() {
    every_vendor_says(Fault::Hold { after_chunks: 2 }, FailureKind::Timeout).await;
}

#[tokio::test]
async fn hints_and_numbers_arrive() {
    let wait = Duration::from_secs(7);
    let fault = Fault::RateLimited {
        retry_after: Some(wait),
    };
    for dialect in [Dialect::Anthropic, Dialect::OpenAi, Dialect::Groq] {
        let failure = failure(fault.clone(), dialect, true).await;
        assert_eq!(
            failure.verdict().retry_after,
            Some(When::In(wait)),
            "{dialect}"
        );
        let failure = self::failure(Fault::ContextTooLong { limit: 2 }, dialect, true).await;
        let numbers = failure.verdict().context.unwrap();
        assert_eq!(
            (numbers.used, numbers.limit),
            (Some(3), Some(2)),
            "{dialect}"
        );
    }
}

#[tokio::test]
async fn a_fault_is_met_once_not_hidden_by_a_silent_retry() {
    for dialect in Dialect::ALL {
        let server = server([Rule::new(Fault::Reset).requests(2..=2)]).await;
        let provider = provider(dialect, &server);
        let request = ChatRequest::new("m", recording().turn(1).unwrap().history().to_vec());
        // The second call goes over the connection of the first.
        provider.call(&request).await.unwrap();
        let failure = provider.call(&request).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Network);
        assert_eq!(server.tally().chats, 2);
    }
}

#[tokio::test]
async fn nobody_listening_is_a_network_failure() {
    let server = server([]).await;
    let provider = provider(Dialect::OpenAi, &server);
    server.stop().await;
    let request = ChatRequest::new("m", recording().turn(1).unwrap().history().to_vec());
    let failure = provider.call(&request).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Network);
}

#[tokio::test]
async fn probes_tell_whether_the_provider_works() {
    for dialect in Dialect::ALL {
        let rule = Rule::new(Fault::Overloaded).target(Target::Probe);
        let server = server([rule]).await;
        let provider = provider(dialect, &server);
        let failure = provider.probe().await.unwrap().unwrap_err();
        assert!(is_meant(dialect, FailureKind::Overloaded, failure.kind()));
        provider.probe().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_key_shows_in_no_failure() {
    let server = always(Fault::Unauthorized).await;
    let provider = provider(Dialect::OpenAi, &server).key(ApiKey::new("sk-secret").unwrap());
    let request = ChatRequest::new("m", recording().turn(1).unwrap().history().to_vec());
    let failure = provider.call(&request).await.unwrap_err();
    assert!(!format!("{failure:?} {provider:?}").contains("sk-secret"));
}
