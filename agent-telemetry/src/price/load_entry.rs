//! One entry of the price map, key by key.

use agent_primitives::Timestamp;
use serde_json::value::RawValue;

use super::Item;
use super::day::start_of_day;
use super::entry::{Entry, PromptRange, Uplift};
use super::key::{CostKey, PriceTier};
use super::load::{EntryFields, string};
use super::load_report::{KeyKind, LoadReport, ProblemKind};
use super::off_peak::{EVERY_DAY, OffPeak, Window, weekday_bit};
use super::rate::{Factor, NotARate, Rate};

/// Collects an entry's prices and says what it could not read.
pub(super) struct EntryReader<'a> {
    name: &'a str,
    report: &'a mut LoadReport,
    entry: Entry,
    since: Option<Timestamp>,
    /// A price in it could not be read: without it the others would give a wrong cost.
    spoilt: bool,
}

type Raw = Box<RawValue>;

impl<'a> EntryReader<'a> {
    pub(super) fn new(name: &'a str, report: &'a mut LoadReport) -> Self {
        Self {
            name,
            report,
            entry: Entry::default(),
            since: None,
            spoilt: false,
        }
    }

    pub(super) fn problem(&mut self, key: &str, what: ProblemKind) {
        self.report.problem(self.name, key, what);
    }

    pub(super) fn finish(mut self) -> (Entry, Option<Timestamp>, bool) {
        // Fireworks lists cached input only where it is not half of the other.
        let input = self.entry.exact(Item::Input, 0, PriceTier::Standard);
        let read = self.entry.exact(Item::CacheRead, 0, PriceTier::Standard);
        if &*self.entry.vendor == "fireworks_ai"
            && let (Some(input), None) = (input, read)
        {
            let key = CostKey {
                item: Item::CacheRead,
                tier: PriceTier::Standard,
                above: 0,
            };
            self.entry.set(key, input.half());
        }
        self.entry.ranges.sort_by_key(|it| it.start);
        self.entry.query_ranges.sort_by_key(|it| it.1);
        (self.entry, self.since, self.spoilt)
    }

    pub(super) fn field(&mut self, key: &str, value: &RawValue) {
        let kind = self.read(key, value);
        self.report.key(key, kind);
        if kind == KeyKind::NotUnderstood {
            self.problem(key, ProblemKind::NotUnderstood);
        }
    }

    fn read(&mut self, key: &str, value: &RawValue) -> KeyKind {
        if let Some(cost) = CostKey::parse(key) {
            if let Some(rate) = self.rate(key, value) {
                self.entry.set(cost, rate);
            }
            return KeyKind::Price;
        }
        match key {
            "litellm_provider" => {
                self.entry.vendor = string(value).unwrap_or_default().into();
                return KeyKind::Description;
            }
            "max_input_tokens" => {
                let text = value.get().trim().trim_matches('"');
                self.entry.window = text.parse().ok().filter(|tokens| *tokens > 0);
                return KeyKind::Description;
            }
            "since" => {
                self.since = string(value).and_then(|day| start_of_day(&day));
                if self.since.is_none() {
                    self.spoil(key, ProblemKind::BadDate);
                }
                return KeyKind::Description;
            }
            "search_context_cost_per_query" => self.searches(key, value),
            "guardrail_cost_per_unit" => self.named_items(key, value),
            "tiered_pricing" => self.ranges(key, value),
            "off_peak_pricing" => self.off_peak(key, value),
            "provider_specific_entry" => return self.provider_specific(key, value),
            "regional_processing_uplift_multiplier_eu" => {
                self.uplift(key, Uplift::ResidencyEu, value);
            }
            "regional_processing_uplift_multiplier_us" => {
                self.uplift(key, Uplift::ResidencyUs, value);
            }
            "regional_endpoint_uplift_multiplier" => {
                self.uplift(key, Uplift::RegionalEndpoint, value);
            }
            // Databricks units, whose price in dollars is the customer's own; allowances of free
            // searches, which many calls share.
            "input_dbu_cost_per_token"
            | "output_dbu_cost_per_token"
            | "search_free_requests"
            | "web_search_billing_unit" => return KeyKind::NotApplied,
            _ if looks_like_a_price(key) => return KeyKind::NotUnderstood,
            _ => return KeyKind::Description,
        }
        KeyKind::Price
    }

