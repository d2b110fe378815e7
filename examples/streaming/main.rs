//! Answers as they come, in six situations, against two real servers on loopback: what a person would
//! see of each.
//!
//! ```text
//! cargo run --example streaming
//! ```
//!
//! The program fails when a situation ends otherwise than it should, or a provider was asked more or less
//! often.

#![allow(clippy::print_stdout, reason = "a command-line program")]

use std::error::Error;
use std::num::NonZeroU32;
use std::time::Duration;

use agent_primitives::FailureKind;
use agent_resilience::{
    FallbackChain, FallbackConfig, Partial, RetryPolicy, StreamError, StreamLimits, StreamOptions,
};
use futures_util::StreamExt;
use support::{
    ChatRequest, ChatStream, Dialect, Fault, HttpProvider, Message, Recording, Rule, Script,
    ScriptedProvider, ToolCall,
};

type Done = Result<(), Box<dyn Error>>;

/// The answers have so many words, and the server sends four of them at a time.
const WORDS: usize = 60;
/// Longer than any limit here.
const LATE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    println!("1. All goes well");
    let stage = Stage::set(text(), None).await?;
    let shown = stage.play().await?;
    shown.is("claude", WORDS)?;
    shown.is_complete()?;
    stage.asked(1, 0).await?;

    println!("\n2. Claude is cut at word 40 of 60");
    let cut = Fault::Cut { after_chunks: 13 };
    let stage = Stage::set(text(), Some(cut)).await?;
    let shown = stage.play().await?;
    shown.is("claude", 40)?;
    shown.is_partial(FailureKind::StreamCut, true)?;
    stage.asked(1, 0).await?;

    println!("\n3. Claude says nothing more after word 20");
    let stall = Fault::Stall {
        after_chunks: 8,
        delay: LATE,
    };
    let stage = Stage::set(text(), Some(stall)).await?;
    let shown = stage.play().await?;
    shown.is("claude", 20)?;
    shown.is_partial(FailureKind::Timeout, true)?;
    stage.asked(1, 0).await?;

    println!("\n4. Claude is cut amid a tool call");
    let cut = Fault::Cut { after_chunks: 4 };
    let stage = Stage::set(tool_call(), Some(cut)).await?;
    let shown = stage.play().await?;
    shown.is_partial(FailureKind::StreamCut, false)?;
    stage.asked(1, 0).await?;

    println!("\n5. Claude opens a stream, and its first word does not come");
    let slow = Fault::SlowFirstChunk { delay: LATE };
    let stage = Stage::set(text(), Some(slow)).await?;
    let shown = stage.play().await?;
    shown.is("groq", WORDS)?;
    shown.is_complete()?;
    stage.asked(1, 1).await?;

    println!("\n6. Claude opens a stream, and says that it is overloaded");
    let overloaded = Fault::ErrorEvent { after_chunks: 1 };
    let stage = Stage::set(text(), Some(overloaded)).await?;
    let shown = stage.play().await?;
    shown.is("groq", WORDS)?;
    shown.is_complete()?;
    stage.asked(1, 1).await
}

/// Two providers that know the same conversation; the first has a fault.
struct Stage {
    servers: [ScriptedProvider; 2],
    chain: FallbackChain<ChatRequest, ChatStream>,
    request: ChatRequest,
}

impl Stage {
    async fn set(answer: Message, fault: Option<Fault>) -> Result<Self, Box<dyn Error>> {
        let question = Message::user("Count to sixty.");
        let recording = Recording::from_messages(vec![question.clone(), answer])?;
        let script = Script::new(fault.map(Rule::new));
        let claude = ScriptedProvider::builder(recording.clone())
            .script(script)
            .start()
            .await?;
        let groq = ScriptedProvider::builder(recording).start().await?;
        let first = HttpProvider::new("claude".parse()?, Dialect::Anthropic, &claude.url())?;
        let second = HttpProvider::new("groq".parse()?, Dialect::Groq, &groq.url())?;
        let chain = FallbackChain::builder()
            .provider(first.streaming())
            .provider(second.streaming())
            .config(FallbackConfig {
                // Here each is asked once, so that who is asked is plain to see.
                retry: RetryPolicy {
                    max_attempts: NonZeroU32::MIN,
                    ..RetryPolicy::default()
                },
                ..FallbackConfig::default()
            })
            .build()?;
        Ok(Self {
            servers: [claude, groq],
            chain,
            request: ChatRequest::new("claude-sonnet-4-5", vec![question]),
        })
    }

