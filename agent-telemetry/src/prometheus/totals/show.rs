//! Totals on the page.

use std::fmt;

use agent_primitives::{AgentId, ProviderId};

use super::Totals;
use super::admit::Admitted;
use super::families::{AGENTS, MODELS, Sum, TOOLS, Values};
use crate::prometheus::buckets::Bounds;
use crate::prometheus::exposition::{Exposition, OTHER, OVERFLOW};
use crate::prometheus::lines::{Labels, Number};
use crate::rollup::Merge;
use crate::{
    AgentKey, ExponentialHistogram, InstrumentKind, ModelCell, ModelKey, ProjectId, ToolKey,
};
use Number::Count;

/// Names of what a cell sums up, as labels.
pub(super) trait Named {
    const LABELS: &'static [&'static str];
    /// As many values as there are labels.
    fn put(&self, labels: &mut Labels);
}

fn project(project: Option<&ProjectId>) -> &str {
    project.map_or("", ProjectId::as_str)
}

impl Named for AgentKey {
    const LABELS: &'static [&'static str] = &["project", "agent", "task_type"];

    fn put(&self, labels: &mut Labels) {
        labels.push("project", project(self.project.as_ref()));
        labels.push("agent", self.agent.as_ref().map_or("", AgentId::as_str));
        labels.push("task_type", self.task_type.as_deref().unwrap_or_default());
    }
}

impl Named for ModelKey {
    const LABELS: &'static [&'static str] = &["project", "provider", "model"];

    fn put(&self, labels: &mut Labels) {
        labels.push("project", project(self.project.as_ref()));
        labels.push("provider", self.provider.as_str());
        labels.push("model", self.model.as_str());
    }
}

impl Named for ToolKey {
    const LABELS: &'static [&'static str] = &["project", "tool"];

    fn put(&self, labels: &mut Labels) {
        labels.push("project", project(self.project.as_ref()));
        labels.push("tool", self.tool.as_str());
    }
}

impl Named for ProviderId {
    const LABELS: &'static [&'static str] = &["provider"];

    fn put(&self, labels: &mut Labels) {
        labels.push("provider", self.as_str());
    }
}

impl<W: fmt::Write> Exposition<W> {
    /// Writes the totals of agents, models, tools and providers, and how full contexts were. While it does, the sink around which they are waits.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn totals(&mut self, totals: &Totals) -> fmt::Result {
        let counted = totals.counted();
        for sum in &AGENTS {
            self.sum(sum, &counted.agents)?;
        }
        for sum in &MODELS {
            self.sum(sum, &counted.models)?;
        }
        self.failures(&counted.models)?;
        let help = "How long calls of a model took that were answered.";
        self.times(
            "agent_model_call_duration_seconds",
            help,
            &counted.models,
            |it| &it.latency_ns,
        )?;
        let help = "How long the first token of an answer took, where that is known.";
        self.times(
            "agent_model_first_token_seconds",
            help,
            &counted.models,
            |it| &it.first_token_ns,
        )?;
        for sum in &TOOLS {
            self.sum(sum, &counted.tools)?;
        }
        let help = "How long calls of a tool took that did their work.";
        self.times(
            "agent_tool_call_duration_seconds",
            help,
            &counted.tools,
            |it| &it.latency_ns,
        )?;
        self.events(&counted.events)?;
        self.contexts(&counted.contexts)?;
        for (what, times) in [
            ("totals of agents", counted.agents.overflowed()),
            ("totals of models", counted.models.overflowed()),
            ("totals of tools", counted.tools.overflowed()),
            ("totals of providers", counted.events.providers.overflowed()),
            ("contexts of agents", counted.contexts.overflowed()),
        ] {
            if times > 0 {
                self.overflowed.push((what.to_owned(), times));
            }
        }
        Ok(())
    }

    fn sum<K: Named + Ord, C: Merge + Default>(
        &mut self,
        sum: &Sum<C>,
        cells: &Admitted<K, C>,
    ) -> fmt::Result {
        if !self.begin(sum.name, sum.unit, InstrumentKind::Counter, sum.help)? {
            return Ok(());
        }
        for (key, cell) in cells.iter() {
            put(key, &mut self.labels);
            match &sum.values {
                Values::One(value) => self.value(value(cell))?,
                Values::By(label, parts) => {
                    let own = self.labels.len();
                    for (word, value) in *parts {
                        self.labels.push(label, word);
                        self.value(value(cell))?;
                        self.labels.truncate(own);
                    }
                }
            }
        }
        Ok(())
    }

    /// Failures by kind: those kinds that have occurred.
    fn failures(&mut self, models: &Admitted<ModelKey, ModelCell>) -> fmt::Result {
        let help = "Calls of a model that failed, by the kind of the failure.";
        if !self.begin("agent_model_failures", None, InstrumentKind::Counter, help)? {
            return Ok(());
        }
        for (key, cell) in models.iter() {
            for (kind, count) in &cell.failures {
                put(key, &mut self.labels);
                self.labels.push("kind", kind.as_str());
                self.value(Count(*count))?;
            }
        }
        Ok(())
    }

    fn times<K: Named + Ord, C: Merge + Default>(
        &mut self,
        name: &str,
        help: &str,
        cells: &Admitted<K, C>,
        of: fn(&C) -> &ExponentialHistogram,
    ) -> fmt::Result {
        let bounds = Bounds::of_nanoseconds(self.config().buckets_per_doubling);
        if !self.begin(name, Some("seconds"), InstrumentKind::Histogram, help)? {
            return Ok(());
        }
        for (key, cell) in cells.iter() {
            put(key, &mut self.labels);
            let nanoseconds = of(cell);
            let sum = Number::Value(nanoseconds.sum() / 1e9);
            self.distribution(&bounds, nanoseconds, sum)?;
        }
        Ok(())
    }
}

/// The labels of a key; without one those of what overflows.
pub(super) fn put<K: Named>(key: Option<&K>, labels: &mut Labels) {
    labels.clear();
    if let Some(key) = key {
        key.put(labels);
        return;
    }
    for name in K::LABELS {
        labels.push(name, OTHER);
    }
    labels.push(OVERFLOW, "true");
}
