//! What the writer makes of records on their way: whole records, in order.

use std::sync::Arc;
use std::time::Duration;
use std::vec::Drain;

use super::context::{Context, ContextId, Contexts, Target};
use super::shard::{Call, Figures, Lists, Whole};
use crate::privacy::Redactor;
use crate::{Body, Prices, Record, ToolCall};

/// Knows contexts, prices and masks.
#[derive(Clone)]
pub(super) struct Resolver {
    contexts: Arc<Contexts>,
    prices: Arc<Prices>,
    redactor: Arc<Redactor>,
    /// Consecutive records are mostly of one handle.
    latest: Option<(ContextId, Arc<Context>)>,
}

impl Resolver {
    pub(super) const fn new(
        contexts: Arc<Contexts>,
        prices: Arc<Prices>,
        redactor: Arc<Redactor>,
    ) -> Self {
        Self {
            contexts,
            prices,
            redactor,
            latest: None,
        }
    }

    /// Numbers may stand for other contexts from now on.
    pub(super) fn forget(&mut self) {
        self.latest = None;
    }

    fn context(&mut self, id: ContextId) -> Option<Arc<Context>> {
        if let Some((latest, context)) = &self.latest
            && *latest == id
        {
            return Some(Arc::clone(context));
        }
        let context = self.contexts.of(id)?;
        self.latest = Some((id, Arc::clone(&context)));
        Some(context)
    }

    /// `None` for a context that is not there, which cannot be.
    fn call(&mut self, call: &Call) -> Option<Record> {
        let context = self.context(call.context)?;
        let body = match (call.figures, &context.target) {
            (Figures::Model(answer), Target::Model(provider, model)) => {
                Body::ModelCall(answer.of(provider.clone(), model.clone()))
            }
            (Figures::Tool { outcome, nanos }, Target::Tool(tool)) => {
                ToolCall::new(tool.clone(), outcome, Duration::from_nanos(nanos)).into()
            }
            _ => return None,
        };
        let mut record = Record::new(call.at, body);
        context.sign(&mut record);
        price(&self.prices, &mut record);
        Some(record)
    }

    fn whole(&mut self, whole: Whole) -> Option<Record> {
        let mut record = whole.record;
        if whole.context.is_some() {
            // Before names are masked: the prices know the real ones.
            price(&self.prices, &mut record);
        }
        self.redactor.record(&mut record);
        if let Some(id) = whole.context {
            self.context(id)?.sign(&mut record);
        }
        Some(record)
    }
}

/// Says what a model call costs where it does not say so itself.
pub(super) fn price(prices: &Prices, record: &mut Record) {
    if let Body::ModelCall(call) = &mut record.body
        && call.cost.is_none()
    {
        call.cost = prices.amount_of(call, record.at).ok();
    }
}

/// The records of all shards in the order of their stamps; those of equal stamps have no order.
pub(super) struct Merge<'a> {
    calls: Vec<Run<Drain<'a, Call>>>,
    wholes: Vec<Run<Drain<'a, Whole>>>,
}

/// The next of a list, and those behind it.
struct Run<I: Iterator> {
    next: I::Item,
    rest: I,
}

impl<I: Iterator> Run<I> {
    fn new(mut rest: I) -> Option<Self> {
        Some(Self {
            next: rest.next()?,
            rest,
        })
    }
}

impl<'a> Merge<'a> {
    pub(super) fn new(lists: &'a mut [Lists]) -> Self {
        let (mut calls, mut wholes) = (Vec::new(), Vec::new());
        for list in lists {
            calls.extend(Run::new(list.calls.drain(..)));
            wholes.extend(Run::new(list.wholes.drain(..)));
        }
        Self { calls, wholes }
    }

    /// Adds up to `most` records to `chunk`. How many records it took for that.
    pub(super) fn fill(
        &mut self,
        chunk: &mut Vec<Record>,
        most: usize,
        resolver: &mut Resolver,
    ) -> usize {
        let mut taken = 0;
        while taken < most {
            let call = first(&self.calls, |call| call.stamp);
            let whole = first(&self.wholes, |whole| whole.stamp);
            let record = match (call, whole) {
                (Some((stamp, at)), other) if other.is_none_or(|(other, _)| stamp < other) => {
                    advance(&mut self.calls, at).and_then(|call| resolver.call(&call))
                }
                (_, Some((_, at))) => {
                    advance(&mut self.wholes, at).and_then(|whole| resolver.whole(whole))
                }
                _ => break,
            };
            taken += 1;
            chunk.extend(record);
        }
        taken
    }
}

/// The lowest stamp, and which run has it.
fn first<I: Iterator>(runs: &[Run<I>], stamp: impl Fn(&I::Item) -> u64) -> Option<(u64, usize)> {
    let stamps = runs.iter().map(|run| stamp(&run.next));
    stamps.zip(0..).min()
}

fn advance<I: Iterator>(runs: &mut Vec<Run<I>>, at: usize) -> Option<I::Item> {
    let run = runs.get_mut(at)?;
    match run.rest.next() {
        Some(next) => Some(std::mem::replace(&mut run.next, next)),
        None => Some(runs.swap_remove(at).next),
    }
}
