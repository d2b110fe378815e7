//! A request whose every hook can be set, and a provider that counts by itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use agent_primitives::{Event, FailureKind, ModelId, RecoveryStep, Stamp};
use agent_resilience::classify::{ContextNumbers, Verdict};
use agent_resilience::{Cut, Failure, Needs, Recoverable, Recovery, RecoveryConfig, Seam};

/// What a reply is: text, and where it was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) cut: Option<Cut>,
}

impl Answer {
    pub(crate) fn whole(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            cut: None,
        }
    }

    pub(crate) fn cut(text: &str, cut: Cut) -> Self {
        Self {
            text: text.to_owned(),
            cut: Some(cut),
        }
    }
}

/// How the history is shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compact {
    /// It is not.
    Never,
    /// To exactly what was asked for.
    Exact,
    /// The hook fails, but for parts of the request.
    Fails,
    /// Longer than before.
    Grows,
    /// Not below so many tokens.
    Floor(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) model: Option<ModelId>,
    pub(crate) compact: Compact,
    pub(crate) fixed_output: bool,
    pub(crate) bigger: Option<ModelId>,
    pub(crate) cheaper: Option<ModelId>,
    pub(crate) parts: usize,
    pub(crate) continues: bool,
    /// The rest of an answer is asked for.
    pub(crate) is_rest: bool,
    pub(crate) hooks: Arc<AtomicU32>,
}

impl Request {
    pub(crate) fn new(input: u64, output: u64) -> Self {
        Self {
            input,
            output,
            model: None,
            compact: Compact::Never,
            fixed_output: true,
            bigger: None,
            cheaper: None,
            parts: 0,
            continues: false,
            is_rest: false,
            hooks: Arc::default(),
        }
    }

    fn hook(&self) {
        self.hooks.fetch_add(1, Ordering::Relaxed);
    }

    fn on(&self, model: Option<&ModelId>) -> Option<Self> {
        self.hook();
        let model = Some(model?.clone());
        (model != self.model).then(|| Self {
            model,
            ..self.clone()
        })
    }
}

#[async_trait::async_trait]
impl Recoverable for Request {
    type Reply = Answer;

    fn needs(&self) -> Needs {
        Needs::default().input(self.input).output(self.output)
    }

    fn model(&self) -> Option<&ModelId> {
        self.model.as_ref()
    }

    fn with_max_output(&self, tokens: u64) -> Option<Self> {
        self.hook();
        (!self.fixed_output).then(|| Self {
            output: tokens,
            ..self.clone()
        })
    }

    async fn compacted(&self, tokens: u64) -> Result<Option<Self>, Failure> {
        self.hook();
        let input = match self.compact {
            Compact::Never => return Ok(None),
            Compact::Fails => return Err(Verdict::new(FailureKind::Server).into()),
            Compact::Exact => tokens,
            Compact::Grows => self.input + 1,
            Compact::Floor(least) => tokens.max(least),
        };
        Ok(Some(Self {
            input,
            ..self.clone()
        }))
    }

    fn for_bigger_window(&self, _needs: &Needs) -> Option<Self> {
        self.on(self.bigger.as_ref())
    }

    fn split(&self, tokens: u64) -> Vec<Self> {
        self.hook();
        let parts = self.parts as u64;
        let input = self.input.checked_div(parts).unwrap_or(0).min(tokens);
        let compact = match self.compact {
            Compact::Fails => Compact::Exact,
            compact => compact,
        };
        let part = Self {
            input,
            compact,
            ..self.clone()
        };
        vec![part; self.parts]
    }

    fn for_cheaper_model(&self) -> Option<Self> {
        self.on(self.cheaper.as_ref())
    }

    fn cut(&self, reply: &Answer) -> Option<Cut> {
        reply.cut
    }

    fn for_rest(&self, _so_far: &Answer) -> Option<Self> {
        self.hook();
        self.continues.then(|| Self {
            is_rest: true,
            ..self.clone()
        })
    }

    fn join(&self, replies: Vec<Answer>, seam: Seam) -> Result<Answer, Vec<Answer>> {
        let between = if seam == Seam::Parts { " " } else { "" };
        let texts: Vec<_> = replies.iter().map(|reply| reply.text.as_str()).collect();
        Ok(Answer::whole(&texts.join(between)))
    }
}

/// A failure that says nothing but its kind.
pub(crate) fn failed(kind: FailureKind) -> Result<Answer, Verdict> {
    Err(Verdict::new(kind))
}

/// A context error with these numbers.
pub(crate) fn too_long(
    used: impl Into<Option<u64>>,
    limit: impl Into<Option<u64>>,
) -> Result<Answer, Verdict> {
    let (used, limit) = (used.into(), limit.into());
    let numbers = ContextNumbers {
        used,
        limit,
        output_fits: None,
    };
    Err(Verdict::new(FailureKind::ContextTooLong).context(numbers))
}

pub(crate) fn model(name: &str) -> ModelId {
    ModelId::new(name).unwrap()
}

/// A recovery that keeps what it tells its observer.
pub(crate) fn observed(config: RecoveryConfig) -> (Recovery, Arc<Mutex<Vec<RecoveryStep>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let recovery = Recovery::new(config).unwrap();
    let observer = move |_: Stamp<'_>, event: &Event| {
        if let Event::Recovery(step) = event {
            sink.lock().unwrap().push(*step);
        }
    };
    (recovery.observer(observer), seen)
}

/// The strategies and outcomes of steps, in words.
pub(crate) fn said(steps: &[RecoveryStep]) -> Vec<String> {
    let say = |step: &RecoveryStep| format!("{} {}", step.strategy, step.outcome);
    steps.iter().map(say).collect()
}
