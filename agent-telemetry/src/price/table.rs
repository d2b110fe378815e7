//! Prices by name and time.

use std::collections::HashMap;
use std::sync::Arc;

use agent_primitives::Timestamp;

use super::name_hash::NameHash;
use super::plan::Plan;
use crate::bytes::contains;

/// Prices with the time from which each holds, in the order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    points: Vec<(Timestamp, Arc<Plan>)>,
    /// The first price stands for earlier calls too: when it was read is known, not when it began.
    open: bool,
}

/// Before everything that a clock shows.
pub(super) const ALWAYS: Timestamp = Timestamp::from_unix_nanos(i64::MIN);

/// The price that holds at one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) plan: &'a Plan,
    pub(super) since: Timestamp,
    pub(super) before_first: bool,
}

impl Series {
    /// A price of the same time replaces the one before.
    pub(super) fn set(&mut self, since: Timestamp, plan: Arc<Plan>) {
        match self.points.binary_search_by_key(&since, |(at, _)| *at) {
            Ok(at) => {
                if let Some(entry) = self.points.get_mut(at) {
                    entry.1 = plan;
                }
            }
            Err(at) => self.points.insert(at, (since, plan)),
        }
    }

    pub(super) fn at(&self, at: Timestamp) -> Option<Held<'_>> {
        let begun = self.points.partition_point(|(since, _)| *since <= at);
        let (index, before_first) = match begun.checked_sub(1) {
            Some(last) => (last, false),
            None if self.open => (0, true),
            None => return None,
        };
        self.points.get(index).map(|(since, plan)| Held {
            plan,
            since: *since,
            before_first,
        })
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (since, plan) in &other.points {
            self.set(*since, Arc::clone(plan));
        }
        self.open |= other.open;
    }
}

/// Prices under the names of the price map.
///
/// A name `seller/model` is kept under `model`, so that one look-up finds all who sell it.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    models: HashMap<Box<str>, Sellers, NameHash>,
}

/// Who sells a model, and at which prices.
type Sellers = Vec<(Box<str>, Series)>;

impl Table {
    pub(super) fn set(&mut self, name: &str, since: Timestamp, plan: Plan) {
        let (seller, model) = name.split_once('/').unwrap_or(("", name));
        let series = self.series(seller, model);
        series.open = true;
        series.set(since, Arc::new(plan));
    }

    fn series(&mut self, seller: &str, model: &str) -> &mut Series {
        let sellers = self.models.entry(model.into()).or_default();
        let at = sellers.iter().position(|(it, _)| **it == *seller);
        let at = at.unwrap_or_else(|| {
            sellers.push((seller.into(), Series::default()));
            sellers.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed one line above")]
        &mut sellers[at].1
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (model, sellers) in &other.models {
            for (seller, series) in sellers {
                self.series(seller, model).merge(series);
            }
        }
    }

    /// How many names have a price.
    pub(super) fn len(&self) -> usize {
        self.models.values().map(Vec::len).sum()
    }

    /// The price of a model at a provider: see [`Prices`](super::Prices) for the order.
    pub(super) fn find(&self, provider: &str, model: &str, at: Timestamp) -> Option<Held<'_>> {
        let mut seller = Seller::new(provider);
        let own = self.sold(&mut seller, model);
        if let Some(held) = own.and_then(|series| series.at(at)) {
            return Some(held);
        }
        let signs = Signs::of(model);
        let made = if own.is_none() {
            self.made(model, signs, at)
        } else {
            None
        };
        made.or_else(|| {
            variants(model, signs, |name| match self.sold(&mut seller, name) {
                Some(series) => series.at(at),
                None => self.made(name, signs, at),
            })
        })
    }

    /// The prices of a model at a seller, or those of whoever sells it without being named.
    fn sold(&self, seller: &mut Seller<'_>, model: &str) -> Option<&Series> {
        let sellers = self.models.get(model)?;
        sold_by(seller.name, sellers)
            .or_else(|| sold_by(seller.vendor(), sellers))
            .or_else(|| sold_by("", sellers))
    }

    /// The price of a model whose name says whose it is; it has no signs but these.
    fn made(&self, model: &str, signs: Signs, at: Timestamp) -> Option<Held<'_>> {
        if !signs.slash {
            return None;
        }
        let (segment, rest) = model.split_once('/')?;
        let sellers = self.models.get(rest)?;
        let maker = vendor(segment);
        if let Some(series) = sold_by(segment, sellers).or_else(|| sold_by(maker, sellers)) {
            return series.at(at);
        }
        let held = sold_by("", sellers)?.at(at);
        held.filter(|it| it.plan.entry.vendor.starts_with(maker))
    }
}

fn sold_by<'a>(seller: &str, sellers: &'a Sellers) -> Option<&'a Series> {
    let mut sellers = sellers.iter();
    sellers
        .find(|(it, _)| **it == *seller)
        .map(|(_, series)| series)
}

/// Who sells, by the host's name and by that of the map, which is found out when it is asked for.
struct Seller<'a> {
    name: &'a str,
    vendor: Option<&'a str>,
}

impl<'a> Seller<'a> {
    const fn new(name: &'a str) -> Self {
        Self { name, vendor: None }
    }

    fn vendor(&mut self) -> &'a str {
        self.vendor.get_or_insert_with(|| vendor(self.name))
    }
}

/// Which signs a name has that most have not, so that they are looked for once.
#[derive(Debug, Clone, Copy)]
struct Signs {
    slash: bool,
    bracket: bool,
    at: bool,
}

impl Signs {
    fn of(name: &str) -> Self {
        let [slash, bracket, at] = contains(name.as_bytes(), *b"/[@");
        Self { slash, bracket, at }
    }
}

