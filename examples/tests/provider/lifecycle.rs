//! Starting, stopping, connections, and the log.

use support::{Dialect, Fault, Progress, Rule, ScriptedProvider};
use tokio::net::TcpStream;

use crate::asking::{always, ask, chunks, recording, server};

#[tokio::test]
async fn it_listens_on_loopback_only_and_no_longer_after_a_stop() {
    let server = server([]).await;
    let address = server.address();
    assert!(address.ip().is_loopback());
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_stop_ends_what_the_script_holds_up() {
    for fault in [Fault::Silence, Fault::Hold { after_chunks: 1 }] {
        let server = always(fault).await;
        let url = format!("{}{}", server.url(), Dialect::Ollama.chat_path());
        let body = crate::asking::first_turn(Dialect::Ollama, true).to_string();
        let asking = tokio::spawn(async move {
            let response = crate::asking::client().post(url).body(body).send().await?;
            response.text().await
        });
        server.until(|one| one.progress == Progress::Held).await;
        server.stop().await;
        assert!(asking.await.unwrap().is_err());
    }
}

#[tokio::test]
async fn dropping_the_server_finishes_an_answer_that_is_under_way() {
    let server = server([Rule::new(Fault::Hold { after_chunks: 1 })]).await;
    let mut response = ask(&server, Dialect::OpenAi, true).await;
    server.until(|one| one.progress == Progress::Held).await;
    server.release();
    drop(server);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    let body = String::from_utf8(body).unwrap();
    assert_eq!(chunks(Dialect::OpenAi, &body).pop(), Some("[DONE]"));
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_free_place() {
    let server = ScriptedProvider::builder(recording())
        .connections_max(1)
        .start()
        .await
        .unwrap();
    let idle = TcpStream::connect(server.address()).await.unwrap();
    // The place is taken only once the connection is served, which a first answer shows.
    let first = ask_over(&idle).await;
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    let waiting = ask(&server, Dialect::Ollama, false);
    let mut waiting = std::pin::pin!(waiting);
    // Unlimited, the other connection would be answered during these exchanges.
    for _ in 0..50 {
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("answered beyond the limit"),
            next = ask_over(&idle) => assert!(next.starts_with("HTTP/1.1 200")),
        }
    }
    assert_eq!((server.tally().probes, server.tally().chats), (51, 0));
    drop(idle);
    assert_eq!(waiting.await.status(), 200);
}

/// Asks for the models over an open connection, and returns the start of the reply.
async fn ask_over(socket: &TcpStream) -> String {
    let request = b"GET /api/tags HTTP/1.1\r\nhost: x\r\n\r\n";
    socket.writable().await.unwrap();
    assert_eq!(socket.try_write(request).unwrap(), request.len());
    let mut reply = vec![0; 1_024];
    loop {
        socket.readable().await.unwrap();
        if let Ok(read) = socket.try_read(&mut reply) {
            return String::from_utf8_lossy(&reply[..read]).into_owned();
        }
    }
}

#[tokio::test]
async fn the_same_script_meets_the_same_requests_in_the_same_way() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let server = server([
            Rule::new(Fault::Overloaded).requests(2..=3),
            Rule::new(Fault::Malformed { after_chunks: 1 })
                .turn(1)
                .attempt(4),
        ])
        .await;
        let mut seen = Vec::new();
        for dialect in Dialect::ALL {
            let response = ask(&server, dialect, true).await;
            let mut headers = response.headers().clone();
            headers.remove("date");
            seen.push((response.status(), headers, response.bytes().await.unwrap()));
        }
        runs.push((seen, server.log()));
    }
    assert_eq!(runs[0], runs[1]);
}
