//! Faults of the connection and of the answer under status 200.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;
use support::{Dialect, Fault, Progress, ScriptedProvider};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::asking::{MODES, always, ask, chunks, first_turn, json, post};

/// Sends a request over a bare socket and reads until the connection ends.
async fn raw(server: &ScriptedProvider, dialect: Dialect, stream: bool) -> std::io::Result<String> {
    let body = first_turn(dialect, stream).to_string();
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nanthropic-version: 2023-06-01\r\ncontent-length: {}\r\n\r\n{body}",
        dialect.chat_path(),
        body.len()
    );
    let mut socket = TcpStream::connect(server.address()).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).await?;
    Ok(String::from_utf8(reply).unwrap())
}

#[tokio::test]
async fn a_reset_is_a_real_one() {
    let server = always(Fault::Reset).await;
    for dialect in Dialect::ALL {
        for stream in MODES {
            let error = raw(&server, dialect, stream).await.unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::ConnectionReset,
                "{dialect} {stream}"
            );
        }
    }
    assert!(
        server
            .log()
            .iter()
            .all(|one| one.progress == Progress::Broken)
    );
}

#[tokio::test]
async fn a_cut_answer_ends_without_the_end_of_its_body() {
    for dialect in Dialect::ALL {
        for after_chunks in [0, 2] {
            let server = always(Fault::Cut { after_chunks }).await;
            let reply = raw(&server, dialect, true).await.unwrap();
            let (head, body) = reply.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("transfer-encoding: chunked"), "{head}");
            assert!(!body.contains("0\r\n\r\n"), "{body}");
            assert_eq!(
                chunks(dialect, body)
                    .iter()
                    .filter(|c| c.contains('{'))
                    .count(),
                after_chunks
            );
            let reply = raw(&server, dialect, false).await.unwrap();
            let (head, body) = reply.split_once("\r\n\r\n").unwrap();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap();
            // Two of four parts, or none.
            let announced: usize = length.parse().unwrap();
            let half = announced * after_chunks / 4;
            assert!(
                body.len().abs_diff(half) <= 4,
                "{} of {announced}",
                body.len()
            );
            let error = ask(&server, dialect, true).await.text().await.unwrap_err();
            assert!(error.is_body() || error.is_decode(), "{error:?}");
        }
    }
}

#[tokio::test]
async fn an_unfinished_answer_is_complete_for_http_only() {
    for dialect in Dialect::ALL {
        let server = always(Fault::Unfinished {
            after_chunks: usize::MAX,
        })
        .await;
        let whole = always(Fault::SlowStart {
            delay: Duration::ZERO,
        })
        .await;
        let full = ask(&whole, dialect, true).await.text().await.unwrap();
        let short = ask(&server, dialect, true).await.text().await.unwrap();
        let (full, short) = (chunks(dialect, &full), chunks(dialect, &short));
        assert_eq!(
            short,
            full[..full.len() - 1],
            "only the last word is missing"
        );
        let short = ask(&server, dialect, false).await.text().await.unwrap();
        assert!(serde_json::from_str::<Value>(&short).is_err(), "{short}");
        assert_eq!(server.tally().broken, 2);
    }
}

#[tokio::test]
async fn one_chunk_of_a_malformed_answer_does_not_parse() {
    let server = always(Fault::Malformed { after_chunks: 3 }).await;
    for dialect in Dialect::ALL {
        let body = ask(&server, dialect, true).await.text().await.unwrap();
        let parses =
            |chunk: &&str| *chunk == "[DONE]" || serde_json::from_str::<Value>(chunk).is_ok();
        let chunks = chunks(dialect, &body);
        let bad: Vec<usize> = (0..chunks.len()).filter(|i| !parses(&chunks[*i])).collect();
        assert_eq!(bad, [3], "{dialect}");
        let body = ask(&server, dialect, false).await.text().await.unwrap();
        assert!(!body.is_empty() && serde_json::from_str::<Value>(&body).is_err());
    }
}

#[tokio::test]
async fn an_error_event_comes_under_status_200() {
    let server = always(Fault::ErrorEvent { after_chunks: 2 }).await;
    for (dialect, pointer, value) in [
        (Dialect::Anthropic, "/error/type", "overloaded_error"),
        (Dialect::OpenAi, "/error/code", "server_is_overloaded"),
        (Dialect::Groq, "/error/type", "internal_server_error"),
        (
            Dialect::Ollama,
            "/error",
            "server busy, please try again.  maximum pending requests exceeded",
        ),
    ] {
        for stream in MODES {
            let response = ask(&server, dialect, stream).await;
            assert_eq!(response.status(), 200);
            let body = response.text().await.unwrap();
            let named = body.contains("event: error\n");
            assert_eq!(
                named,
                stream && matches!(dialect, Dialect::Anthropic | Dialect::Groq)
            );
            let error = if stream {
                let chunks = chunks(dialect, &body);
                assert_eq!(chunks.len(), 3, "{body}");
                json(chunks[2])
            } else {
                json(&body)
            };
            let found = error.pointer(pointer).and_then(Value::as_str);
            assert_eq!(found, Some(value), "{dialect} {error}");
        }
    }
}

#[tokio::test]
async fn silence_lasts_until_the_client_gives_up() {
    let server = always(Fault::Silence).await;
    for (index, dialect) in Dialect::ALL.into_iter().enumerate() {
        let request = u64::try_from(index + 1).unwrap();
        let body = first_turn(dialect, true);
        tokio::select! {
            answer = post(&server, dialect, &body) => panic!("{answer:?}"),
            held = server.until(|one| one.request == request && one.progress == Progress::Held) => {
                assert_eq!(held.dialect, Some(dialect));
            }
        }
        // The branch that lost the race is dropped, and the connection with it.
        let left = server
            .until(|one| one.request == request && one.progress == Progress::Abandoned)
            .await;
        assert_eq!(left.fault, Some(Fault::Silence));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_delays_the_first_byte() {
    let delay = Duration::from_secs(3_600);
    let server = always(Fault::SlowStart { delay }).await;
    for dialect in Dialect::ALL {
        for stream in MODES {
            let start = tokio::time::Instant::now();
            let response = ask(&server, dialect, stream).await;
            assert!(start.elapsed() >= delay, "{:?}", start.elapsed());
            assert!(response.text().await.unwrap().contains("file"));
        }
    }
    assert_eq!(server.tally().answered, 8);
}

#[tokio::test]
async fn a_held_answer_goes_on_after_its_release() {
    let server = always(Fault::Hold { after_chunks: 2 }).await;
    for (index, dialect) in Dialect::ALL.into_iter().enumerate() {
        let request = u64::try_from(index + 1).unwrap();
        let mut response = ask(&server, dialect, true).await;
        server
            .until(|one| one.request == request && one.progress == Progress::Held)
            .await;
        let first = response.chunk().await.unwrap().unwrap();
        let early = String::from_utf8(first.to_vec()).unwrap();
        assert!(chunks(dialect, &early).len() <= 2, "{early}");
        server.release();
        let late = response.text().await.unwrap();
        let all = early + &late;
        let last = chunks(dialect, &all).pop().unwrap();
        assert!(last.contains("stop") || last == "[DONE]", "{last}");
    }
    assert_eq!(server.tally().answered, 4);
}
