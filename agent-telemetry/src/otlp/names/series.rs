//! Points of metrics: what a series means is found out once, and then applied to what its points add.

use std::borrow::Cow;

use agent_primitives::{ModelId, ProviderId, Timestamp};

use super::super::seen::{Amount, Bucket, Channel, Seen, What, Who};
use super::super::value::Attributes;
use super::super::wire::{MetricHead, Number};
use super::field::{Facts, Field};
use super::item::{Notes, SessionFrom};
use super::provider;
use super::read::dollars;
use super::source::{Sender, Source};
use super::table::{self, Read, Row, Signal};
use super::unit::{self, Measure};
use super::who::{self, Origin};
use crate::{FilesChanged, Metric};

/// What the points of one series mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meaning {
    row: Option<&'static str>,
    who: Who,
    notes: Notes,
    adds: Adds,
    /// The name and the unit of what is measured, where points are to be kept as metrics.
    measure: Option<(Cow<'static, str>, Measure)>,
}

/// What a point adds to.
#[derive(Debug, Clone, PartialEq)]
enum Adds {
    Nothing,
    Amount(ProviderId, ModelId, Bucket, &'static str),
    /// As before, of the number of measurements.
    Calls(ProviderId, ModelId, &'static str),
    Began {
        resumed: bool,
    },
    LinesAdded,
    LinesRemoved,
    Files,
}

/// What a series means, by the name of its metric and the attributes of its points. A name that the table has not stands
/// for itself.
pub(crate) fn of_series(
    source: &Source<'_>,
    head: &MetricHead<'_>,
    attributes: &Attributes<'_>,
) -> Meaning {
    let facts = Facts::of(attributes);
    let mut notes = Notes {
        overflow: facts.bool(Field::Overflow) == Some(true),
        ..Notes::default()
    };
    let origin = Origin {
        source,
        facts: &facts,
        trace: None,
    };
    let mut who = who::of(&origin, &mut notes);
    if notes.overflow && notes.session == SessionFrom::Resource {
        // Of whichever sessions the process had.
        who.session = None;
        notes.session = SessionFrom::Nobody;
    }
    let Some(row) = table::find(Signal::Metric, &head.name) else {
        let measure = unit::of(&head.unit, &head.name);
        let name = Cow::Owned(bounded(&head.name));
        return Meaning {
            row: None,
            who,
            notes,
            adds: Adds::Nothing,
            measure: Some((name, measure)),
        };
    };
    let adds = adds(row, &facts, source.sender, &mut notes);
    Meaning {
        row: Some(row.name),
        who,
        measure: measure(row, head, &facts, &adds, notes),
        adds,
        notes,
    }
}

fn adds(row: &'static Row, facts: &Facts<'_>, sender: Sender, notes: &mut Notes) -> Adds {
    let sort = facts.text(Field::TokenType);
    match row.read {
        Read::Tokens(types) => {
            let bucket = types.iter().find(|(name, _)| Some(*name) == sort);
            let of = provider::of(facts, sender, notes);
            match bucket.zip(of) {
                Some(((_, bucket), (provider, model))) => {
                    Adds::Amount(provider, model, *bucket, row.name)
                }
                None => Adds::Nothing,
            }
        }
        Read::Amount(bucket) => match provider::of(facts, sender, notes) {
            Some((provider, model)) => Adds::Amount(provider, model, bucket, row.name),
            None => Adds::Nothing,
        },
        Read::Calls => match provider::of(facts, sender, notes) {
            Some((provider, model)) if is_inference(facts) => {
                Adds::Calls(provider, model, row.name)
            }
            _ => Adds::Nothing,
        },
        Read::Began => Adds::Began {
            resumed: matches!(
                facts.text(Field::StartType),
                Some("resume" | "continue" | "resumed")
            ),
        },
        Read::Lines => match sort {
            Some("added") => Adds::LinesAdded,
            Some("removed") => Adds::LinesRemoved,
            _ => Adds::Nothing,
        },
        Read::Files(operations) => {
            let told = facts.text(Field::Sort).unwrap_or_default();
            if operations.contains(&told) {
                Adds::Files
            } else {
                Adds::Nothing
            }
        }
        Read::With(_) | Read::Silent | Read::Refused | Read::Plain(..) => Adds::Nothing,
    }
}

/// Whether the operation that was measured is a request to a model.
fn is_inference(facts: &Facts<'_>) -> bool {
    const OTHERS: &[&str] = &[
        "execute_tool",
        "invoke_agent",
        "invoke_workflow",
        "create_agent",
    ];
    let told = facts.text(Field::Operation);
    let Some(row) = told.and_then(|it| table::find(Signal::Operation, it)) else {
        return told.is_none();
    };
    matches!(row.read, Read::With(_)) && !OTHERS.contains(&row.name)
}

/// Name and unit of a metric that stays one: its own, with its sort behind it where the table splits it. Amounts are not
/// kept a second time.
fn measure(
    row: &'static Row,
    head: &MetricHead<'_>,
    facts: &Facts<'_>,
    adds: &Adds,
    notes: Notes,
) -> Option<(Cow<'static, str>, Measure)> {
    let own = unit::of(&head.unit, &head.name);
    let named = |measure| Some((Cow::Borrowed(row.name), measure));
    match row.read {
        Read::Plain(sorts, given) => {
            let measure = given.unwrap_or(own);
            let mut sort = [Field::TokenType, Field::Verdict].into_iter();
            let told = sort.find_map(|field| facts.text(field));
            match sorts.iter().find(|sort| Some(**sort) == told) {
                Some(sort) => Some((Cow::Owned(format!("{}.{sort}", row.name)), measure)),
                None => named(measure),
            }
        }
        Read::Calls => named(own),
        // A sum without its sort is no amount of anything, and is not lost for that.
        Read::Tokens(_) if *adds == Adds::Nothing && notes.overflow => {
            Some((Cow::Owned(format!("{}.overflow", row.name)), own))
        }
        _ if *adds == Adds::Nothing => named(own),
        _ => None,
    }
}

/// The name of a metric that the table has not; longer ones are cut when they become a record.
fn bounded(name: &str) -> String {
    name.chars().take(256).collect()
}

impl Meaning {
    /// Whether the table has the name.
    pub(crate) fn is_known(&self) -> bool {
        self.row.is_some()
    }

    pub(crate) fn notes(&self) -> Notes {
        self.notes
    }

    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// What a sum's points added between `since` and `at`. Nothing added says nothing.
    pub(crate) fn of_number(
        &self,
        added: Number,
        since: Timestamp,
        at: Timestamp,
        out: &mut Vec<Seen>,
    ) {
        if is_zero(added) {
            return;
        }
        self.add(added, since, at, out);
        // Of calls it is the number that is added, and not the time.
        if matches!(self.adds, Adds::Nothing) {
            self.keep(float(added), at, out);
        }
    }

    /// What a histogram's points added: so many measurements, and their sum where it is told. As a metric their mean is
    /// kept.
    pub(crate) fn of_histogram(
        &self,
        count: u64,
        sum: Option<f64>,
        since: Timestamp,
        at: Timestamp,
        out: &mut Vec<Seen>,
    ) {
        if count == 0 {
            return;
        }
        match &self.adds {
            Adds::Calls(provider, model, source) => {
                let what = amount(provider, model, Bucket::Calls, source, count, since);
                out.push(self.seen(at, what));
            }
            Adds::Amount(_, _, Bucket::Calls, _) => {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.add(Number::Int(count), since, at, out);
            }
            Adds::Nothing => {}
            _ => {
                if let Some(sum) = sum {
                    self.add(Number::Double(sum), since, at, out);
                }
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean is not exact")]
        if let Some(sum) = sum {
            self.keep(sum / count as f64, at, out);
        }
    }

    /// What a gauge shows. It adds nothing to anything.
    pub(crate) fn of_gauge(&self, value: Number, at: Timestamp, out: &mut Vec<Seen>) {
        match (&self.measure, self.row) {
            (None, Some(row)) => {
                self.push(Cow::Borrowed(row), float(value), unit::of("", row), at, out);
            }
            _ => self.keep(float(value), at, out),
        }
    }

    fn add(&self, added: Number, since: Timestamp, at: Timestamp, out: &mut Vec<Seen>) {
        let what = match &self.adds {
            Adds::Nothing => return,
            Adds::Amount(provider, model, bucket, source) => {
                let added = match bucket {
                    Bucket::Cost => picos(added),
                    _ => whole(added),
                };
                amount(provider, model, *bucket, source, added, since)
            }
            Adds::Calls(provider, model, source) => {
                amount(provider, model, Bucket::Calls, source, whole(added), since)
            }
            Adds::Began { resumed } => What::Began { resumed: *resumed },
            Adds::LinesAdded => What::Files(FilesChanged::new(0).lines(whole(added), 0)),
            Adds::LinesRemoved => What::Files(FilesChanged::new(0).lines(0, whole(added))),
            Adds::Files => What::Files(FilesChanged::new(whole(added))),
        };
        let is_something = match &what {
            What::Amount(it) => it.amount > 0,
            _ => whole(added) > 0,
        };
        if is_something {
            out.push(self.seen(at, what));
        }
    }

    fn keep(&self, value: f64, at: Timestamp, out: &mut Vec<Seen>) {
        if let Some((name, measure)) = &self.measure {
            self.push(name.clone(), value, *measure, at, out);
        }
    }

    fn push(
        &self,
        name: Cow<'static, str>,
        value: f64,
        measure: Measure,
        at: Timestamp,
        out: &mut Vec<Seen>,
    ) {
        if let Ok(metric) = Metric::new(name, value * measure.scale, measure.unit) {
            out.push(self.seen(at, What::Metric(metric)));
        }
    }

    fn seen(&self, at: Timestamp, what: What) -> Seen {
        Seen {
            who: self.who.clone(),
            at,
            channel: Channel::Metric,
            what,
        }
    }
}

fn amount(
    provider: &ProviderId,
    model: &ModelId,
    bucket: Bucket,
    source: &'static str,
    amount: u64,
    since: Timestamp,
) -> What {
    What::Amount(Amount {
        provider: provider.clone(),
        model: model.clone(),
        bucket,
        source,
        amount,
        since,
    })
}

fn is_zero(number: Number) -> bool {
    match number {
        Number::Int(it) => it == 0,
        Number::Double(it) => it == 0.0 || !it.is_finite(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric is a float")]
fn float(number: Number) -> f64 {
    match number {
        Number::Int(it) => it as f64,
        Number::Double(it) => it,
    }
}

/// A number of things, to the nearest; 0 for less than none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats saturate"
)]
fn whole(number: Number) -> u64 {
    match number {
        Number::Int(it) => u64::try_from(it).unwrap_or(0),
        Number::Double(it) => it.round() as u64,
    }
}

/// Dollars as pico-dollars.
fn picos(number: Number) -> u64 {
    let usd = dollars(float(number));
    let picos = usd.map_or(0, agent_primitives::Usd::picos);
    u64::try_from(picos).unwrap_or(u64::MAX)
}
