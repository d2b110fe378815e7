//! One request: read, understood, decided upon, answered.

use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{Clock, Monotonic};
use agent_resilience::Sleep;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming as IncomingBody;
use tokio::sync::{Notify, watch};

use super::asked::Asked;
use super::connection::{ResetOnClose, Severed};
use super::fault::Fault;
use super::headers::request_id;
use super::ledger::{Incoming, Ledger, Progress, Ticket};
use super::play::Body;
use super::refusal::Refusal;
use super::reply::Reply;
use super::script::Target;
use super::{align, anthropic, ollama, openai, pairing};
use crate::{Dialect, Recording, estimate_tokens};

/// What all connections share.
pub(super) struct Host {
    pub(super) recording: Recording,
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sleep: Arc<dyn Sleep>,
    pub(super) start: Monotonic,
    pub(super) body_max: usize,
    pub(super) release: Notify,
    pub(super) stop: watch::Receiver<bool>,
}

impl Host {
    /// Waits for the next release, or fails when the server stops first.
    pub(super) async fn hold(&self, ticket: &Ticket) -> Result<(), Severed> {
        let released = self.release.notified();
        let mut released = std::pin::pin!(released);
        // Listens before it says that it holds, so that no release is missed.
        released.as_mut().enable();
        ticket.held();
        tokio::select! {
            // Who was released before the server stopped is still answered.
            biased;
            () = released => {
                ticket.resumed();
                Ok(())
            }
            () = self.stopped() => Err(Severed),
        }
    }

    /// Lets `delay` pass before the answer goes on.
    pub(super) async fn delay(&self, delay: Duration, ticket: &Ticket) -> Result<(), Severed> {
        ticket.held();
        tokio::select! {
            () = self.sleep.sleep(delay) => {
                ticket.resumed();
                Ok(())
            }
            () = self.stopped() => Err(Severed),
        }
    }

    async fn stopped(&self) {
        // An error means that the server is gone, which is the same.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Waits as long as it takes the client to lose patience.
    async fn silence(&self, ticket: &Ticket) -> Severed {
        ticket.held();
        self.stopped().await;
        Severed
    }

    fn since_start(&self) -> Duration {
        self.clock.monotonic().since(self.start)
    }
}

/// What a request turned out to be.
enum Read {
    Chat {
        asked: Asked,
        turn: usize,
    },
    Probe,
    Bad {
        asked: Option<Asked>,
        refusal: Refusal,
    },
}

impl Read {
    fn bad(asked: Option<Asked>, refusal: Refusal) -> Self {
        Self::Bad { asked, refusal }
    }

    fn invalid(asked: Option<Asked>, message: &str) -> Self {
        let message = message.to_owned();
        Self::bad(asked, Refusal::Invalid { message })
    }

    fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Chat { asked, .. } => Some(asked),
            Self::Bad { asked, .. } => asked.as_ref(),
            Self::Probe => None,
        }
    }

    fn turn(&self) -> Option<usize> {
        match self {
            Self::Chat { turn, .. } => Some(*turn),
            Self::Bad { .. } | Self::Probe => None,
        }
    }
}

/// Answers one request.
pub(super) async fn respond(
    host: Arc<Host>,
    reset: ResetOnClose,
    request: Request<IncomingBody>,
) -> Result<Response<Body>, Severed> {
    let path = request.uri().path().to_owned();
    let route = route(request.method(), &path);
    let read = match route {
        None => Read::bad(None, Refusal::NoSuchPath { path }),
        Some((_, Target::Probe)) => Read::Probe,
        Some((dialect, _)) => read(&host, dialect, request).await?,
    };
    let asked = read.asked();
    let tokens = asked.map_or(0, |asked| estimate_tokens(&asked.messages));
    let (mut ticket, fault) = host.ledger.receive(Incoming {
        target: route.map_or(Target::Chat, |(_, target)| target),
        dialect: route.map(|(dialect, _)| dialect),
        turn: read.turn(),
        tokens,
        streamed: asked.is_some_and(|asked| asked.stream),
        at: host.since_start(),
        scripted: !matches!(read, Read::Bad { .. }),
    });
    match &fault {
        Some(Fault::Silence) => return Err(host.silence(&ticket).await),
        Some(Fault::Reset) => {
            reset.set();
            ticket.settle(Progress::Broken);
            return Err(Severed);
        }
        Some(Fault::SlowStart { delay }) => host.delay(*delay, &ticket).await?,
        _ => {}
    }
    let reply = Reply {
        // A path that no vendor has is refused in the words of the most copied one.
        dialect: route.map_or(Dialect::OpenAi, |(dialect, _)| dialect),
        model: asked.map_or("", |asked| asked.model.as_str()),
        request_id: &request_id(ticket.request),
        tokens,
        ticket,
        host: &host,
    };
    Ok(match (&read, fault) {
        (Read::Bad { refusal, .. }, _) => reply.refuse(refusal),
        (Read::Probe, fault) => reply.models(fault.as_ref()),
        (Read::Chat { asked, turn }, fault) => reply.answer(asked, *turn, fault.as_ref()),
    })
}

fn route(method: &Method, path: &str) -> Option<(Dialect, Target)> {
    Dialect::ALL.into_iter().find_map(|dialect| {
        if method == Method::POST && path == dialect.chat_path() {
            Some((dialect, Target::Chat))
        } else if method == Method::GET && path == dialect.models_path() {
            Some((dialect, Target::Probe))
        } else {
            None
        }
    })
}

async fn read(
    host: &Host,
    dialect: Dialect,
    request: Request<IncomingBody>,
) -> Result<Read, Severed> {
    let versioned = request.headers().contains_key("anthropic-version");
    let body = match Limited::new(request.into_body(), host.body_max)
        .collect()
        .await
    {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(Read::bad(None, Refusal::BodyTooLarge));
        }
        // The client left in the middle of its own request.
        Err(_) => return Err(Severed),
    };
    if dialect == Dialect::Anthropic && !versioned {
        return Ok(Read::invalid(None, "anthropic-version: header is required"));
    }
    let asked = match dialect {
        Dialect::Anthropic => anthropic::asked(&body),
        Dialect::OpenAi | Dialect::Groq => openai::asked(&body),
        Dialect::Ollama => ollama::asked(&body),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(message) => return Ok(Read::invalid(None, &message)),
    };
    if let Err(unpaired) = pairing::check(&asked.messages) {
        return Ok(Read::bad(Some(asked), Refusal::Unpaired(unpaired)));
    }
    Ok(match align::turn_of(&host.recording, &asked.messages) {
        Some(turn) => Read::Chat { asked, turn },
        None => Read::invalid(
            Some(asked),
            "the end of the conversation is nowhere in the recording; send its last messages unchanged",
        ),
    })
}
