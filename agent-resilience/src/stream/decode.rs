//! The chunks of a reply into the items of an answer.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use agent_primitives::FailureKind;
use futures_core::Stream;
use pin_project_lite::pin_project;

use super::events::EventReader;
use crate::classify::{self, Vendor, Verdict};
use crate::failure::Failure;

/// Events that are read after one that stopped the answer: the usage, and what a proxy may add.
const TRAILING_MAX: u8 = 16;

pin_project! {
    /// Reads the body of a reply, in whatever chunks it comes, as a stream of items: cut into events by an
    /// [`EventReader`], errors under status 200 told by [`classify::stream_event`], and each event read by
    /// the host's function. What fails ends the stream.
    ///
    /// The function gives `None` for an event that it has no use for. An event that says that the answer
    /// failed, or was stopped by its limit or a filter, is the last: what the function makes of it comes
    /// first, for it may hold text and usage, and then the verdict.
    ///
    /// A chunk of a chat completion that was stopped is not yet the last, for its usage comes after it:
    /// what follows is read and given, up to `[DONE]` or the end of the bytes, and then the verdict. An
    /// item that tells [`Part::Stopped`](crate::Part::Stopped) limits that wait to
    /// [`trailing`](crate::StreamLimits::trailing).
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::classify::Vendor;
    /// use agent_resilience::{EventReader, EventStream, Failure};
    /// use futures_util::{StreamExt, stream};
    ///
    /// let body = [
    ///     "data: {\"choices\":[{\"delta\":{\"content\":\"he",
    ///     "llo\"}}]}\n\ndata: {\"error\":{\"type\":\"server_error\",\"message\":\"oh\"}}\n\n",
    /// ];
    /// let chunks = stream::iter(body.map(Ok::<_, std::io::Error>));
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let read = |data: &[u8]| {
    ///     let is_text = data.starts_with(br#"{"choices":"#);
    ///     Ok::<_, Failure>(is_text.then_some(data.len()))
    /// };
    /// let events = EventStream::new(chunks, EventReader::sse(), Vendor::OpenAi, read);
    /// let items: Vec<_> = events.collect().await;
    /// assert_eq!(items[0].as_ref().unwrap(), &43);
    /// assert_eq!(items[1].as_ref().unwrap_err().kind(), FailureKind::Server);
    /// assert_eq!(items.len(), 2);
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use = "a stream is read by polling it"]
    pub struct EventStream<S, B, F> {
        #[pin]
        chunks: Option<S>,
        chunk: Option<B>,
        // Bytes of the chunk that were read.
        taken: usize,
        reader: EventReader,
        vendor: Vendor,
        read: F,
        // Comes after the items that were made of the same event and of those that trail it.
        stopped: Option<Stopped>,
        is_over: bool,
    }
}

impl<S, B, F> EventStream<S, B, F> {
    /// Reads `chunks` by `reader`, and each event of `vendor` by `read`.
    pub const fn new(chunks: S, reader: EventReader, vendor: Vendor, read: F) -> Self {
        Self {
            chunks: Some(chunks),
            chunk: None,
            taken: 0,
            reader,
            vendor,
            read,
            stopped: None,
            is_over: false,
        }
    }
}

