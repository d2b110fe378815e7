//! Prices by name and time.

use std::collections::HashMap;
use std::sync::Arc;

use agent_primitives::Timestamp;

use super::name_hash::NameHash;
use super::plan::Plan;

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
        self.named(provider, model, at)
            .or_else(|| variants(model, |name| self.named(provider, name, at)))
    }

    /// The price under exactly this model name.
    fn named(&self, provider: &str, model: &str, at: Timestamp) -> Option<Held<'_>> {
        if let Some(sellers) = self.models.get(model) {
            let sold_by = |seller: &str| sellers.iter().find(|(it, _)| **it == *seller);
            let found = sold_by(provider)
                .or_else(|| sold_by(vendor(provider)))
                .or_else(|| sold_by(""));
            if let Some((_, series)) = found {
                return series.at(at);
            }
        }
        let (segment, rest) = model.split_once('/')?;
        let sellers = self.models.get(rest)?;
        let sold_by = |seller: &str| sellers.iter().find(|(it, _)| **it == *seller);
        if let Some((_, series)) = sold_by(segment).or_else(|| sold_by(vendor(segment))) {
            return series.at(at);
        }
        let (_, series) = sold_by("")?;
        let maker = vendor(segment);
        series
            .at(at)
            .filter(|it| it.plan.entry.vendor.starts_with(maker))
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

/// Other names of the same model, the nearest first.
fn variants<T>(model: &str, mut visit: impl FnMut(&str) -> Option<T>) -> Option<T> {
    let plain = plain(model);
    let anywhere = without_region(plain);
    let mut last = model;
    for name in [plain, anywhere, undated(plain), undated(anywhere)] {
        if name != last && !name.is_empty() {
            if let Some(found) = visit(name) {
                return Some(found);
            }
            last = name;
        }
    }
    None
}

/// Without what is no part of the name: the context window that Claude Code appends (`[1m]`), the
/// folder that Gemini puts before it, and whose fine-tuning it is.
fn plain(model: &str) -> &str {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let model = model.split_once('[').map_or(model, |(name, _)| name);
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
    let mut regions = REGIONS.iter();
    regions
        .find_map(|region| model.strip_prefix(region))
        .unwrap_or(model)
}

/// Without `@20250929`, `-20250929` or `-2025-09-29` at the end.
fn undated(model: &str) -> &str {
    if let Some((name, _)) = model.split_once('@') {
        return name;
    }
    for pattern in ["-dddddddd", "-dddd-dd-dd"] {
        if let Some(at) = model.len().checked_sub(pattern.len())
            && let (Some(name), Some(end)) = (model.get(..at), model.get(at..))
            && end.bytes().zip(pattern.bytes()).all(|(b, it)| match it {
                b'd' => b.is_ascii_digit(),
                other => b == other,
            })
        {
            return name;
        }
    }
    model
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
            let none = variants(model, |name| {
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
