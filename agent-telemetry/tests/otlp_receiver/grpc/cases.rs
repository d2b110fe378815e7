//! What gRPC says about a request and its answer, case by case.

#![allow(clippy::print_stdout, reason = "the table is to be read")]

use agent_telemetry::otlp::{Encoding, Signal};

use super::{LOGS, MAX, MAX_INFLATED, builder, connect, framed, request, runtime, told};
use crate::scripted::{Scripted, Taken, gzip};

const TOKEN: (&str, &str) = ("authorization", "Bearer s3cret");
const PACKS: (&str, &str) = ("grpc-encoding", "gzip");
/// The answer to a request all of which was taken: the status, and a message of no bytes.
const FINE: &str = "0 \"\"";

struct Case {
    name: &'static str,
    method: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    expected: &'static str,
    taken: Vec<Taken>,
}

impl Case {
    /// A request for logs with the token, that is not taken.
    fn refused(name: &'static str, body: Vec<u8>, expected: &'static str) -> Self {
        Self {
            name,
            method: LOGS,
            headers: vec![TOKEN],
            body,
            expected,
            taken: Vec::new(),
        }
    }

    /// One that is taken, with so many bytes.
    fn fine(name: &'static str, body: Vec<u8>, len: usize) -> Self {
        Self {
            taken: vec![(Signal::Logs, Encoding::Protobuf, len)],
            ..Self::refused(name, body, FINE)
        }
    }

    fn with(mut self, header: (&'static str, &'static str)) -> Self {
        self.headers.push(header);
        self
    }

    fn headers(mut self, headers: &[(&'static str, &'static str)]) -> Self {
        self.headers = headers.to_vec();
        self
    }

    fn to(mut self, method: &'static str, signal: Signal) -> Self {
        self.method = method;
        for taken in &mut self.taken {
            taken.0 = signal;
        }
        self
    }
}

fn taking() -> Vec<Case> {
    let said = || framed(false, b"said");
    let packed = framed(true, &gzip(b"said"));
    let mut partly = Case::fine("partial success", framed(false, b"partly"), 6);
    partly.expected = r#"0 "\n\u{11}\u{8}\u{3}\u{12}\rthree of them""#;
    vec![
        Case::fine("metrics", said(), 4).to("metrics.v1.MetricsService/Export", Signal::Metrics),
        Case::fine("logs", said(), 4),
        Case::fine("spans", said(), 4).to("trace.v1.TraceService/Export", Signal::Traces),
        Case::fine("a type of its own", said(), 4).with(("content-type", "application/grpc+proto")),
        Case::refused("an empty message", framed(false, b""), FINE),
        Case::fine("gzip", packed, 4).with(PACKS),
        Case::fine("gzip that is not used", said(), 4).with(PACKS),
        Case::fine("identity", said(), 4).with(("grpc-encoding", "identity")),
        Case::fine("the largest message", framed(false, &vec![0; MAX]), MAX),
        partly,
    ]
}

fn refusing() -> Vec<Case> {
    let said = || framed(false, b"said");
    let packed = || framed(true, &gzip(b"said"));
    let asks = |what: &[u8]| framed(false, what);
    let bomb = framed(true, &gzip(&vec![0; MAX_INFLATED + 1]));
    let import = "logs.v1.LogsService/Import";
    vec![
        Case::refused("gzip that is not announced", packed(), "3"),
        Case::refused("no gzip", framed(true, b"said"), "3").with(PACKS),
        Case::refused("another encoding", said(), "12").with(("grpc-encoding", "zstd")),
        Case::refused("a flag that is not known", b"\x02\0\0\0\0".to_vec(), "3"),
        Case::refused("a message that is cut", said()[..8].to_vec(), "3"),
        Case::refused("no message", Vec::new(), "3"),
        Case::refused("two messages", said().repeat(2), "3"),
        Case::refused("bad data", asks(b"bad"), "3"),
        Case::refused("a busy intake", asks(b"busy"), "8 retry"),
        Case::refused("an intake that cannot store", asks(b"down"), "14 retry"),
        Case::refused("more than the intake takes", asks(b"large"), "8"),
        Case::refused("an intake that panics", asks(b"panic"), "13"),
        Case::refused("too large", framed(false, &vec![0; MAX + 1]), "8"),
        Case::refused("too large when inflated", bomb, "8").with(PACKS),
        Case::refused("no token", said(), "16").headers(&[]),
        Case::refused("another token", said(), "16").headers(&[("authorization", "Bearer x")]),
        Case::refused("another method", said(), "12").to(import, Signal::Logs),
        Case::refused("a page of another", said(), "7").with(("origin", "https://evil.example")),
        Case::refused("no gRPC", said(), "HTTP 415").with(("content-type", "application/json")),
    ]
}

#[test]
fn every_case_of_grpc_is_answered_as_it_says() {
    let scripted = Scripted::default();
    let receiver = builder(&scripted).token("s3cret").start().unwrap();
    let mut cases = taking();
    cases.extend(refusing());
    let number = cases.len();
    runtime().block_on(async {
        let mut sender = connect(&receiver).await;
        for case in cases {
            let request = request(case.method, &case.headers, case.body);
            let got = told(sender.send_request(request).await.unwrap()).await;
            println!(
                "| {} | {} | {} | {got} |",
                case.name, case.method, case.expected
            );
            assert_eq!(got, case.expected, "{}", case.name);
            let taken: Vec<_> = scripted.0.taken.lock().unwrap().drain(..).collect();
            assert_eq!(taken, case.taken, "{}", case.name);
        }
    });
    println!("{number} cases");
    // All of them came over one connection, which no refusal ended.
    assert_eq!(receiver.stats().connections_accepted, 1);
    assert_eq!(receiver.stats().bytes_under_way, 0);
}
