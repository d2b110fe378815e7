//! Each kind of sum as a row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use agent_primitives::{AgentId, FailureKind, ModelId, ProviderId, TokenUsage, ToolName, Usd};

use super::super::decode::{Decoder, nonsense};
use super::super::error::Fault;
use super::{NOBODY, Named, Rolled, Row};
use crate::rollup::Merge;
use crate::{
    AgentCell, AgentKey, ExponentialHistogram, MetricCell, MetricKey, ModelCell, ModelKey,
    ProjectId, Rollups, ToolCell, ToolKey, Unit,
};

impl Rolled for AgentCell {
    type Key = AgentKey;
    type Numbers = [i64; 3];
    const TABLE: &'static str = "rollup_agents";
    const KEY: &'static [&'static str] = &["project", "agent", "task_type"];
    const COUNTS: &'static [&'static str] = Self::COUNTS;
    const OTHERS: &'static [&'static str] = SPENDING;

    fn of(sums: &Rollups) -> &BTreeMap<AgentKey, Self> {
        &sums.agents
    }

    fn write_key(key: &AgentKey, row: &mut Row<'_>) -> rusqlite::Result<()> {
        row.maybe_name(key.project.as_ref().map(ProjectId::as_str))?;
        row.maybe_name(key.agent.as_ref().map(AgentId::as_str))?;
        row.maybe_name(key.task_type.as_deref())
    }

    fn numbers(row: &mut Decoder<'_>) -> Result<[i64; 3], Fault> {
        Ok([row.cell()?, row.cell()?, row.cell()?])
    }

    fn key(&[project, agent, task]: &[i64; 3], names: &mut Named<'_>) -> Result<AgentKey, Fault> {
        Ok(AgentKey {
            project: names.maybe_id(project, ProjectId::new)?,
            agent: names.maybe_id(agent, AgentId::new)?,
            task_type: (task != NOBODY).then(|| names.text(task)).transpose()?,
        })
    }

    fn write(&self, row: &mut Row<'_>) -> Result<(), Fault> {
        for count in self.counts() {
            row.count(count);
        }
        write_spending(row, self.usage, self.cost);
        Ok(())
    }

    fn absorb_row(&mut self, row: &mut Decoder<'_>) -> Result<(), Fault> {
        for count in self.counts_mut() {
            count.absorb(&row.number()?);
        }
        absorb_spending(row, &mut self.usage, &mut self.cost)
    }
}

impl Rolled for ModelCell {
    type Key = ModelKey;
    type Numbers = [i64; 3];
    const TABLE: &'static str = "rollup_models";
    const KEY: &'static [&'static str] = &["project", "provider", "model"];
    const COUNTS: &'static [&'static str] = Self::COUNTS;
    const OTHERS: &'static [&'static str] = &[
        "input",
        "cache_read",
        "cache_write_5m",
        "cache_write_1h",
        "output",
        "reasoning",
        "cost_picos",
        "cost_wide",
        "failures",
        "latency_ns",
        "first_token_ns",
    ];

    fn of(sums: &Rollups) -> &BTreeMap<ModelKey, Self> {
        &sums.models
    }

    fn write_key(key: &ModelKey, row: &mut Row<'_>) -> rusqlite::Result<()> {
        row.maybe_name(key.project.as_ref().map(ProjectId::as_str))?;
        row.name(key.provider.as_str())?;
        row.name(key.model.as_str())
    }

    fn numbers(row: &mut Decoder<'_>) -> Result<[i64; 3], Fault> {
        Ok([row.cell()?, row.cell()?, row.cell()?])
    }

    fn key(
        &[project, provider, model]: &[i64; 3],
        names: &mut Named<'_>,
    ) -> Result<ModelKey, Fault> {
        Ok(ModelKey {
            project: names.maybe_id(project, ProjectId::new)?,
            provider: names.id(provider, ProviderId::new)?,
            model: names.id(model, ModelId::new)?,
        })
    }

    fn write(&self, row: &mut Row<'_>) -> Result<(), Fault> {
        for count in self.counts() {
            row.count(count);
        }
        write_spending(row, self.usage, self.cost);
        let failures = (!self.failures.is_empty()).then(|| serde_json::to_string(&self.failures));
        row.push(failures.transpose().map_err(nonsense)?);
        row.push(self.latency_ns.to_bytes());
        row.push(self.first_token_ns.to_bytes());
        Ok(())
    }

    fn absorb_row(&mut self, row: &mut Decoder<'_>) -> Result<(), Fault> {
        for count in self.counts_mut() {
            count.absorb(&row.number()?);
        }
        absorb_spending(row, &mut self.usage, &mut self.cost)?;
        if let Some(failures) = row.cell::<Option<String>>()? {
            self.failures.absorb(&read_failures(&failures)?);
        }
        absorb_times(row, &mut self.latency_ns)?;
        absorb_times(row, &mut self.first_token_ns)
    }
}