    /// Shows an answer as it comes, and how it ends.
    async fn play(&self) -> Result<Shown, Box<dyn Error>> {
        let limits = StreamLimits::default()
            .first_token(Duration::from_millis(400))
            .idle(Duration::from_millis(300));
        let options = StreamOptions::default()
            .limits(limits)?
            .keep_text(64 * 1024);
        let mut pieces = self.chain.stream_with(&self.request, &options).await?;
        for handoff in pieces.handoffs() {
            println!("   [{handoff}]");
        }
        let mut shown = Shown {
            by: pieces.provider().to_string(),
            text: String::new(),
            error: None,
        };
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => {
                    shown.text += &piece.text;
                    for call in &piece.calls {
                        println!("   {} wants to call {call}", shown.by);
                    }
                }
                Err(error) => shown.error = Some(error),
            }
        }
        if !shown.text.is_empty() {
            let (by, words, text) = (&shown.by, shown.words(), &shown.text);
            println!("   {by}: {} ... {words} words", start(text));
        }
        match &shown.error {
            None => println!("   [complete]"),
            Some(error) => {
                println!("   [{error}]");
                let may = error.partial().is_some_and(Partial::may_continue);
                println!(
                    "   [{}]",
                    if may {
                        "not whole: \"continue\" may be offered"
                    } else {
                        "not whole, and not to be continued: ask anew"
                    }
                );
            }
        }
        Ok(shown)
    }

    /// Each was asked so often.
    async fn asked(self, claude: u64, groq: u64) -> Done {
        let [first, second] = self.servers;
        let asked = (first.tally().chats, second.tally().chats);
        first.stop().await;
        second.stop().await;
        if asked == (claude, groq) {
            println!("   [asked: claude {claude}, groq {groq}]");
            return Ok(());
        }
        Err(format!("asked {asked:?} in place of {:?}", (claude, groq)).into())
    }
}

/// What a person has seen.
struct Shown {
    by: String,
    text: String,
    error: Option<StreamError>,
}

impl Shown {
    fn words(&self) -> usize {
        self.text.split_whitespace().count()
    }

    fn is(&self, by: &str, words: usize) -> Done {
        if self.by == by && self.words() == words {
            return Ok(());
        }
        Err(format!("{} gave {} words", self.by, self.words()).into())
    }

    fn is_complete(&self) -> Done {
        match &self.error {
            None => Ok(()),
            Some(error) => Err(error.to_string().into()),
        }
    }

    fn is_partial(&self, kind: FailureKind, may_continue: bool) -> Done {
        let partial = self.error.as_ref().and_then(StreamError::partial);
        let partial = partial.ok_or("the answer was to be partial")?;
        // What was delivered is what was shown, no more and no less.
        let is_all = partial.text.as_deref().unwrap_or_default() == self.text;
        let told = (partial.verdict().kind, partial.may_continue(), is_all);
        if told == (kind, may_continue, true) {
            return Ok(());
        }
        Err(format!("it ended as {told:?}").into())
    }
}

fn start(text: &str) -> &str {
    text.get(..15).unwrap_or(text)
}

fn text() -> Message {
    let words: Vec<_> = (1..=WORDS).map(|word| format!("no-{word:02} ")).collect();
    Message::assistant(words.concat())
}

fn tool_call() -> Message {
    let arguments = r#"{"path": "/etc/hosts", "content": "a long text that is to be written"}"#;
    let mut message = Message::assistant(String::new());
    message.tool_calls = vec![ToolCall::new("call_1", "write_file", arguments)];
    message
}
