//! Adds up what replies used, each once.

use std::collections::{BTreeMap, HashMap};

use agent_primitives::TokenUsage;

use super::super::fields::Fields;

/// What each reply used. Every line of a reply repeats its figures, and an early one may have lower ones
/// (anthropics/claude-code#87303), so that the highest count.
#[derive(Debug, Default)]
pub(super) struct Usage {
    replies: HashMap<String, (Option<String>, TokenUsage)>,
    model: Option<String>,
}

/// What messages of the program itself name as their model.
const SYNTHETIC: &str = "<synthetic>";

impl Usage {
    pub(super) fn reply(&mut self, id: String, model: Option<String>, usage: &Fields<'_>) {
        let model = model.filter(|model| model != SYNTHETIC);
        if model.is_some() {
            self.model.clone_from(&model);
        }
        let number = |name| usage.number(name).unwrap_or(0);
        let used = TokenUsage::new(number("input_tokens"), number("output_tokens"))
            .with_cache_read(number("cache_read_input_tokens"));
        let written = number("cache_creation_input_tokens");
        let used = match usage.object("cache_creation") {
            Some(by_life) => {
                let hour = by_life.number("ephemeral_1h_input_tokens").unwrap_or(0);
                used.with_cache_write_1h(hour)
                    .with_cache_write_5m(written.saturating_sub(hour))
            }
            None => used.with_cache_write_5m(written),
        };
        let reply = self.replies.entry(id).or_default();
        if reply.1.total() <= used.total() {
            *reply = (model, used);
        }
    }

    /// The sum, by model, and the model that was asked last.
    pub(super) fn into_parts(self) -> (TokenUsage, BTreeMap<String, TokenUsage>, Option<String>) {
        let mut all = TokenUsage::default();
        let mut by_model: BTreeMap<String, TokenUsage> = BTreeMap::new();
        for (model, used) in self.replies.into_values() {
            all += used;
            if let Some(model) = model {
                *by_model.entry(model).or_default() += used;
            }
        }
        (all, by_model, self.model)
    }
}
