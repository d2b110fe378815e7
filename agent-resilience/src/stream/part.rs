//! What one item of a stream carries.

use agent_primitives::TokenUsage;

use crate::classify::Verdict;

/// Something that an item of a stream carries. An item that names nothing is [`Part::Meta`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part<'a> {
    /// Text of the answer. An empty text is nothing: some vendors begin with one.
    Text(&'a str),
    /// What the model thinks aloud, its signature, or a block that is hidden from the reader.
    Reasoning(&'a str),
    /// Text of an answer that has to be JSON, or another form that half of it does not have.
    Structured(&'a str),
    /// A tool call begins.
    ToolCall,
    /// A piece of a tool call's arguments.
    Arguments(&'a str),
    /// A tool call is whole. Vendors that do not say so end all of them with [`Part::End`].
    ToolCallEnd,
    /// What was used so far, counted from the answer's start. Of the input and of the output the larger
    /// one counts that was told, so that a vendor may tell them apart: the input at the head, say, and
    /// the output at the end.
    Usage(TokenUsage),
    /// Nothing of the answer: its head, a ping, a comment.
    Meta,
    /// The answer is whole: a reason for its end that is no failure (`stop`, `end_turn`, `tool_calls`),
    /// or the last word of the protocol (`message_stop`, `response.completed`, `"done": true`).
    End,
    /// The answer ends here, and for a reason that is a failure: its output limit, a filter, an error.
    /// Once what follows has been read, such as the usage, the stream ends with this verdict.
    Stopped(&'a Verdict),
}

/// An item of a stream that can say what it carries.
///
/// ```
/// use agent_resilience::{Part, StreamItem};
///
/// struct Chunk { text: String, finish_reason: Option<String> }
///
/// impl StreamItem for Chunk {
///     fn parts(&self, tell: &mut impl FnMut(Part<'_>)) {
///         tell(Part::Text(&self.text));
///         if self.finish_reason.as_deref() == Some("stop") {
///             tell(Part::End);
///         }
///     }
/// }
///
/// let last = Chunk { text: "fine".into(), finish_reason: Some("stop".into()) };
/// let mut told = String::new();
/// last.parts(&mut |part| told += &format!("{part:?} "));
/// assert_eq!(told, r#"Text("fine") End "#);
/// ```
pub trait StreamItem {
    /// Tells each part in its order.
    fn parts(&self, tell: &mut impl FnMut(Part<'_>));
}
