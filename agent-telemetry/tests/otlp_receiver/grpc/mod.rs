//! The receiver over gRPC, with the HTTP/2 of hyper on the other side.

mod cases;

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use agent_telemetry::otlp::{Receiver, ReceiverBuilder, Signal};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::peer::WAIT;
use crate::scripted::{Scripted, until};

const LOGS: &str = "logs.v1.LogsService/Export";
const MAX: usize = 60_000;
const MAX_INFLATED: usize = 100_000;

fn builder(scripted: &Scripted) -> ReceiverBuilder {
    Receiver::builder(scripted.clone())
        .bind("127.0.0.1:0")
        .grpc("127.0.0.1:0")
        .max_body(NonZeroUsize::new(MAX).unwrap())
        .max_inflated(NonZeroUsize::new(MAX_INFLATED).unwrap())
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

type Sender = SendRequest<Full<Bytes>>;

async fn connect(receiver: &Receiver) -> Sender {
    let address = receiver.grpc_addr().unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let io = TokioIo::new(stream);
    let (sender, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A message with what comes before it.
fn framed(packed: bool, message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[u8::from(packed)][..], &len, message].concat()
}

fn request(method: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Full<Bytes>> {
    let uri = format!("http://localhost/opentelemetry.proto.collector.{method}");
    let mut request = Request::post(uri).header("te", "trailers");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::from(body))).unwrap()
}

fn unbase64(text: &str) -> Vec<u8> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = String::new();
    for letter in text.chars() {
        write!(bits, "{:06b}", letters.find(letter).unwrap()).unwrap();
    }
    let bits = bits.into_bytes();
    let bytes = bits
        .chunks_exact(8)
        .map(|it| std::str::from_utf8(it).unwrap());
    bytes.map(|it| u8::from_str_radix(it, 2).unwrap()).collect()
}

/// The status, whether it says when to try again, and the message of an answer.
async fn told(answer: Response<Incoming>) -> String {
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let message = body.to_bytes();
    let find = |name| {
        let find = |it: &HeaderMap| it.get(name).map(|it| it.to_str().unwrap().to_owned());
        find(&head.headers).or_else(|| find(&trailers))
    };
    let status = find("grpc-status").unwrap_or_else(|| format!("HTTP {}", head.status.as_u16()));
    let details = find("grpc-status-details-bin").map(|it| unbase64(&it));
    let details = String::from_utf8_lossy(&details.unwrap_or_default()).into_owned();
    let retry = details.contains("google.rpc.RetryInfo");
    let mut line = status;
    if retry {
        line += " retry";
    }
    match message.split_at_checked(5) {
        Some((prefix, message)) => {
            assert_eq!(prefix, &framed(false, message)[..5]);
            format!("{line} {:?}", String::from_utf8_lossy(message))
        }
        None => line,
    }
}

#[test]
fn streams_of_one_connection_are_all_taken() {
    let scripted = Scripted::default();
    let receiver = builder(&scripted).start().unwrap();
    runtime().block_on(async {
        let sender = connect(&receiver).await;
        let tasks: Vec<_> = (0..500)
            .map(|nth| {
                let mut sender = sender.clone();
                let body = framed(false, &vec![b'x'; 1 + nth * 100]);
                tokio::spawn(async move {
                    sender.ready().await.unwrap();
                    let answer = sender.send_request(request(LOGS, &[], body)).await;
                    told(answer.unwrap()).await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), r#"0 """#);
        }
    });
    let mut taken: Vec<usize> = scripted.taken().iter().map(|(.., len)| *len).collect();
    taken.sort_unstable();
    let sent: Vec<usize> = (0..500).map(|nth| 1 + nth * 100).collect();
    assert_eq!(taken, sent);
}

#[test]
fn requests_that_are_taken_back_without_end_harm_nobody_else() {
    let scripted = Scripted::default();
    let receiver = builder(&scripted).start().unwrap();
    runtime().block_on(async {
        let mut attacker = connect(&receiver).await;
        for _ in 0..5_000 {
            if attacker.ready().await.is_err() {
                break;
            }
            // The future of the answer is dropped, which takes the request back.
            let body = framed(false, &[0; 100]);
            let mut answer = Box::pin(attacker.send_request(request(LOGS, &[], body)));
            let once = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(answer.as_mut().poll(cx).is_ready())
            });
            once.await;
            drop(answer);
            tokio::task::yield_now().await;
        }
        drop(attacker);
        let mut other = connect(&receiver).await;
        let answer = other.send_request(request(LOGS, &[], framed(false, b"said")));
        assert_eq!(told(answer.await.unwrap()).await, r#"0 """#);
    });
    let stats = until(&receiver, |it| it.requests_under_way == 0);
    assert_eq!(stats.bytes_under_way, 0);
}

#[test]
fn a_stop_finishes_what_is_under_way_and_says_goodbye() {
    let scripted = Scripted::default();
    let (waits, go) = scripted.gate();
    // Large, so that it is worked on beside the thread of the connections.
    let mut body = b"wait ".to_vec();
    body.resize(300_000, b'x');
    let builder = Receiver::builder(scripted.clone()).bind("127.0.0.1:0");
    let receiver = builder.grpc("127.0.0.1:0").start().unwrap();
    runtime().block_on(async {
        let mut sender = connect(&receiver).await;
        let answer = sender.send_request(request(LOGS, &[], framed(false, &body)));
        let answer = tokio::spawn(answer);
        let waiting = tokio::task::spawn_blocking(move || waits.recv_timeout(WAIT));
        waiting.await.unwrap().unwrap();
        let address = receiver.grpc_addr().unwrap();
        let stopping = tokio::task::spawn_blocking(move || receiver.shutdown(WAIT));
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go.send(()).unwrap();
        assert_eq!(told(answer.await.unwrap().unwrap()).await, r#"0 """#);
        let stats = stopping.await.unwrap().unwrap();
        assert_eq!(stats.answered(Some(Signal::Logs), 200), 1);
    });
    assert_eq!(scripted.flushed(), 1);
}

#[test]
fn a_silent_connection_is_idle_and_ends() {
    let scripted = Scripted::default();
    let timeout = std::time::Duration::from_millis(400);
    let receiver = builder(&scripted).idle_timeout(timeout).start().unwrap();
    runtime().block_on(async {
        let mut sender = connect(&receiver).await;
        let answer = sender.send_request(request(LOGS, &[], framed(false, b"said")));
        assert_eq!(told(answer.await.unwrap()).await, r#"0 """#);
        while sender.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let stats = until(&receiver, |it| it.connections_open == 0);
    assert_eq!(stats.connections_idle, 1);
}
