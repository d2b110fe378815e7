//! Answers to requests for the page, for whichever server a host has.

use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue, VARY};
use http::{Method, Request, Response, StatusCode};

use super::{Exporter, Format};

const PLAIN: &str = "text/plain; charset=utf-8";

impl Exporter {
    /// Answers a request: the page in the form that the request asks for, to `GET` and `HEAD` at the
    /// [`path`](Self::path). Nothing of the request's body is looked at. It neither waits nor fails, and takes
    /// a millisecond for ten thousand series, so it may be called in async code.
    ///
    /// ```
    /// use agent_telemetry::prometheus::Exporter;
    /// use http::{Method, Request};
    ///
    /// let exporter = Exporter::new();
    /// let answer = exporter.handle(&Request::get("/metrics").body(())?);
    /// assert_eq!(answer.status(), 200);
    /// assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    ///
    /// assert_eq!(exporter.handle(&Request::get("/").body(())?).status(), 404);
    /// assert_eq!(exporter.handle(&Request::post("/metrics").body(())?).status(), 405);
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn handle<B>(&self, request: &Request<B>) -> Response<String> {
        if request.uri().path() != self.path {
            let text = format!("there is nothing here; metrics are at {}\n", self.path);
            return answer(StatusCode::NOT_FOUND, PLAIN, text);
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let text = "ask for the metrics with GET or HEAD\n".to_owned();
            let mut refused = answer(StatusCode::METHOD_NOT_ALLOWED, PLAIN, text);
            let allowed = HeaderValue::from_static("GET, HEAD");
            refused.headers_mut().insert(ALLOW, allowed);
            return refused;
        }
        let accept = request.headers().get_all(ACCEPT).iter();
        let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
        let format = Format::negotiate(&accept.join(","));
        let page = if request.method() == Method::HEAD {
            String::new()
        } else {
            self.render(format)
        };
        let mut page = answer(StatusCode::OK, format.content_type(), page);
        let headers = page.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept"));
        page
    }
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response<String> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
