//! Whether a request may come from where it says it comes from.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, Uri, Version, header};

use super::refusal::{Cause, Refusal};

/// By which names the receiver may be called. On loopback there is no token, so a page in a browser whose name suddenly
/// resolves to loopback must not get through: it still calls us by its own name.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// Whether only names of loopback, and those of the host, will do.
    pub(super) loopback_only: bool,
    pub(super) others: Vec<String>,
}

impl Names {
    pub(super) fn check(&self, head: &Parts) -> Result<(), Refusal> {
        check_origin(&head.headers)?;
        let mut named = head.headers.get_all(header::HOST).iter();
        let host = match (named.next(), named.next()) {
            (Some(host), None) => Some(host.to_str().map_err(|_| no_host())?),
            (None, _) if head.version < Version::HTTP_11 => None,
            _ => return Err(no_host()),
        };
        let asked = [head.uri.authority().map(http::uri::Authority::as_str), host];
        if !self.loopback_only || asked.into_iter().flatten().all(|it| self.is_known(it)) {
            return Ok(());
        }
        let message =
            "the receiver is not called by this name; its host can allow it with `allow_host`";
        Err(Refusal::new(Cause::Forbidden, message))
    }

    /// `host`, with or without a port.
    fn is_known(&self, host: &str) -> bool {
        let name = without_port(host);
        is_loopback(name) || self.others.iter().any(|it| it.eq_ignore_ascii_case(name))
    }
}

fn no_host() -> Refusal {
    Refusal::new(Cause::Malformed, "a request has one `Host` header")
}

/// Browsers tell which page a request comes from. Programs do not.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let foreign = headers.get_all(header::ORIGIN).iter().any(|origin| {
        let origin = origin.to_str().ok().and_then(|it| it.parse::<Uri>().ok());
        !origin.is_some_and(|it| it.scheme().is_some() && it.host().is_some_and(is_loopback))
    });
    if foreign {
        let message = "pages of other sites may not send here";
        return Err(Refusal::new(Cause::Forbidden, message));
    }
    Ok(())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons of an address of version 6 are within its brackets.
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_loopback(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let bare = name
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'))
        .unwrap_or(name);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn names() -> Names {
        Names {
            loopback_only: true,
            others: vec!["host.docker.internal".to_owned()],
        }
    }

    fn head(version: Version, uri: &str, headers: &[(header::HeaderName, &str)]) -> Parts {
        let mut request = Request::post(uri).version(version);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn on_loopback_only_names_of_loopback_will_do() {
        for (host, known) in [
            ("localhost", true),
            ("localhost:4318", true),
            ("LOCALHOST.:4318", true),
            ("otel.localhost", true),
            ("127.0.0.1:4318", true),
            ("127.8.9.1", true),
            ("[::1]:4318", true),
            ("[::ffff:127.0.0.1]", true),
            ("host.docker.internal:4318", true),
            ("evil.example:4318", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("evillocalhost", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            let head = head(Version::HTTP_11, "/v1/logs", &[(header::HOST, host)]);
            assert_eq!(names().check(&head).is_ok(), known, "{host}");
            let mut open = names();
            open.loopback_only = false;
            assert_eq!(open.check(&head), Ok(()), "{host}");
        }
    }

    #[test]
    fn the_name_in_the_address_is_looked_at_too() {
        let ours = [(header::HOST, "localhost")];
        let absolute = head(Version::HTTP_11, "http://evil.example/v1/logs", &ours);
        assert!(names().check(&absolute).is_err());
    }

    #[test]
    fn a_request_has_one_host_unless_it_is_old() {
        let none = head(Version::HTTP_11, "/", &[]);
        assert_eq!(names().check(&none), Err(no_host()));
        assert_eq!(names().check(&head(Version::HTTP_10, "/", &[])), Ok(()));
        let ours = (header::HOST, "localhost");
        let two = head(Version::HTTP_11, "/", &[ours.clone(), ours]);
        assert_eq!(names().check(&two), Err(no_host()));
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        for (origin, fine) in [
            ("http://localhost:3000", true),
            ("https://127.0.0.1", true),
            ("http://[::1]:8080", true),
            ("https://evil.example", false),
            ("http://localhost.evil.example", false),
            ("null", false),
            ("localhost", false),
            ("", false),
        ] {
            let headers = [(header::HOST, "localhost"), (header::ORIGIN, origin)];
            let head = head(Version::HTTP_11, "/v1/logs", &headers);
            assert_eq!(names().check(&head).is_ok(), fine, "{origin}");
        }
    }
}
