//! Webhooks against a server on the loopback that refuses, hangs, leads elsewhere, or is not there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use agent_primitives::ManualClock;
use agent_telemetry::alert::{Alerting, Condition, DeliveryConfig, Notification, Rule, Webhook};
use agent_telemetry::{MemorySink, Telemetry};
use hmac::{Hmac, KeyInit as _, Mac as _};

use super::{at, rules, seconds, tokens};

const SOON: Duration = Duration::from_secs(20);

/// A request as it came: the lines of its head, and its body.
struct Request {
    head: Vec<String>,
    body: String,
}

impl Request {
    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let request = Self {
            head,
            body: String::new(),
        };
        let mut body = vec![0; request.header("content-length").parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        Self {
            body: String::from_utf8(body).unwrap(),
            ..request
        }
    }

    fn header(&self, wanted: &str) -> &str {
        let fields = self.head.iter().filter_map(|line| line.split_once(": "));
        fields
            .clone()
            .find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
            .unwrap_or_default()
    }
}

/// A server that answers one request after the other like this; 0 is no answer at all.
fn server(answers: &'static [u16]) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        for status in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = sender.send(Request::read(&stream));
            match status {
                0 => held.push(stream),
                status => {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} Status\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    );
                }
            }
        }
        // Connections that get no answer stay open until nobody looks any more.
        let _ = listener.accept();
    });
    (address, requests)
}

fn alerting(hook: Webhook) -> Alerting {
    let when = Condition::TokensPerMinute {
        above: 100,
        clear: None,
        window: seconds(60),
    };
    let quick = DeliveryConfig {
        attempts: 3,
        first_delay: Duration::from_millis(1),
        ..DeliveryConfig::default()
    };
    Alerting::builder(rules([Rule::new("busy", when)]))
        .clock(ManualClock::starting_at(at(0)))
        .delivery(quick)
        .receiver(hook)
        .start()
        .unwrap()
}

/// What came of one alert: delivered, refused, given up.
fn told(hook: Webhook) -> (u64, u64, u64) {
    let alerting = alerting(hook);
    alerting.observe(&[tokens(0, 200)]);
    assert!(alerting.flush(SOON));
    let health = alerting.health();
    (health.delivered, health.refused, health.given_up)
}

#[test]
fn notification_arrives_as_signed_json() {
    let (address, requests) = server(&[204]);
    assert_eq!(
        told(Webhook::new(&address).unwrap().secret("hush")),
        (1, 0, 0)
    );
    let request = requests.recv_timeout(SOON).unwrap();
    assert_eq!(request.head[0], "POST /hook HTTP/1.1");
    assert_eq!(request.header("content-type"), "application/json");
    let told: Notification = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        (told.rule.as_str(), request.header("idempotency-key")),
        ("busy", told.id.as_str())
    );
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"hush").unwrap();
    mac.update(request.body.as_bytes());
    let signature = request
        .header("x-signature-256")
        .strip_prefix("sha256=")
        .unwrap();
    let bytes: Vec<u8> = (0..32)
        .map(|place| u8::from_str_radix(&signature[2 * place..2 * place + 2], 16).unwrap())
        .collect();
    assert!(mac.verify_slice(&bytes).is_ok());
}

#[test]
fn server_that_is_busy_is_asked_again_with_the_same_notification() {
    let (address, requests) = server(&[503, 429, 200]);
    assert_eq!(told(Webhook::new(&address).unwrap()), (1, 0, 0));
    let ids: Vec<_> = requests
        .try_iter()
        .map(|it| it.header("idempotency-key").to_owned())
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn answer_that_will_not_change_is_a_refusal() {
    for answers in [&[404_u16, 200][..], &[401, 200], &[302, 200]] {
        let (address, requests) = server(answers);
        assert_eq!(
            told(Webhook::new(&address).unwrap()),
            (0, 1, 0),
            "{answers:?}"
        );
        assert_eq!(requests.try_iter().count(), 1, "{answers:?}");
    }
}

#[test]
fn server_that_is_gone_is_given_up_after_a_few_tries() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(told(Webhook::new(&address).unwrap()), (0, 0, 1));
}

#[test]
fn server_that_hangs_holds_up_no_record() {
    let (address, requests) = server(&[0, 0, 200]);
    let hook = Webhook::new(&address)
        .unwrap()
        .timeout(Duration::from_millis(300));
    let alerting = alerting(hook);
    let telemetry = Telemetry::builder(alerting.around(MemorySink::new()))
        .clock(std::sync::Arc::new(ManualClock::starting_at(at(0))))
        .start()
        .unwrap();
    telemetry.record(tokens(0, 200));
    // Returns while the first request hangs.
    telemetry.flush(SOON).unwrap();
    assert_eq!(alerting.health().delivered, 0);
    assert!(alerting.flush(SOON));
    assert_eq!(alerting.health().delivered, 1);
    assert_eq!(requests.try_iter().count(), 3);
}

#[test]
fn secrets_are_in_no_text_about_it() {
    let hook = Webhook::new("https://user:w0rd@example.com/T0KEN")
        .unwrap()
        .secret("hush");
    let shown = format!("{hook:?}");
    assert!(
        !shown.contains("T0KEN") && !shown.contains("hush") && !shown.contains("w0rd"),
        "{shown}"
    );
    let builder = Alerting::builder(rules([])).receiver(hook);
    assert!(!format!("{builder:?}").contains("hush"));
}
