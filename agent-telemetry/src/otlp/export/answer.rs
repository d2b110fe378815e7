//! What an answer means, and what it leaves to do.

use std::time::Duration;

use agent_primitives::Timestamp;

use crate::report::civil::moment;

/// Longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Answer {
        status: u16,
        retry_after: Option<String>,
        body: Vec<u8>,
    },
    /// No connection, or time was up.
    Nothing(&'static str),
}

/// What it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server has it, but for so many items, which it will never take.
    Taken { rejected: u64 },
    /// To be sent again, not before so much time.
    Later { after: Duration },
    /// Never to be sent again.
    Refused(Refusal),
}

/// Why a request will never be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Who we are is not known, or not allowed to: 401, 403.
    Unauthorized,
    /// 413.
    TooLarge,
    /// Any other status that is not to be retried.
    Other,
}

/// Only 429, 502, 503 and 504 are to be retried, says the protocol.
pub(super) fn verdict(reply: &Reply, items: u64, now: Timestamp) -> Verdict {
    let Reply::Answer {
        status,
        retry_after,
        body,
    } = reply
    else {
        return Verdict::Later {
            after: Duration::ZERO,
        };
    };
    match status {
        200..300 => Verdict::Taken {
            rejected: rejected(body).min(items),
        },
        429 | 502 | 503 | 504 => {
            let after = retry_after.as_deref().and_then(|it| wait(it, now));
            Verdict::Later {
                after: after.unwrap_or_default().min(LONGEST_WAIT),
            }
        }
        401 | 403 => Verdict::Refused(Refusal::Unauthorized),
        413 => Verdict::Refused(Refusal::TooLarge),
        _ => Verdict::Refused(Refusal::Other),
    }
}

/// `Retry-After`: seconds, or a date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) {
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    Some(http_date(text)?.since(now))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`. The two obsolete forms say nothing to us.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, text) = text.split_once(", ")?;
    let mut parts = text.strip_suffix(" GMT")?.split(' ');
    let (day, month) = (parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|it| *it == month)? + 1;
    let (year, time) = (parts.next()?, parts.next()?);
    let (minute, second) = time.rsplit_once(':')?;
    let second: u64 = second.parse().ok().filter(|it| *it <= 60)?;
    let moment = moment(&format!("{year}-{month:02}-{day}T{minute}"))?;
    (parts.next().is_none()).then_some(moment + Duration::from_secs(second))
}

/// The number in `partial_success`, field 1 of every answer, whose field 1 it is. Zero where there is none or the answer
/// cannot be read.
fn rejected(body: &[u8]) -> u64 {
    let partial = Fields(body).find_map(|(field, value)| match (field, value) {
        (1, Field::Bytes(bytes)) => Some(bytes),
        _ => None,
    });
    let number =
        Fields(partial.unwrap_or_default()).find_map(|(field, value)| match (field, value) {
            (1, Field::Number(number)) => Some(number.cast_signed()),
            _ => None,
        });
    number.and_then(|it| u64::try_from(it).ok()).unwrap_or(0)
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message, up to the first that cannot be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Field<'a>);
    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Field::Number(self.varint()?),
            1 => self.take(8).map(|_| Field::Other)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Other)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceResponse,
    };
    use prost::Message as _;

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: &[u8]) -> Verdict {
        let reply = Reply::Answer {
            status,
            retry_after: retry_after.map(str::to_owned),
            body: body.to_owned(),
        };
        verdict(&reply, 10, Timestamp::from_unix_seconds(784_111_777 - 90))
    }

    #[test]
    fn status_decides_whether_a_request_is_sent_again() {
        let later = Verdict::Later {
            after: Duration::ZERO,
        };
        for status in 100..=599 {
            let expected = match status {
                200..=299 => Verdict::Taken { rejected: 0 },
                429 | 502 | 503 | 504 => later,
                401 | 403 => Verdict::Refused(Refusal::Unauthorized),
                413 => Verdict::Refused(Refusal::TooLarge),
                _ => Verdict::Refused(Refusal::Other),
            };
            assert_eq!(answer(status, None, b""), expected, "{status}");
        }
        let nothing = Reply::Nothing("time was up");
        assert_eq!(verdict(&nothing, 1, Timestamp::UNIX_EPOCH), later);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (text, seconds) in [
            ("0", 0),
            ("7", 7),
            (" 120 ", 120),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 90),
            ("Sun, 06 Nov 1994 08:48:07 GMT", 0),
            ("Sat, 05 Nov 1994 08:49:37 GMT", 0),
            // Nobody waits for so long.
            ("99999999", 3_600),
            ("99999999999999999999999999", 3_600),
            ("Tue, 06 Nov 2094 08:49:37 GMT", 3_600),
            // Not understood.
            ("", 0),
            ("-5", 0),
            ("1.5", 0),
            ("soon", 0),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
            ("Sun, 31 Feb 1994 08:49:37 GMT", 0),
            ("Sun, 06 Nov 1994 24:49:37 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT GMT", 0),
        ] {
            let after = Duration::from_secs(seconds);
            assert_eq!(
                answer(503, Some(text), b""),
                Verdict::Later { after },
                "{text}"
            );
        }
    }

    #[test]
    fn rejected_items_are_those_of_the_partial_success() {
        let encoded = |rejected| {
            let partial = ExportLogsPartialSuccess {
                rejected_log_records: rejected,
                error_message: "too old".into(),
            };
            ExportLogsServiceResponse {
                partial_success: Some(partial),
            }
            .encode_to_vec()
        };
        for (sent, counted) in [(0, 0), (3, 3), (10, 10), (11, 10), (i64::MAX, 10), (-1, 0)] {
            let expected = Verdict::Taken { rejected: counted };
            assert_eq!(answer(200, None, &encoded(sent)), expected, "{sent}");
        }
        let whole = encoded(3);
        for end in 0..whole.len() {
            // An answer that is cut says less, and nothing panics.
            let cut = answer(200, None, &whole[..end]);
            assert_eq!(cut, Verdict::Taken { rejected: 0 }, "{end}");
        }
        assert_eq!(
            answer(200, None, br#"{"partialSuccess":{}}"#),
            Verdict::Taken { rejected: 0 }
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_and_any_text_are_an_answer(
            body in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
            text in ".{0,40}",
        ) {
            let taken = answer(200, None, &body);
            assert!(matches!(taken, Verdict::Taken { rejected: 0..=10 }));
            let later = answer(503, Some(&text), &body);
            assert!(matches!(later, Verdict::Later { after } if after <= LONGEST_WAIT));
        }
    }
}
