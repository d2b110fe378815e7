//! What the headers say about a body.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};

use super::intake::Encoding;

/// The encoding that `Content-Type` names, with whatever parameters; `None` for another, none or several.
pub(super) fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (types.next(), types.next()) else {
        return None;
    };
    let mut parts = kind.to_str().ok()?.split(';').map(str::trim);
    let kind = parts.next()?;
    let encoding = [Encoding::Protobuf, Encoding::Json]
        .into_iter()
        .find(|it| kind.eq_ignore_ascii_case(it.content_type()))?;
    parts.all(is_utf8_or_other).then_some(encoding)
}

/// A parameter, unless it names a character set that is not UTF-8.
fn is_utf8_or_other(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return true;
    };
    let value = value.trim().trim_matches('"');
    !name.trim().eq_ignore_ascii_case("charset")
        || ["utf-8", "utf8", "us-ascii"]
            .iter()
            .any(|it| value.eq_ignore_ascii_case(it))
}

/// Whether the body is gzip; `None` where it is packed in another way, or more than once.
pub(super) fn gzip(headers: &HeaderMap) -> Option<bool> {
    let mut packed = false;
    for value in headers.get_all(CONTENT_ENCODING) {
        for coding in value.to_str().ok()?.split(',').map(str::trim) {
            if coding.is_empty() || coding.eq_ignore_ascii_case("identity") {
                continue;
            }
            let known = ["gzip", "x-gzip"]
                .iter()
                .any(|it| coding.eq_ignore_ascii_case(it));
            if !known || packed {
                return None;
            }
            packed = true;
        }
    }
    Some(packed)
}

/// Whether the body comes as it is or in chunks, and not packed for the way.
pub(super) fn is_plain_transfer(headers: &HeaderMap) -> bool {
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    headers.get_all(TRANSFER_ENCODING).iter().all(plain)
}

#[cfg(test)]
mod tests {
    use http::header::HeaderName;

    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn content_types_are_read_without_case_and_parameters() {
        for (values, expected) in [
            (&["application/json"][..], Some(Encoding::Json)),
            (&["Application/JSON; charset=UTF-8"], Some(Encoding::Json)),
            (
                &["application/json;charset=\"utf-8\";v=1"],
                Some(Encoding::Json),
            ),
            (&["application/x-protobuf"], Some(Encoding::Protobuf)),
            (&["APPLICATION/X-PROTOBUF ;"], Some(Encoding::Protobuf)),
            (&["application/json; charset=utf-16"], None),
            (&["application/protobuf"], None),
            (&["application/jsonp"], None),
            (&["application/json", "application/json"], None),
            (&["text/plain"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(
                encoding(&headers(&CONTENT_TYPE, values)),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn content_encodings_are_gzip_or_none() {
        for (values, expected) in [
            (&[][..], Some(false)),
            (&[""], Some(false)),
            (&["identity"], Some(false)),
            (&["gzip"], Some(true)),
            (&["GZip"], Some(true)),
            (&["x-gzip"], Some(true)),
            (&["identity, gzip"], Some(true)),
            (&["gzip, gzip"], None),
            (&["gzip", "gzip"], None),
            (&["deflate"], None),
            (&["zstd"], None),
            (&["br, gzip"], None),
        ] {
            assert_eq!(
                gzip(&headers(&CONTENT_ENCODING, values)),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn transfers_are_chunked_or_plain() {
        for (values, expected) in [
            (&[][..], true),
            (&["chunked"], true),
            (&["Chunked"], true),
            (&["gzip, chunked"], false),
            (&["gzip", "chunked"], false),
        ] {
            let headers = headers(&TRANSFER_ENCODING, values);
            assert_eq!(is_plain_transfer(&headers), expected, "{values:?}");
        }
    }
}