/// A provider's name in the map. Hosts call the same provider `claude`, `anthropic` or, for a second
/// account, `anthropic-eu`; OpenTelemetry calls Bedrock `aws.bedrock`.
fn vendor(provider: &str) -> &str {
    if let Some(name) = alias(provider) {
        return name;
    }
    let end = provider.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let head = end.and_then(|end| provider.get(..end)).unwrap_or(provider);
    alias(head).unwrap_or(head)
}

fn alias(provider: &str) -> Option<&'static str> {
    Some(match provider {
        "claude" => "anthropic",
        "aws.bedrock" | "aws_bedrock" => "bedrock",
        "azure.ai.openai" | "azure_openai" => "azure",
        "azure.ai.inference" => "azure_ai",
        "google" | "gcp.gemini" | "gcp.gen_ai" => "gemini",
        "gcp.vertex_ai" | "vertex" => "vertex_ai",
        "ibm.watsonx.ai" => "watsonx",
        "mistral_ai" | "mistralai" => "mistral",
        "moonshot_ai" => "moonshot",
        "x_ai" | "x-ai" | "grok" => "xai",
        _ => return None,
    })
}

/// Other names of the same model, the nearest first. `signs` are those of its own name.
fn variants<'m, T>(
    model: &'m str,
    signs: Signs,
    mut visit: impl FnMut(&'m str) -> Option<T>,
) -> Option<T> {
    let plain = plain(model, signs);
    let anywhere = without_region(plain);
    let mut last = model;
    let mut visit_other = |name: &'m str| {
        // They are parts of one text.
        if std::ptr::eq(name, last) || name.is_empty() {
            return None;
        }
        last = name;
        visit(name)
    };
    if std::ptr::eq(plain, anywhere) {
        return visit_other(plain).or_else(|| visit_other(undated(plain, signs)));
    }
    visit_other(plain)
        .or_else(|| visit_other(anywhere))
        .or_else(|| visit_other(undated(plain, signs)))
        .or_else(|| visit_other(undated(anywhere, signs)))
}

/// Without what is no part of the name: the context window that Claude Code appends (`[1m]`), the
/// folder that Gemini puts before it, and whose fine-tuning it is.
fn plain(model: &str, signs: Signs) -> &str {
    let mut model = model;
    if signs.slash {
        model = model.strip_prefix("models/").unwrap_or(model);
    }
    if signs.bracket {
        model = model.split_once('[').map_or(model, |(name, _)| name);
    }
    if let Some(base) = model.strip_prefix("ft:")
        && let Some(colon) = base.find(':')
    {
        return model.get(.."ft:".len() + colon).unwrap_or(model);
    }
    model
}

/// Bedrock's inference profiles, which exist for some regions by prices of their own.
fn without_region(model: &str) -> &str {
    const REGIONS: [&str; 7] = ["us.", "eu.", "apac.", "jp.", "au.", "global.", "us-gov."];
    // Most names have no dot so far in front.
    if !model.bytes().take(7).any(|byte| byte == b'.') {
        return model;
    }
    let mut regions = REGIONS.iter();
    regions
        .find_map(|region| model.strip_prefix(region))
        .unwrap_or(model)
}

/// Without `@20250929`, `-20250929` or `-2025-09-29` at the end.
fn undated(model: &str, signs: Signs) -> &str {
    if signs.at
        && let Some((name, _)) = model.split_once('@')
    {
        return name;
    }
    let bytes = model.as_bytes();
    if !bytes.last().is_some_and(u8::is_ascii_digit) {
        return model;
    }
    let is_date = |end: &[u8], dashes: &[usize]| {
        end.iter().zip(0..).all(|(byte, at)| match byte {
            b'-' => dashes.contains(&at),
            digit => digit.is_ascii_digit() && !dashes.contains(&at),
        })
    };
    let name = match (
        bytes.split_last_chunk::<9>(),
        bytes.split_last_chunk::<11>(),
    ) {
        (Some((name, end)), _) if is_date(end, &[0]) => name,
        (_, Some((name, end))) if is_date(end, &[0, 5, 8]) => name,
        _ => return model,
    };
    // What was cut off is ASCII.
    model.get(..name.len()).unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_is_known_by_its_other_names() {
        for (name, vendor) in [
            ("claude", "anthropic"),
            ("claude-2", "anthropic"),
            ("groq-eu", "groq"),
            ("groqqer", "groqqer"),
            ("aws.bedrock", "bedrock"),
            ("vertex_ai", "vertex_ai"),
            ("", ""),
        ] {
            assert_eq!(super::vendor(name), vendor, "{name}");
        }
    }

    #[test]
    fn variants_come_nearest_first() {
        let all = |model| {
            let mut names = Vec::new();
            let none = variants(model, Signs::of(model), |name| {
                names.push(name.to_owned());
                None::<()>
            });
            assert_eq!(none, None);
            names
        };
        assert_eq!(all("claude-opus-5[1m]"), ["claude-opus-5"]);
        assert_eq!(all("models/gemini-2.5-pro"), ["gemini-2.5-pro"]);
        assert_eq!(all("claude-sonnet-4-5@20250929"), ["claude-sonnet-4-5"]);
        assert_eq!(all("gpt-5-2025-08-07"), ["gpt-5"]);
        assert_eq!(
            all("ft:gpt-4o-2024-08-06:acme::id"),
            ["ft:gpt-4o-2024-08-06", "ft:gpt-4o"]
        );
        assert_eq!(
            all("eu.anthropic.claude-x-20250929"),
            [
                "anthropic.claude-x-20250929",
                "eu.anthropic.claude-x",
                "anthropic.claude-x"
            ]
        );
        assert_eq!(all("gpt-4-0613"), [""; 0]);
        assert_eq!(all("é-20250929"), ["é"]);
    }
}