    fn spoil(&mut self, key: &str, what: ProblemKind) {
        self.problem(key, what);
        self.spoilt = true;
    }

    /// A JSON number or a text of one; `null` is no price.
    fn rate(&mut self, key: &str, value: &RawValue) -> Option<Rate> {
        let text = value.get().trim();
        if text == "null" {
            return None;
        }
        let quoted;
        let number = if text.starts_with('"') {
            quoted = string(value).unwrap_or_default();
            quoted.trim()
        } else {
            text
        };
        match Rate::parse(number) {
            Ok((rate, rounded)) => {
                self.report.prices += 1;
                self.report.rounded += u64::from(rounded);
                Some(rate)
            }
            Err(error) => {
                let what = match error {
                    NotARate::Malformed => ProblemKind::NotANumber,
                    NotARate::Negative => ProblemKind::Negative,
                    NotARate::TooLarge => ProblemKind::TooLarge,
                };
                self.spoil(key, what);
                None
            }
        }
    }

    fn fields<'v>(&mut self, key: &str, value: &'v RawValue) -> EntryFields<'v> {
        serde_json::from_str(value.get()).unwrap_or_else(|_| {
            self.spoil(key, ProblemKind::NotAnObject);
            super::json::Fields(Vec::new())
        })
    }

    fn list(&mut self, key: &str, value: &RawValue) -> Vec<Raw> {
        serde_json::from_str(value.get()).unwrap_or_else(|_| {
            self.spoil(key, ProblemKind::NotAnObject);
            Vec::new()
        })
    }

    /// A price for each size of context, or one for all.
    fn searches(&mut self, key: &str, value: &RawValue) {
        if value.get().trim_start().starts_with('{') {
            self.named_items(key, value);
        } else if let Some(rate) = self.rate(key, value) {
            for item in [Item::WebSearchLow, Item::WebSearch, Item::WebSearchHigh] {
                self.set(item, rate);
            }
        }
    }

    fn named_items(&mut self, key: &str, value: &RawValue) {
        for (name, value) in self.fields(key, value).0 {
            let path = format!("{key}.{name}");
            match Item::from_name(&name) {
                Some(item) => {
                    if let Some(rate) = self.rate(&path, value) {
                        self.set(item, rate);
                    }
                }
                None => self.unknown(&path),
            }
        }
    }

    fn set(&mut self, item: Item, rate: Rate) {
        let key = CostKey {
            item,
            tier: PriceTier::Standard,
            above: 0,
        };
        self.entry.set(key, rate);
    }

    fn unknown(&mut self, path: &str) {
        self.report.key(path, KeyKind::NotUnderstood);
        self.problem(path, ProblemKind::NotUnderstood);
    }

    fn ranges(&mut self, key: &str, value: &RawValue) {
        for tier in self.list(key, value) {
            let mut range = PromptRange::default();
            let (mut prompts, mut results) = (None, None);
            for (name, value) in self.fields(key, &tier).0 {
                let path = format!("{key}.{name}");
                match (&*name, Item::from_name(&name)) {
                    ("range", _) => prompts = bounds(value),
                    ("max_results_range", _) => results = bounds(value),
                    (_, Some(item)) => {
                        if let Some(rate) = self.rate(&path, value) {
                            range.rates.push((item, rate));
                        }
                    }
                    _ => self.unknown(&path),
                }
            }
            match (prompts, results) {
                (Some((start, end)), None) => {
                    (range.start, range.end) = (start, end);
                    self.entry.ranges.push(range);
                }
                (None, Some((least, most))) => {
                    if let Some(rate) = range.rate(Item::Query) {
                        self.entry.query_ranges.push((least, most, rate));
                    }
                }
                _ => self.spoil(key, ProblemKind::BadRange),
            }
        }
    }

    fn off_peak(&mut self, key: &str, value: &RawValue) {
        let mut off_peak = OffPeak::default();
        for (name, value) in self.fields(key, value).0 {
            let path = format!("{key}.{name}");
            match (&*name, Item::from_name(&name)) {
                ("hours_utc", _) => self.hours(&path, value, EVERY_DAY, &mut off_peak),
                ("windows", _) => {
                    for window in self.list(&path, value) {
                        self.window(&path, &window, &mut off_peak);
                    }
                }
                ("weekday_timezone", _) => match string(value).as_deref() {
                    Some("UTC") => off_peak.weekday_offset_hours = 0,
                    // One clock all year since 1992.
                    Some("Asia/Shanghai") => off_peak.weekday_offset_hours = 8,
                    _ => self.spoil(&path, ProblemKind::UnknownCalendar),
                },
                (_, Some(item)) => {
                    if let Some(rate) = self.rate(&path, value) {
                        off_peak.rates.push((item, rate));
                    }
                }
                _ => self.unknown(&path),
            }
        }
        self.entry.off_peak = Some(off_peak);
    }

    fn window(&mut self, key: &str, window: &RawValue, off_peak: &mut OffPeak) {
        let mut weekdays = EVERY_DAY;
        let mut hours = None;
        let fields = self.fields(key, window).0;
        for (name, value) in &fields {
            match &**name {
                "hours_utc" => hours = Some(*value),
                "weekdays" => {
                    let numbers: Option<Vec<u64>> = serde_json::from_str(value.get()).ok();
                    let bits = numbers.and_then(|it| {
                        let mut bits = it.into_iter().map(weekday_bit);
                        bits.try_fold(0, |all, bit| Some(all | bit?))
                    });
                    match bits {
                        Some(bits) => weekdays = bits,
                        None => self.spoil(key, ProblemKind::BadHours),
                    }
                }
                _ => self.unknown(&format!("{key}.{name}")),
            }
        }
        match hours {
            Some(hours) => self.hours(key, hours, weekdays, off_peak),
            None => self.spoil(key, ProblemKind::BadHours),
        }
    }

    fn hours(&mut self, key: &str, value: &RawValue, weekdays: u8, off_peak: &mut OffPeak) {
        let texts = match string(value) {
            Some(one) => vec![one.into_owned()],
            None => serde_json::from_str(value.get()).unwrap_or_default(),
        };
        let windows: Option<Vec<Window>> =
            texts.iter().map(|it| Window::parse(it, weekdays)).collect();
        match windows {
            Some(windows) if !windows.is_empty() => off_peak.windows.extend(windows),
            _ => self.spoil(key, ProblemKind::BadHours),
        }
    }

    /// Multipliers by place and speed; the rest are settings of LiteLLM's own adapters.
    fn provider_specific(&mut self, key: &str, value: &RawValue) -> KeyKind {
        let mut kind = KeyKind::Description;
        for (name, value) in self.fields(key, value).0 {
            let path = format!("{key}.{name}");
            let which = match &*name {
                "us" => Some(Uplift::GeoUs),
                "fast" => Some(Uplift::Fast),
                _ => None,
            };
            match which {
                Some(which) => {
                    kind = KeyKind::Price;
                    self.uplift(&path, which, value);
                    self.report.key(&path, KeyKind::Price);
                }
                None if name == "minimax_free_input_images" => {
                    self.report.key(&path, KeyKind::NotApplied);
                }
                // Settings have words or lists for values; a number may be a multiplier.
                None if !value
                    .get()
                    .starts_with(|c: char| c == '-' || c.is_ascii_digit()) =>
                {
                    self.report.key(&path, KeyKind::Description);
                }
                None => self.unknown(&path),
            }
        }
        kind
    }

    fn uplift(&mut self, key: &str, which: Uplift, value: &RawValue) {
        match Factor::parse(value.get().trim()) {
            Some(factor) => self.entry.uplifts.push((which, factor)),
            None => self.spoil(key, ProblemKind::BadFactor),
        }
    }
}

/// Whether a key that is not known may be a price.
fn looks_like_a_price(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["cost", "price", "pricing", "multiplier", "billing"]
        .iter()
        .any(|word| key.contains(word))
}

/// `[0, 32000.0]`: two whole numbers of tokens.
fn bounds(value: &RawValue) -> Option<(u64, u64)> {
    let [start, end]: [Raw; 2] = serde_json::from_str(value.get()).ok()?;
    let (start, end) = (whole(start.get())?, whole(end.get())?);
    (start < end).then_some((start, end))
}

fn whole(number: &str) -> Option<u64> {
    let number = number.trim();
    let (digits, fraction) = number.split_once('.').unwrap_or((number, ""));
    let only_zeros = fraction.bytes().all(|b| b == b'0');
    (only_zeros && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}
