//! An agent: asks the budget before each call, and pays what the call did cost.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agent_primitives::{SessionId, Usd};
use agent_resilience::{Provider, SessionBudget, SpendAdvice, SpendRefused, TokenPrice};
use support::{ChatRequest, HttpProvider, Recording, ToolSpec, estimate_tokens};

/// The longest answer that is asked for, and so paid for at most.
const ANSWER_TOKENS: u64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Sonnet,
    Haiku,
}

impl Model {
    const fn name(self) -> &'static str {
        match self {
            Self::Sonnet => "claude-sonnet-4-5",
            Self::Haiku => "claude-haiku-4-5",
        }
    }

    /// Dollars for a million tokens, as the vendor's list has them.
    fn price(self) -> TokenPrice {
        let usd = |dollars: i64| Usd::from_micros(dollars * 1_000_000);
        match self {
            Self::Sonnet => TokenPrice::per_million(usd(3), usd(15)),
            Self::Haiku => TokenPrice::per_million(usd(1), usd(5)),
        }
    }

    /// What the budget advises.
    const fn advised(advice: SpendAdvice) -> Self {
        match advice {
            SpendAdvice::Any => Self::Sonnet,
            SpendAdvice::PreferCheap | SpendAdvice::ForceCheap => Self::Haiku,
        }
    }
}

/// What an agent did and paid.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    sonnet: u32,
    haiku: u32,
    pub(crate) paid: Usd,
    refused: Option<SpendRefused>,
}

impl Bill {
    pub(crate) const fn calls(&self, model: Model) -> u32 {
        match model {
            Model::Sonnet => self.sonnet,
            Model::Haiku => self.haiku,
        }
    }
}

impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>8}{:>8}{:>11.4}  ",
            self.sonnet, self.haiku, self.paid
        )?;
        match &self.refused {
            Some(refused) => write!(f, "the {}'s cap: {} left", refused.scope(), refused.left()),
            None => f.write_str("the end of its work"),
        }
    }
}

pub(crate) struct Agent {
    pub(crate) provider: HttpProvider,
    pub(crate) session: SessionBudget,
    pub(crate) recording: Arc<Recording>,
}

impl Agent {
    /// Works through the recording again and again, until the budget says no.
    pub(crate) async fn work(self) -> Bill {
        let mut bill = Bill::default();
        for number in 0..100 {
            let turns = self.recording.turns();
            let Some(turn) = turns.get(number % turns.len().max(1)) else {
                break;
            };
            let messages = turn.history().to_vec();
            if let Err(refused) = self.ask(messages, &mut bill).await {
                let id = self.session.id().map_or("nobody", SessionId::as_str);
                println!("    {id}: {refused}");
                bill.refused = Some(refused);
                break;
            }
        }
        bill
    }

    async fn ask(
        &self,
        messages: Vec<support::Message>,
        bill: &mut Bill,
    ) -> Result<(), SpendRefused> {
        let model = Model::advised(self.session.advice());
        // What it costs at most: the input is counted roughly, the answer is as long as it may be.
        let input = estimate_tokens(&messages) * 13 / 10 + 50;
        let estimate = model.price().spend_estimate(input, ANSWER_TOKENS);
        let mut held = loop {
            match self.session.reserve(estimate) {
                Ok(held) => break held,
                // Others hold more than they will spend: ask again when one of them is done.
                Err(refused) if refused.may_fit_when_calls_end() => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err(refused) => return Err(refused),
            }
        };
        let tools = self.recording.tool_names().into_iter();
        let tools = tools.map(|name| ToolSpec::new(name, "Works on the project."));
        let request = ChatRequest::new(model.name(), messages)
            .max_tokens(ANSWER_TOKENS)
            .tools(tools.collect());
        // From here on the provider bills it. Dropped before, by a cancelled task, it would cost nothing.
        held.mark_sent();
        match self.provider.call(&request).await {
            Ok(reply) => {
                let spend = model.price().spend(&reply.usage);
                bill.paid += spend.usd;
                held.settle(spend);
            }
            // A call that failed is not billed by this provider.
            Err(failure) => {
                println!("    {failure}");
                held.cancel();
            }
        }
        match model {
            Model::Sonnet => bill.sonnet += 1,
            Model::Haiku => bill.haiku += 1,
        }
        Ok(())
    }
}