impl Rolled for ToolCell {
    type Key = ToolKey;
    type Numbers = [i64; 2];
    const TABLE: &'static str = "rollup_tools";
    const KEY: &'static [&'static str] = &["project", "tool"];
    const COUNTS: &'static [&'static str] = Self::COUNTS;
    const OTHERS: &'static [&'static str] = &["latency_ns"];

    fn of(sums: &Rollups) -> &BTreeMap<ToolKey, Self> {
        &sums.tools
    }

    fn write_key(key: &ToolKey, row: &mut Row<'_>) -> rusqlite::Result<()> {
        row.maybe_name(key.project.as_ref().map(ProjectId::as_str))?;
        row.name(key.tool.as_str())
    }

    fn numbers(row: &mut Decoder<'_>) -> Result<[i64; 2], Fault> {
        Ok([row.cell()?, row.cell()?])
    }

    fn key(&[project, tool]: &[i64; 2], names: &mut Named<'_>) -> Result<ToolKey, Fault> {
        Ok(ToolKey {
            project: names.maybe_id(project, ProjectId::new)?,
            tool: names.id(tool, ToolName::new)?,
        })
    }

    fn write(&self, row: &mut Row<'_>) -> Result<(), Fault> {
        for count in self.counts() {
            row.count(count);
        }
        row.push(self.latency_ns.to_bytes());
        Ok(())
    }

    fn absorb_row(&mut self, row: &mut Decoder<'_>) -> Result<(), Fault> {
        for count in self.counts_mut() {
            count.absorb(&row.number()?);
        }
        absorb_times(row, &mut self.latency_ns)
    }
}

impl Rolled for MetricCell {
    type Key = MetricKey;
    type Numbers = ([i64; 3], Unit);
    const TABLE: &'static str = "rollup_metrics";
    const KEY: &'static [&'static str] = &["project", "agent", "metric", "unit"];
    const COUNTS: &'static [&'static str] = &["count"];
    const OTHERS: &'static [&'static str] = &["sum", "min", "max"];

    fn of(sums: &Rollups) -> &BTreeMap<MetricKey, Self> {
        &sums.metrics
    }

    fn write_key(key: &MetricKey, row: &mut Row<'_>) -> rusqlite::Result<()> {
        row.maybe_name(key.project.as_ref().map(ProjectId::as_str))?;
        row.maybe_name(key.agent.as_ref().map(AgentId::as_str))?;
        row.name(&key.metric)?;
        row.push(key.unit.as_str().to_owned());
        Ok(())
    }

    fn numbers(row: &mut Decoder<'_>) -> Result<([i64; 3], Unit), Fault> {
        let numbers = [row.cell()?, row.cell()?, row.cell()?];
        Ok((numbers, row.word(Unit::from_word)?))
    }

    fn key(
        &([project, agent, metric], unit): &([i64; 3], Unit),
        names: &mut Named<'_>,
    ) -> Result<MetricKey, Fault> {
        Ok(MetricKey {
            project: names.maybe_id(project, ProjectId::new)?,
            agent: names.maybe_id(agent, AgentId::new)?,
            metric: names.text(metric)?,
            unit,
        })
    }

    fn write(&self, row: &mut Row<'_>) -> Result<(), Fault> {
        row.count(self.count);
        let (min, max) = self.range.unwrap_or_default();
        for value in [self.sum, min, max] {
            row.push(value);
        }
        Ok(())
    }

    fn absorb_row(&mut self, row: &mut Decoder<'_>) -> Result<(), Fault> {
        let (count, sum) = (row.number()?, row.cell()?);
        let range = (row.cell()?, row.cell()?);
        self.absorb(&Self {
            count,
            sum,
            range: (count > 0).then_some(range),
        });
        Ok(())
    }
}

const SPENDING: &[&str] = &[
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "cost_picos",
    "cost_wide",
];

fn write_spending(row: &mut Row<'_>, usage: TokenUsage, cost: Usd) {
    for tokens in [
        usage.input(),
        usage.cache_read(),
        usage.cache_write_5m(),
        usage.cache_write_1h(),
        usage.output(),
        usage.reasoning(),
    ] {
        row.count(tokens);
    }
    let narrow = i64::try_from(cost.picos()).ok();
    row.push(narrow);
    row.push(narrow.is_none().then(|| cost.picos().to_string()));
}

fn absorb_spending(
    row: &mut Decoder<'_>,
    usage: &mut TokenUsage,
    cost: &mut Usd,
) -> Result<(), Fault> {
    let (input, cache_read) = (row.number()?, row.number()?);
    let (five_minutes, hour, output) = (row.number()?, row.number()?, row.number()?);
    *usage += TokenUsage::new(input, output)
        .with_cache_read(cache_read)
        .with_cache_write_5m(five_minutes)
        .with_cache_write_1h(hour)
        .with_reasoning(row.number()?)
        .map_err(nonsense)?;
    let (narrow, wide) = (row.cell::<Option<i64>>()?, row.cell::<Option<String>>()?);
    let picos = match wide {
        Some(picos) => picos.parse().map_err(nonsense)?,
        None => narrow.map_or(0, i128::from),
    };
    *cost += Usd::from_picos(picos);
    Ok(())
}

/// As in the rows, a kind that this version does not know is unknown; two of those add up.
fn read_failures(json: &str) -> Result<BTreeMap<FailureKind, u64>, Fault> {
    let by_word: BTreeMap<Cow<'_, str>, u64> = serde_json::from_str(json).map_err(nonsense)?;
    let mut failures = BTreeMap::new();
    for (word, count) in by_word {
        let kind = FailureKind::from_word(&word).unwrap_or(FailureKind::Unknown);
        let sum: &mut u64 = failures.entry(kind).or_default();
        *sum = sum.saturating_add(count);
    }
    Ok(failures)
}

fn absorb_times(row: &mut Decoder<'_>, times: &mut ExponentialHistogram) -> Result<(), Fault> {
    times.merge_bytes(row.blob()?).map_err(nonsense)
}