impl<S, B, E, F, T, X> Stream for EventStream<S, B, F>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
    E: Error + Send + Sync + 'static,
    F: FnMut(&[u8]) -> Result<Option<T>, X>,
    X: Into<Failure>,
{
    type Item = Result<T, Failure>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if let Some(Stopped { verdict, .. }) =
                this.stopped.take_if(|stopped| stopped.trailing == 0)
            {
                *this.is_over = true;
                this.chunks.set(None);
                *this.chunk = None;
                return Poll::Ready(Some(Err(Failure::new(*verdict))));
            }
            if *this.is_over {
                return Poll::Ready(None);
            }
            let came = match this.chunk.as_ref() {
                Some(chunk) => {
                    let bytes = chunk.as_ref();
                    let mut rest = bytes.get(*this.taken..).unwrap_or_default();
                    let event = this.reader.next_event(&mut rest);
                    *this.taken = bytes.len() - rest.len();
                    match event {
                        Ok(Some(data)) => look(data, *this.vendor, this.read, this.stopped),
                        Ok(None) => {
                            *this.chunk = None;
                            *this.taken = 0;
                            continue;
                        }
                        Err(error) => Some(Err(error.into())),
                    }
                }
                None => match ready!(match this.chunks.as_mut().as_pin_mut() {
                    Some(chunks) => chunks.poll_next(cx),
                    None => Poll::Ready(None),
                }) {
                    Some(Ok(chunk)) => {
                        *this.chunk = Some(chunk);
                        continue;
                    }
                    Some(Err(error)) => {
                        let verdict = classify::transport(&error);
                        Some(Err(Failure::new(begun(verdict)).with_source(error)))
                    }
                    None => {
                        *this.is_over = true;
                        let last = this.reader.last_event();
                        let came =
                            last.and_then(|data| look(data, *this.vendor, this.read, this.stopped));
                        if let Some(stopped) = this.stopped.as_mut() {
                            stopped.trailing = 0;
                        }
                        came
                    }
                },
            };
            if let Some(item) = came {
                if item.is_err() {
                    if let Some(stopped) = this.stopped.as_mut() {
                        // How the connection closes after that does not matter.
                        stopped.trailing = 0;
                        continue;
                    }
                    *this.is_over = true;
                    this.chunks.set(None);
                    *this.chunk = None;
                }
                return Poll::Ready(Some(item));
            }
        }
    }
}

/// The reply had begun: a connection that breaks now has cut it.
fn begun(verdict: Verdict) -> Verdict {
    match verdict.kind {
        FailureKind::Network | FailureKind::Unknown => Verdict {
            kind: FailureKind::StreamCut,
            ..verdict
        },
        _ => verdict,
    }
}

/// The answer was said to end with a failure.
struct Stopped {
    verdict: Box<Verdict>,
    /// How many more events may come before it is told.
    trailing: u8,
}

fn look<T, X: Into<Failure>>(
    data: &[u8],
    vendor: Vendor,
    read: &mut impl FnMut(&[u8]) -> Result<Option<T>, X>,
    stopped: &mut Option<Stopped>,
) -> Option<Result<T, Failure>> {
    if let Some(stopped) = stopped {
        if data.trim_ascii() == b"[DONE]" {
            stopped.trailing = 0;
            return None;
        }
        stopped.trailing = stopped.trailing.saturating_sub(1);
        return read(data).ok().flatten().map(Ok);
    }
    let item = read(data);
    let Some(verdict) = classify::stream_event(vendor, data) else {
        return item.map_err(Into::into).transpose();
    };
    *stopped = Some(Stopped {
        trailing: trailing(verdict.kind, data),
        verdict: Box::new(verdict),
    });
    // The vendor's own word says more than that the event could not be read.
    item.ok().flatten().map(Ok)
}

/// How many events may follow the one that said so. A chat completion that is stopped has its usage in
/// a chunk of its own after that (`OpenAI`, Chat Completions reference, `stream_options`); the other
/// protocols have it in the same event, or before it.
fn trailing(kind: FailureKind, data: &[u8]) -> u8 {
    let is_stop = matches!(
        kind,
        FailureKind::OutputLimit | FailureKind::ContentPolicy | FailureKind::ContextTooLong
    );
    // In a text the quotes would be escaped.
    let key = br#""choices""#;
    if is_stop && data.windows(key.len()).any(|piece| piece == key) {
        TRAILING_MAX
    } else {
        0
    }
}

impl<S, B, F> fmt::Debug for EventStream<S, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("reader", &self.reader)
            .field("vendor", &self.vendor)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
