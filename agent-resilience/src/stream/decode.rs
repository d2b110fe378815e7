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

pin_project! {
    /// Reads the body of a reply, in whatever chunks it comes, as a stream of items: cut into events by an
    /// [`EventReader`], errors under status 200 told by [`classify::stream_event`], and each event read by
    /// the host's function. What fails ends the stream.
    ///
    /// The function gives `None` for an event that it has no use for. An event that says that the answer
    /// failed, or was stopped by its limit or a filter, is the last: what the function makes of it comes
    /// first, for it may hold text and usage, and then the verdict.
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
        // Comes after the item that was made of the same event.
        verdict: Option<Box<Verdict>>,
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
            verdict: None,
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
            if let Some(verdict) = this.verdict.take() {
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
                        Ok(Some(data)) => look(data, *this.vendor, this.read, this.verdict),
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
                        last.and_then(|data| look(data, *this.vendor, this.read, this.verdict))
                    }
                },
            };
            if let Some(item) = came {
                if item.is_err() {
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

fn look<T, X: Into<Failure>>(
    data: &[u8],
    vendor: Vendor,
    read: &mut impl FnMut(&[u8]) -> Result<Option<T>, X>,
    failed: &mut Option<Box<Verdict>>,
) -> Option<Result<T, Failure>> {
    let item = read(data);
    let Some(verdict) = classify::stream_event(vendor, data) else {
        return item.map_err(Into::into).transpose();
    };
    match item {
        Ok(Some(item)) => {
            *failed = Some(Box::new(verdict));
            Some(Ok(item))
        }
        // The vendor's own word says more than that it could not be read.
        Ok(None) | Err(_) => Some(Err(verdict.into())),
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
