//! Replies and errors of `reqwest` as verdicts: bodies to their bound, bodies that break off, requests
//! that cannot be sent twice.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_primitives::FailureKind;
use agent_resilience::classify::{self, Classify, Vendor};
use agent_resilience::{Cost, FailedReply, Failure, GiveUp, PolicyError};
use support::{Fault, Rule};

use crate::stand::{LIBRARIES, Stand, body, reqwest_client};

fn verbatim(status: u16, body: String) -> Rule {
    let headers = BTreeMap::from([("x-should-retry".to_owned(), "false".to_owned())]);
    Rule::new(Fault::Verbatim {
        status,
        headers,
        body,
    })
    .always()
}

#[tokio::test]
async fn of_a_huge_body_the_beginning_is_read() {
    for library in LIBRARIES {
        let said = r#"{"error":{"code":"invalid_api_key","message":"#.to_owned();
        let stand = Stand::new([verbatim(401, said + &"x".repeat(4 << 20))]).await;
        let failure = Failure::from(stand.ask(library).await.unwrap_err());
        assert_eq!(failure.kind(), FailureKind::Auth, "{library:?}");
        assert_eq!(
            failure.reply().unwrap().body().len(),
            FailedReply::BODY_MAX,
            "{library:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_that_is_not_followed_is_no_success() {
    let stand = Stand::new([verbatim(302, String::new())]).await;
    let request = reqwest_client()
        .post(stand.address())
        .body(body(false).to_string());
    let error = stand
        .policy
        .send(Vendor::OpenAi, request, Cost::REQUEST)
        .await
        .unwrap_err();
    assert_eq!(Failure::from(error).reply().unwrap().status(), 302);
}

#[tokio::test]
async fn a_body_that_is_a_stream_is_sent_once_and_the_error_says_why() {
    let stand = Stand::new([Rule::new(Fault::Overloaded).always()]).await;
    let parts = [Ok::<_, std::io::Error>(body(false).to_string())];
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let request = reqwest_client().post(stand.address()).body(stream);
    let error = stand
        .policy
        .send(Vendor::OpenAi, request, Cost::REQUEST)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed after 1 attempt: the request cannot be sent a second time; send one that can be copied"
    );
    let PolicyError::Failed(error) = error else {
        panic!("no stage refuses")
    };
    assert_eq!(error.reason, GiveUp::NotReplayable);
    assert_eq!(error.verdict().kind, FailureKind::Overloaded);
    assert_eq!(stand.server.tally().chats, 1);
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_not_sent() {
    let stand = Stand::new([]).await;
    let request = reqwest_client().post("not an address");
    let error = stand
        .policy
        .send(Vendor::OpenAi, request, Cost::REQUEST)
        .await
        .unwrap_err();
    assert_eq!((error.attempts(), stand.slots.in_use()), (0, 0));
    assert_eq!(error.verdict().unwrap().kind, FailureKind::InvalidRequest);
}

#[tokio::test]
async fn an_error_of_reqwest_means_what_the_connection_did() {
    let stand = Stand::new([
        Rule::new(Fault::Reset).turn(1).attempt(1),
        Rule::new(Fault::Cut { after_chunks: 1 }).turn(1).attempt(2),
        Rule::new(Fault::Unauthorized).turn(1).attempt(3),
    ])
    .await;
    let post = || {
        reqwest_client()
            .post(stand.address())
            .body(body(false).to_string())
    };
    let reset = post().send().await.unwrap_err();
    assert_eq!(reset.verdict().kind, FailureKind::Network, "{reset:?}");
    let cut = post().send().await.unwrap().bytes().await.unwrap_err();
    assert_eq!(cut.verdict().kind, FailureKind::StreamCut, "{cut:?}");
    let status = post().send().await.unwrap().error_for_status().unwrap_err();
    assert_eq!(status.verdict().kind, FailureKind::Auth, "{status:?}");

    let address = stand.server.address();
    drop(stand);
    let with_key = format!("http://{address}/v1?key=sk-secret");
    let refused = reqwest_client()
        .get(&with_key)
        .timeout(Duration::from_secs(9))
        .send()
        .await;
    let failure = Failure::from(refused.unwrap_err());
    let said = format!(
        "{failure:?} {:?}",
        std::error::Error::source(&failure).unwrap().to_string()
    );
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test]
async fn a_success_is_not_read_even_where_it_breaks_off() {
    let stand = Stand::new([Rule::new(Fault::Cut { after_chunks: 1 })]).await;
    let request = reqwest_client()
        .post(stand.address())
        .body(body(false).to_string());
    let reply = classify::response(Vendor::OpenAi, request.send().await.unwrap())
        .await
        .unwrap();
    assert!(reply.bytes().await.is_err());
}

#[tokio::test]
async fn a_failed_body_that_breaks_off_is_read_as_far_as_it_came() {
    let said = r#"{"error":{"code":"insufficient_quota","message":"check yo"#;
    let parts = [
        Ok(said),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ];
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let reply = http::Response::builder().status(429).body(body).unwrap();
    let failure = classify::response(Vendor::OpenAi, reply.into())
        .await
        .unwrap_err();
    assert_eq!(failure.kind(), FailureKind::QuotaExhausted);
    assert_eq!(failure.reply().unwrap().body(), said.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_of_reqwest_is_a_timeout() {
    let stand = Stand::new([Rule::new(Fault::Silence)]).await;
    let request = reqwest_client()
        .post(stand.address())
        .timeout(Duration::from_secs(9));
    let late = request
        .body(body(false).to_string())
        .send()
        .await
        .unwrap_err();
    assert_eq!(late.verdict().kind, FailureKind::Timeout, "{late:?}");
}
