//! Answers of gRPC: the status comes after the message, or in the head where there is no message.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::super::intake::Encoding;
use super::super::refusal::Refusal;
use super::super::reply;
use super::frame;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const TAKES: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const KIND: HeaderValue = HeaderValue::from_static("application/grpc");

/// A message, and trailers; or nothing.
#[derive(Debug, Default)]
pub(super) struct Said {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for Said {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let message = self.message.take().map(Frame::data);
        let frame = message.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.message.as_ref().map_or(0, |it| it.len() as u64))
    }
}

/// The answer to a request that was taken.
pub(super) fn accepted(message: &[u8]) -> Response<Said> {
    let mut trailers = HeaderMap::new();
    trailers.insert(STATUS, HeaderValue::from_static("0"));
    headed(Said {
        message: Some(frame::frame(message).into()),
        trailers: Some(trailers),
    })
}

pub(super) fn refused(refusal: &Refusal) -> Response<Said> {
    let mut answer = headed(Said::default());
    let headers = answer.headers_mut();
    headers.insert(STATUS, HeaderValue::from(u16::from(refusal.cause.code())));
    let message = percent(reply::short(&refusal.message));
    let details = base64(&reply::refused(Encoding::Protobuf, refusal));
    for (name, text) in [(MESSAGE, message), (DETAILS, details)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
    answer
}

/// The answer to what is no gRPC.
pub(super) fn no_grpc() -> Response<Said> {
    let mut answer = headed(Said::default());
    *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    answer
}

fn headed(said: Said) -> Response<Said> {
    let mut answer = Response::new(said);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, KIND);
    headers.insert(TAKES, HeaderValue::from_static("gzip,identity"));
    answer
}

/// A text as `grpc-message` has it.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(byte.into()),
            _ => {
                out.push('%');
                out.extend([digit(byte >> 4), digit(byte & 0xf)]);
            }
        }
    }
    out
}

fn digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).map_or('0', |it| it.to_ascii_uppercase())
}

/// As headers with binary values have it, without padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |index| u32::from(three.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for letter in 0..=three.len() {
            let index = (bits >> (18 - 6 * letter)) & 63;
            out.push(LETTERS.get(index as usize).copied().unwrap_or(b'A').into());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn messages_are_visible_ascii() {
        assert_eq!(percent("at 3 %\n…"), "at 3 %25%0A%E2%80%A6");
    }
}
