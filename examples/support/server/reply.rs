//! HTTP responses: an answer, a list of models, or an error, with the vendor's headers.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;

use super::asked::{Answer, Asked, Usage};
use super::fault::Fault;
use super::handle::Host;
use super::headers::{Limited, Situation, headers};
use super::ledger::{Progress, Ticket};
use super::openai::Flavour;
use super::plan::{Plan, Whole, plan};
use super::play::{self, Body, Step};
use super::refusal::{self, About, Refusal};
use super::{anthropic, ollama, openai};
use crate::Dialect;

/// What every response to one request needs.
pub(super) struct Reply<'a> {
    pub(super) dialect: Dialect,
    pub(super) model: &'a str,
    pub(super) request_id: &'a str,
    pub(super) tokens: u64,
    pub(super) ticket: Ticket,
    pub(super) host: &'a Arc<Host>,
}

impl Reply<'_> {
    /// An error.
    pub(super) fn refuse(self, refusal: &Refusal) -> Response<Body> {
        let refused = refusal::response(refusal, &self.about());
        let limited = match refusal {
            Refusal::RateLimited { retry_after } => Limited::Yes {
                retry_after: *retry_after,
            },
            _ => Limited::No,
        };
        let content = if refused.is_html {
            "text/html"
        } else {
            "application/json"
        };
        let plan = Plan {
            content_length: Some(refused.body.len()),
            steps: vec![Step::Send(refused.body)],
            end: Progress::Refused {
                status: refused.status.as_u16(),
            },
        };
        self.response(refused.status, content, limited, plan)
    }

    /// The script's own words.
    fn verbatim(
        self,
        status: u16,
        fields: &BTreeMap<String, String>,
        body: &str,
    ) -> Response<Body> {
        let mut response = Response::new(());
        let mut is_http = false;
        if let Ok(status) = StatusCode::from_u16(status) {
            *response.status_mut() = status;
            is_http = true;
        }
        for (name, value) in fields {
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) else {
                is_http = false;
                continue;
            };
            response.headers_mut().insert(name, value);
        }
        if !is_http {
            let message = "the script has a status or a header that is not HTTP".to_owned();
            return self.refuse(&Refusal::Invalid { message });
        }
        let length = HeaderValue::from(body.len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
        let end = if status < 400 {
            Progress::Broken
        } else {
            Progress::Refused { status }
        };
        let steps = vec![Step::Send(body.to_owned())];
        let body = play::body(steps, end, self.ticket, Arc::clone(self.host));
        response.map(|()| body)
    }

    /// The list of models that probes ask for.
    pub(super) fn models(self, fault: Option<&Fault>) -> Response<Body> {
        if let Some(Fault::Verbatim {
            status,
            headers,
            body,
        }) = fault
        {
            return self.verbatim(*status, headers, body);
        }
        if let Some(refusal) = fault.and_then(|fault| refusal_of(fault, 0)) {
            return self.refuse(&refusal);
        }
        let body = match self.dialect {
            Dialect::Anthropic => json!({
                "data": [{"type": "model", "id": "scripted", "display_name": "Scripted",
                    "created_at": "2025-01-01T00:00:00Z"}],
                "first_id": "scripted", "last_id": "scripted", "has_more": false,
            }),
            Dialect::OpenAi | Dialect::Groq => json!({
                "object": "list",
                "data": [{"id": "scripted", "object": "model", "created": 0, "owned_by": "system"}],
            }),
            Dialect::Ollama => json!({"models": [{"name": "scripted", "model": "scripted"}]}),
        };
        let plan = plan(
            Whole::Plain(body.to_string()),
            fault,
            String::new(),
            String::new(),
        );
        self.response(StatusCode::OK, "application/json", Limited::No, plan)
    }

    /// The recorded answer of `turn`.
    pub(super) fn answer(
        self,
        asked: &Asked,
        turn: usize,
        fault: Option<&Fault>,
    ) -> Response<Body> {
        if let Some(Fault::Verbatim {
            status,
            headers,
            body,
        }) = fault
        {
            return self.verbatim(*status, headers, body);
        }
        if let Some(refusal) = fault.and_then(|fault| refusal_of(fault, self.tokens)) {
            return self.refuse(&refusal);
        }
        let whole = match self.whole(asked, turn) {
            Ok(whole) => whole,
            // A recording holds only arguments that are JSON, so this does not happen.
            Err(error) => {
                let message = error.to_string();
                return self.refuse(&Refusal::Invalid { message });
            }
        };
        let content = match (&whole, self.dialect) {
            (Whole::Plain(_), _) => "application/json",
            (Whole::Stream(_), Dialect::Ollama) => "application/x-ndjson",
            (Whole::Stream(_), _) => "text/event-stream; charset=utf-8",
        };
        let error = match &whole {
            Whole::Plain(_) => refusal::response(&Refusal::Overloaded, &self.about()).body,
            Whole::Stream(_) => refusal::event(&Refusal::Overloaded, &self.about()),
        };
        let plan = plan(whole, fault, error, self.broken_chunk());
        self.response(StatusCode::OK, content, Limited::No, plan)
    }

    fn whole(&self, asked: &Asked, turn: usize) -> serde_json::Result<Whole> {
        let Some(recorded) = self.host.recording.turn(turn) else {
            return Ok(Whole::Plain(String::new()));
        };
        let message = recorded.answer();
        let answer = Answer {
            message,
            model: &asked.model,
            turn,
            now: self.host.clock.timestamp(),
            stream_usage: asked.stream_usage,
            usage: Usage::of(&asked.messages, message),
        };
        let flavour = if self.dialect == Dialect::Groq {
            Flavour::Groq
        } else {
            Flavour::OpenAi
        };
        Ok(match (self.dialect, asked.stream) {
            (Dialect::Anthropic, false) => Whole::Plain(anthropic::plain(&answer)?),
            (Dialect::Anthropic, true) => Whole::Stream(anthropic::stream(&answer)),
            (Dialect::OpenAi | Dialect::Groq, false) => {
                Whole::Plain(openai::plain(flavour, &answer))
            }
            (Dialect::OpenAi | Dialect::Groq, true) => {
                Whole::Stream(openai::stream(flavour, &answer))
            }
            (Dialect::Ollama, false) => Whole::Plain(ollama::plain(&answer)?),
            (Dialect::Ollama, true) => Whole::Stream(ollama::stream(&answer)?),
        })
    }

    /// A chunk in this format that breaks off in mid-JSON.
    fn broken_chunk(&self) -> String {
        match self.dialect {
            Dialect::Anthropic => {
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"ind\n\n"
            }
            Dialect::OpenAi | Dialect::Groq => "data: {\"id\":\"chatcmpl-0\",\"choi\n\n",
            Dialect::Ollama => "{\"model\":\"scripted\",\"mess\n",
        }
        .to_owned()
    }

    fn about(&self) -> About<'_> {
        About {
            dialect: self.dialect,
            model: self.model,
            request_id: self.request_id,
        }
    }

    fn response(
        self,
        status: StatusCode,
        content: &'static str,
        limited: Limited,
        plan: Plan,
    ) -> Response<Body> {
        let mut headers = headers(
            self.dialect,
            Situation {
                request: self.ticket.request,
                request_id: self.request_id,
                now: self.host.clock.timestamp(),
                tokens: self.tokens,
                limited,
            },
        );
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        if let Some(length) = plan.content_length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let body = play::body(plan.steps, plan.end, self.ticket, Arc::clone(self.host));
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// The error that a fault answers with, if it is one of those.
fn refusal_of(fault: &Fault, tokens: u64) -> Option<Refusal> {
    Some(match fault {
        Fault::RateLimited { retry_after } => Refusal::RateLimited {
            retry_after: *retry_after,
        },
        Fault::InsufficientQuota => Refusal::Quota,
        Fault::Overloaded => Refusal::Overloaded,
        Fault::ServerError => Refusal::Server,
        Fault::Unavailable => Refusal::Gateway,
        Fault::Unauthorized => Refusal::Unauthorized,
        Fault::ContextTooLong { limit } => Refusal::ContextTooLong {
            tokens,
            limit: *limit,
        },
        _ => return None,
    })
}
