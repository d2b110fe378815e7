//! What the protocol says about a request and its answer, case by case.

#![allow(clippy::print_stdout, reason = "the table is to be read")]

use std::io::Write as _;
use std::num::NonZeroUsize;

use agent_telemetry::otlp::{Receiver, Signal};

use crate::peer::{Answer, Peer, head, request};
use crate::scripted::{Scripted, gzip};

/// The limits here: as a body comes, and inflated.
const MAX: usize = 60_000;
const MAX_INFLATED: usize = 100_000;

const JSON: (&str, &str) = ("content-type", "application/json");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");
const LOGS: &str = "POST /v1/logs";

struct Case {
    name: &'static str,
    request: Vec<u8>,
    /// As [`told`] writes it.
    expected: String,
}

fn case(name: &'static str, request: Vec<u8>, expected: impl Into<String>) -> Case {
    Case {
        name,
        request,
        expected: expected.into(),
    }
}

/// A request to the path for logs.
fn logs(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    request(LOGS, headers, body)
}

/// A chunked body.
fn chunks(parts: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        write!(body, "{:x}\r\n", part.len()).unwrap();
        body.extend_from_slice(part);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    body
}

fn chunked(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut all = headers.to_vec();
    all.push(CHUNKED);
    [head(LOGS, &all).as_slice(), body].concat()
}

/// The answer in one line: status, type, headers that tell something, what the body says, and what the intake took.
fn told(answer: &Answer, scripted: &Scripted, head_only: bool) -> String {
    let mut parts = vec![answer.status.to_string()];
    if answer.continued {
        parts.insert(0, "100".to_owned());
    }
    let kind = answer.header("content-type").unwrap_or_default();
    parts.extend(kind.rsplit(['/', '-']).next().map(str::to_owned));
    for name in [
        "allow",
        "retry-after",
        "www-authenticate",
        "accept-encoding",
        "content-encoding",
    ] {
        parts.extend(answer.header(name).map(|value| format!("{name}={value}")));
    }
    if answer.header("connection") == Some("close") {
        parts.push("close".to_owned());
    }
    let body = String::from_utf8_lossy(&answer.body);
    if answer.status == 200 {
        let body = body.escape_default().to_string();
        parts.push(body.replace("\\\"", "\""));
    } else if kind == "application/json" && !head_only {
        let status: serde_json::Value = serde_json::from_str(&body).unwrap();
        parts.push(format!("code={}", status["code"]));
    } else if kind == "application/x-protobuf" {
        assert_eq!(answer.body[0], 8);
        parts.push(format!("code={}", answer.body[1]));
    }
    for (signal, encoding, len) in scripted.0.taken.lock().unwrap().drain(..) {
        parts.push(format!("took {len} as {signal:?} {encoding:?}"));
    }
    parts.retain(|it| !it.is_empty());
    parts.join(" ")
}

