//! What a request asks for, told from its head alone.

use http::request::Parts;
use http::{HeaderMap, Method};

use super::intake::{Encoding, Signal};
use super::media;
use super::refusal::{Cause, Refusal};
use super::site::Names;
use super::token::Token;

const PATHS: [&str; 3] = ["/v1/metrics", "/v1/logs", "/v1/traces"];
const HEALTH: [&str; 2] = ["/health", "/"];

/// Who may ask, and how much.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) names: Names,
    pub(super) token: Option<Token>,
    pub(super) max_body: usize,
}

impl Rules {
    /// Whether the request shows the token, where one is asked for.
    pub(super) fn lets_in(&self, headers: &HeaderMap) -> bool {
        self.token.as_ref().is_none_or(|token| token.is_in(headers))
    }

    pub(super) fn no_token() -> Refusal {
        let message = "the request shows no token, or not the right one: `Authorization: Bearer …`";
        Refusal::new(Cause::NoToken, message)
    }

    pub(super) fn too_large(&self) -> Refusal {
        let max = self.max_body;
        let message = format!("the body is larger than {max} bytes; send smaller batches");
        Refusal::new(Cause::TooLarge, message)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    Health { figures: bool },
    Take(Wanted),
}

/// A body to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) signal: Signal,
    pub(super) encoding: Encoding,
    pub(super) gzip: bool,
}

/// Which signal a path is for.
pub(super) fn signal(path: &str) -> Option<Signal> {
    let at = PATHS.iter().position(|it| *it == path)?;
    [Signal::Metrics, Signal::Logs, Signal::Traces]
        .get(at)
        .copied()
}

/// What to do with a request whose body has `length` bytes, where that is known.
pub(super) fn plan(head: &Parts, length: Option<u64>, rules: &Rules) -> Result<Plan, Refusal> {
    rules.names.check(head)?;
    let path = head.uri.path();
    if HEALTH.contains(&path) {
        if head.method != Method::GET && head.method != Method::HEAD {
            let message = "ask for the health with GET or HEAD";
            return Err(Refusal::new(Cause::Method("GET, HEAD"), message));
        }
        let figures = rules.lets_in(&head.headers);
        return Ok(Plan::Health { figures });
    }
    let Some(signal) = signal(path) else {
        let message =
            "there is nothing here; what is taken goes to /v1/metrics, /v1/logs and /v1/traces";
        return Err(Refusal::new(Cause::NotFound, message));
    };
    if head.method != Method::POST {
        let message = "send with POST";
        return Err(Refusal::new(Cause::Method("POST"), message));
    }
    if !rules.lets_in(&head.headers) {
        return Err(Rules::no_token());
    }
    let Some(encoding) = media::encoding(&head.headers) else {
        let message = "the content type is application/x-protobuf or application/json, in UTF-8";
        return Err(Refusal::new(Cause::ContentType, message));
    };
    let Some(gzip) = media::gzip(&head.headers) else {
        let message = "the content encoding is gzip or none";
        return Err(Refusal::new(Cause::ContentEncoding, message));
    };
    if !media::is_plain_transfer(&head.headers) {
        let message = "the transfer encoding is chunked or none";
        return Err(Refusal::new(Cause::NotImplemented, message));
    }
    if length.is_some_and(|it| it > rules.max_body as u64) {
        return Err(rules.too_large());
    }
    Ok(Plan::Take(Wanted {
        signal,
        encoding,
        gzip,
    }))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn rules(token: Option<&str>) -> Rules {
        let names = Names {
            loopback_only: true,
            others: Vec::new(),
        };
        Rules {
            names,
            token: token.and_then(|it| Token::new(it.to_owned())),
            max_body: 100,
        }
    }

    fn planned(
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        length: u64,
        token: Option<&str>,
    ) -> Result<Plan, Cause> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        plan(&head, Some(length), &rules(token)).map_err(|refusal| refusal.cause)
    }

    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn each_signal_has_its_path() {
        for signal in Signal::ALL {
            let path = format!("/v1/{}", signal.name());
            let wanted = Wanted {
                signal,
                encoding: Encoding::Json,
                gzip: false,
            };
            let planned = planned("POST", &path, &[JSON], 100, None);
            assert_eq!(planned, Ok(Plan::Take(wanted)));
        }
    }

    #[test]
    fn the_first_thing_that_is_wrong_is_told() {
        let gzip = ("content-encoding", "gzip");
        let deflate = ("content-encoding", "deflate");
        let bearer = ("authorization", "Bearer s3cret");
        let token = Some("s3cret");
        for (method, path, headers, length, token, cause) in [
            ("POST", "/v1/log", &[JSON][..], 1, None, Cause::NotFound),
            ("POST", "/v1/logs/", &[JSON], 1, None, Cause::NotFound),
            ("GET", "/v1/logs", &[], 0, token, Cause::Method("POST")),
            ("POST", "/v1/logs", &[JSON], 1, token, Cause::NoToken),
            ("POST", "/v1/logs", &[bearer], 1, token, Cause::ContentType),
            (
                "POST",
                "/v1/logs",
                &[JSON, deflate],
                101,
                None,
                Cause::ContentEncoding,
            ),
            (
                "POST",
                "/v1/logs",
                &[JSON, gzip],
                101,
                None,
                Cause::TooLarge,
            ),
            ("POST", "/health", &[], 1, None, Cause::Method("GET, HEAD")),
        ] {
            let planned = planned(method, path, headers, length, token);
            assert_eq!(planned, Err(cause), "{method} {path} {headers:?}");
        }
    }

    #[test]
    fn health_is_told_to_all_and_figures_to_those_who_may_send() {
        let bearer = ("authorization", "Bearer s3cret");
        for (headers, token, figures) in [
            (&[][..], None, true),
            (&[], Some("s3cret"), false),
            (&[bearer], Some("s3cret"), true),
        ] {
            let planned = planned("GET", "/health", headers, 0, token);
            assert_eq!(planned, Ok(Plan::Health { figures }));
        }
    }
}
