//! Answers that an intake gives later.

use std::future::pending;
use std::time::Duration;

use agent_telemetry::otlp::{Accepted, Encoding, Intake, Receipt, Receiver, Refused, Signal};

use crate::peer::{Peer, fine};

/// Says later what the body asks it to say.
struct Later;

impl Intake for Later {
    fn take(&self, _: Signal, _: Encoding, _: &[u8]) -> Result<Accepted, Refused> {
        panic!("the receiver asks for receipts")
    }

    fn receive(&self, _: Signal, _: Encoding, body: &[u8]) -> Result<Receipt, Refused> {
        let within = Duration::from_millis(20);
        let retry_after = Duration::from_secs(7);
        Ok(match body {
            b"now" => Receipt::now(Accepted::all()),
            b"panic" => Receipt::later(within, async { panic!("as it is asked to") }),
            b"never" => Receipt::later(within, pending()),
            b"busy" => Receipt::later(within, async move { Err(Refused::Busy { retry_after }) }),
            _ => Receipt::later(Duration::MAX, async { Ok(Accepted::partly(1, "one")) }),
        })
    }

    fn flush(&self, _: Duration) -> bool {
        true
    }
}

#[test]
fn answers_that_come_later_are_told_on_the_same_connection() {
    let receiver = Receiver::builder(Later)
        .bind("127.0.0.1:0")
        .start()
        .unwrap();
    let mut peer = Peer::connect(receiver.local_addr());
    for (body, status, retry) in [
        ("now", 200, None),
        ("later", 200, None),
        ("busy", 429, Some("7")),
        ("never", 503, Some("1")),
        ("panic", 500, None),
        ("later", 200, None),
    ] {
        peer.write(&fine(body.as_bytes()));
        let answer = peer.answer();
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.header("retry-after"), retry, "{body}");
        assert_eq!(body == "later", !answer.body.is_empty() && status == 200);
    }
    let stats = receiver.stats();
    assert_eq!((stats.intake_panics, stats.requests_under_way), (1, 0));
}