/// Runs the cases, each on a connection of its own, and prints them as a table.
fn run(receiver: &Receiver, scripted: &Scripted, cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let mut peer = Peer::connect(receiver.local_addr());
        peer.write(&case.request);
        if case.name.ends_with("ends early") {
            peer.finish_writing();
        }
        let head_only = case.request.starts_with(b"HEAD ");
        let got = match peer.read_answer(!head_only) {
            Ok(answer) => told(&answer, scripted, head_only),
            Err(error) => format!("no answer: {:?}", error.kind()),
        };
        let shown = String::from_utf8_lossy(&case.request);
        let shown = shown.lines().next().unwrap_or_default();
        println!("| {} | {shown} | {} | {got} |", case.name, case.expected);
        if got != case.expected {
            wrong.push(format!(
                "{}: expected {:?}, got {got:?}",
                case.name, case.expected
            ));
        }
    }
    println!("{} cases", cases.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn taking() -> Vec<Case> {
    let mut cases = Vec::new();
    for signal in [Signal::Metrics, Signal::Logs, Signal::Traces] {
        let line = format!("POST /v1/{}", signal.name());
        let json = format!("200 json {{}} took 4 as {signal:?} Json");
        let protobuf = format!("200 protobuf took 4 as {signal:?} Protobuf");
        cases.push(case(
            "a signal in JSON",
            request(&line, &[JSON], b"said"),
            json,
        ));
        cases.push(case(
            "a signal in protobuf",
            request(&line, &[PROTOBUF], b"said"),
            protobuf,
        ));
        let field = match signal {
            Signal::Metrics => "rejectedDataPoints",
            Signal::Logs => "rejectedLogRecords",
            _ => "rejectedSpans",
        };
        let partly = format!(
            "200 json {{\"partialSuccess\":{{\"errorMessage\":\"three of them\",\"{field}\":\"3\"}}}} took 6 as {signal:?} Json"
        );
        cases.push(case(
            "partial success in JSON",
            request(&line, &[JSON], b"partly"),
            partly,
        ));
        let partly = format!(
            "200 protobuf \\n\\u{{11}}\\u{{8}}\\u{{3}}\\u{{12}}\\rthree of them took 6 as {signal:?} Protobuf"
        );
        cases.push(case(
            "partial success in protobuf",
            request(&line, &[PROTOBUF], b"partly"),
            partly,
        ));
    }
    let json = "200 json {} took 4 as Logs Json";
    let protobuf = "200 protobuf took 4 as Logs Protobuf";
    cases.extend([
        case("a warning", logs(&[JSON], b"warn"), "200 json {\"partialSuccess\":{\"errorMessage\":\"old names\"}} took 4 as Logs Json"),
        case("an empty request", logs(&[PROTOBUF], b""), "200 protobuf"),
        case("an empty request in JSON", logs(&[JSON], b""), "200 json {}"),
        case("no length and no body", head(LOGS, &[PROTOBUF]), "200 protobuf"),
        case("an empty chunked request", chunked(&[PROTOBUF], &chunks(&[])), "200 protobuf"),
        case("a type in capitals", logs(&[("content-type", "Application/JSON")], b"said"), json),
        case("a type with a parameter", logs(&[("content-type", "application/json; charset=utf-8")], b"said"), json),
        case("a query", request("POST /v1/logs?a=b", &[JSON], b"said"), json),
        case("an absolute address", request("POST http://127.0.0.1:4318/v1/logs", &[JSON], b"said"), json),
        case("an answer may be packed", logs(&[JSON, ("accept-encoding", "gzip")], b"said"), json),
        case("chunks", chunked(&[JSON], &chunks(&[b"sa", b"i", b"d"])), json),
        case("chunks with extensions and trailers", chunked(&[JSON], b"4;a=b\r\nsaid\r\n0\r\nx: y\r\n\r\n"), json),
        case("chunks of gzip", chunked(&[PROTOBUF, GZIP], &chunks(&[&gzip(b"said")[..7], &gzip(b"said")[7..]])), protobuf),
        case("gzip", logs(&[PROTOBUF, GZIP], &gzip(b"said")), protobuf),
        case("gzip of JSON", logs(&[JSON, GZIP], &gzip(b"said")), json),
        case("gzip in capitals", logs(&[JSON, ("Content-Encoding", "GZIP")], &gzip(b"said")), json),
        case("x-gzip", logs(&[JSON, ("content-encoding", "x-gzip")], &gzip(b"said")), json),
        case("identity", logs(&[JSON, ("content-encoding", "identity")], b"said"), json),
        case("two members of gzip", logs(&[JSON, GZIP], &[gzip(b"sa"), gzip(b"id")].concat()), json),
        case("gzip of nothing", logs(&[PROTOBUF, GZIP], &gzip(b"")), "200 protobuf"),
        case("gzip without a byte", logs(&[PROTOBUF, GZIP], b""), "200 protobuf"),
        case("the largest body", logs(&[PROTOBUF], &vec![0; MAX]), "200 protobuf took 60000 as Logs Protobuf"),
        case("the largest inflated body", logs(&[PROTOBUF, GZIP], &gzip(&vec![0; MAX_INFLATED])), "200 protobuf took 100000 as Logs Protobuf"),
        case("leave to go on", logs(&[JSON, ("expect", "100-continue")], b"said"), "100 200 json {} took 4 as Logs Json"),
        case("HTTP/1.0", b"POST /v1/logs HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\nsaid".to_vec(), json),
        case("a last request", logs(&[JSON, ("connection", "close")], b"said"), "200 json close {} took 4 as Logs Json"),
        case("a request after which the sender ends early", logs(&[JSON], b"said"), json),
        case("a page of this machine", logs(&[JSON, ("origin", "http://localhost:3000")], b"said"), json),
        case("an address of version 6", logs(&[JSON, ("host", "[::1]:4318")], b"said"), json),
        case("a name that was allowed", logs(&[JSON, ("host", "host.docker.internal:4318")], b"said"), json),
    ]);
    cases
}

fn refusing() -> Vec<Case> {
    let long = format!("POST /v1/logs?{}", "x".repeat(20_000));
    let packed = gzip(b"said");
    let mut flipped = packed.clone();
    let crc = flipped.len() - 8;
    flipped[crc] ^= 1;
    let type_415 = "415 json code=3";
    let coding_415 = "415 json accept-encoding=gzip, identity code=3";
    let too_large = "413 protobuf close code=8";
    vec![
        case("another path", request("POST /v1/profiles", &[JSON], b"said"), "404 json code=5"),
        case("profiles", request("POST /v1development/profiles", &[PROTOBUF], b"said"), "404 protobuf code=5"),
        case("a path with a slash too many", request("POST /v1/logs/", &[JSON], b"said"), "404 json code=5"),
        case("a path in capitals", request("POST /V1/LOGS", &[JSON], b"said"), "404 json code=5"),
        case("GET", head("GET /v1/logs", &[]), "405 json allow=POST code=12"),
        case("HEAD", head("HEAD /v1/logs", &[]), "405 json allow=POST"),
        case("PUT", request("PUT /v1/logs", &[PROTOBUF], b"said"), "405 protobuf allow=POST code=12"),
        case("DELETE", head("DELETE /v1/logs", &[]), "405 json allow=POST code=12"),
        case("a browser that asks whether it may", head("OPTIONS /v1/logs", &[("access-control-request-method", "POST")]), "405 json allow=POST code=12"),
        case("no type", logs(&[], b"said"), type_415),
        case("another type", logs(&[("content-type", "text/plain")], b"said"), type_415),
        case("nearly the type", logs(&[("content-type", "application/protobuf")], b"said"), type_415),
        case("two types", logs(&[JSON, PROTOBUF], b"said"), type_415),
        case("another character set", logs(&[("content-type", "application/json; charset=utf-16")], b"said"), type_415),
        case("deflate", logs(&[JSON, ("content-encoding", "deflate")], b"said"), coding_415),
        case("zstd", logs(&[JSON, ("content-encoding", "zstd")], b"said"), coding_415),
        case("gzip in gzip", logs(&[JSON, ("content-encoding", "gzip, gzip")], &gzip(&packed)), coding_415),
        case("gzip that ends early", logs(&[PROTOBUF, GZIP], &packed[..packed.len() - 3]), "400 protobuf code=3"),
        case("gzip with more after it", logs(&[JSON, GZIP], &[&packed[..], b"more and more of it"].concat()), "400 json code=3"),
        case("gzip with a wrong sum", logs(&[JSON, GZIP], &flipped), "400 json code=3"),
        case("no gzip", logs(&[JSON, GZIP], b"said and not packed at all"), "400 json code=3"),
        case("gzip of a million members", logs(&[JSON, GZIP], &gzip(b"").repeat(2_000)), "400 json code=3"),
        case("a body that is too large", logs(&[PROTOBUF], &vec![0; MAX + 1]), "413 protobuf code=8"),
        case("a body that is far too large", logs(&[PROTOBUF], &vec![0; 8 << 20]), too_large),
        case("a body that says it is too large", head(LOGS, &[PROTOBUF, ("content-length", "99999999999")]), too_large),
        case("chunks that are too large", chunked(&[PROTOBUF], &chunks(&[&[0; 8_000][..]; 20])), too_large),
        case("a body that inflates too far", logs(&[PROTOBUF, GZIP], &gzip(&vec![0; MAX_INFLATED + 1])), "413 protobuf code=8"),
        case("a bomb", logs(&[JSON, GZIP], &gzip(&vec![0; 1 << 20]).repeat(30)), "413 json code=8"),
        case("no leave to go on where it is too large", head(LOGS, &[PROTOBUF, ("content-length", "70000"), ("expect", "100-continue")]), too_large),
        case("a length that is none", head(LOGS, &[JSON, ("content-length", "four")]), "400 close"),
        case("two lengths", [&head(LOGS, &[JSON, ("content-length", "4"), ("content-length", "5")])[..], b"said"].concat(), "400 close"),
        case("a transfer that is packed", [&head(LOGS, &[JSON, ("transfer-encoding", "gzip, chunked")])[..], &chunks(&[b"said"])].concat(), "501 json code=12"),
        case("a chunk that is none", chunked(&[JSON], b"zz\r\nsaid\r\n"), "400 json close code=3"),
        case("a body that ends early", [&head(LOGS, &[JSON, ("content-length", "9")])[..], b"said"].concat(), "400 json close code=3"),
        case("what is no HTTP", b"\x16\x03\x01\x02\x00\x01\r\n\r\n".to_vec(), "400 close"),
        case("a header with no name", b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\n: x\r\n\r\n".to_vec(), "400 close"),
        case("a head that is too large", logs(&[JSON, ("x", &"y".repeat(20_000))], b"said"), "431 close"),
        case("an address that is too long", request(&long, &[JSON], b"said"), "431 close"),
        case("no host", b"POST /v1/logs HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\nsaid".to_vec(), "400 json code=3"),
        case("two hosts", logs(&[JSON, ("host", "localhost"), ("host", "localhost")], b"said"), "400 json code=3"),
        case("the host of another", logs(&[JSON, ("host", "evil.example")], b"said"), "403 json code=7"),
        case("the address of another", request("POST http://evil.example/v1/logs", &[JSON], b"said"), "403 json code=7"),
        case("a page of another", logs(&[JSON, ("origin", "https://evil.example")], b"said"), "403 json code=7"),
        case("a page of nobody", logs(&[JSON, ("origin", "null")], b"said"), "403 json code=7"),
        case("health for a page of another", head("GET /health", &[("origin", "https://evil.example")]), "403 json code=7"),
        case("health with POST", request("POST /health", &[JSON], b"said"), "405 json allow=GET, HEAD code=12"),
        case("bad data in JSON", logs(&[JSON], b"bad"), "400 json code=3"),
        case("bad data in protobuf", logs(&[PROTOBUF], b"bad"), "400 protobuf code=3"),
        case("a busy intake in JSON", logs(&[JSON], b"busy"), "429 json retry-after=2 code=8"),
        case("a busy intake in protobuf", logs(&[PROTOBUF], b"busy"), "429 protobuf retry-after=2 code=8"),
        case("an intake that cannot store", logs(&[JSON], b"down"), "503 json retry-after=2 code=14"),
        case("more than the intake takes", logs(&[JSON], b"large"), "413 json code=8"),
        case("an intake that panics", logs(&[PROTOBUF], b"panic"), "500 protobuf code=13"),
    ]
}

#[test]
fn every_case_of_the_protocol_is_answered_as_it_says() {
    let scripted = Scripted::default();
    let receiver = Receiver::builder(scripted.clone())
        .bind("127.0.0.1:0")
        .allow_host("host.docker.internal")
        .max_body(NonZeroUsize::new(MAX).unwrap())
        .max_inflated(NonZeroUsize::new(MAX_INFLATED).unwrap())
        .start()
        .unwrap();
    let mut cases = taking();
    cases.extend(refusing());
    assert!(cases.len() >= 60);
    run(&receiver, &scripted, &cases);
    assert_eq!(receiver.stats().intake_panics, 1);
    assert_eq!(receiver.stats().bytes_under_way, 0);
}

#[test]
fn a_token_is_asked_for_where_one_is_set() {
    let scripted = Scripted::default();
    let builder = Receiver::builder(scripted.clone()).bind("127.0.0.1:0");
    let receiver = builder.token("s3cret").start().unwrap();
    let unauthenticated = "401 json www-authenticate=Bearer code=16";
    let with = |value: &'static str| logs(&[JSON, ("authorization", value)], b"said");
    let taken = "200 json {} took 4 as Logs Json";
    run(
        &receiver,
        &scripted,
        &[
            case("no token", logs(&[JSON], b"said"), unauthenticated),
            case(
                "no token, in protobuf",
                logs(&[PROTOBUF], b"said"),
                "401 protobuf www-authenticate=Bearer code=16",
            ),
            case("another token", with("Bearer s3creT"), unauthenticated),
            case(
                "a token that is too long",
                with("Bearer s3crets"),
                unauthenticated,
            ),
            case("another scheme", with("Basic s3cret"), unauthenticated),
            case(
                "two tokens",
                logs(
                    &[
                        JSON,
                        ("authorization", "Bearer s3cret"),
                        ("authorization", "Bearer x"),
                    ],
                    b"said",
                ),
                unauthenticated,
            ),
            case("the token", with("Bearer s3cret"), taken),
            case("the token, in small letters", with("bearer s3cret"), taken),
            case(
                "no token and no leave to go on",
                head(
                    LOGS,
                    &[JSON, ("content-length", "4"), ("expect", "100-continue")],
                ),
                "401 json www-authenticate=Bearer close code=16",
            ),
            case(
                "health without a token",
                head("GET /health", &[]),
                "200 json {\"status\":\"ok\"}",
            ),
            case(
                "a path without a token",
                head("GET /v1/profiles", &[]),
                "404 json code=5",
            ),
        ],
    );
}

#[test]
fn health_tells_the_figures() {
    let receiver = Receiver::builder(Scripted::default())
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    peer.write(&logs(&[JSON], b"said"));
    peer.write(&logs(&[JSON], b"busy"));
    assert_eq!((peer.answer().status, peer.answer().status), (200, 429));
    peer.write(&head("HEAD /health", &[]));
    let told = peer.read_answer(false).unwrap();
    assert_eq!((told.status, told.body.len()), (200, 0));
    for path in ["GET /health", "GET /"] {
        peer.write(&head(path, &[]));
        let page: serde_json::Value = serde_json::from_slice(&peer.answer().body).unwrap();
        assert_eq!(page["status"], "ok");
        assert_eq!(page["connections"]["open"], 1);
        assert_eq!(page["bytes"]["received"], 8);
        let logs = serde_json::json!({ "200": 1, "429": 1 });
        assert_eq!(page["requests"]["logs"], logs);
    }
}
