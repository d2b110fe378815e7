//! Each kind of sum as a row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use agent_primitives::{AgentId, FailureKind, ModelId, TokenUsage, ToolName, Usd};

use super::super::cell::Cell;
use super::super::decode::{Decoder, nonsense};
use super::super::error::Fault;
use super::{NOBODY, Rolled, or_nobody};
use crate::{
    AgentCell, AgentKey, ExponentialHistogram, MetricCell, MetricKey, ModelCell, ModelKey,
    ProjectId, Rollups, ToolCell, ToolKey, Unit,
};

impl Rolled for AgentCell {
    type Key = AgentKey;
    const TABLE: &'static str = "rollup_agents";
    const KEY: &'static [&'static str] = &["project", "agent", "task_type"];
    const COUNTS: &'static [&'static str] = Self::COUNTS;
    const OTHERS: &'static [&'static str] = SPENDING;

    fn of(sums: &Rollups) -> &BTreeMap<AgentKey, Self> {
        &sums.agents
    }

    fn of_mut(sums: &mut Rollups) -> &mut BTreeMap<AgentKey, Self> {
        &mut sums.agents
    }

    fn key_cells(key: &AgentKey) -> Vec<Cell<'_>> {
        vec![
            or_nobody(key.project.as_ref().map(ProjectId::as_str)),
            or_nobody(key.agent.as_ref().map(AgentId::as_str)),
            or_nobody(key.task_type.as_deref()),
        ]
    }

    fn read_key(row: &mut Decoder<'_>) -> Result<AgentKey, Fault> {
        Ok(AgentKey {
            project: project(row)?,
            agent: agent(row)?,
            task_type: name(row)?.map(|name| Cow::Owned(name.to_string())),
        })
    }

    fn write(&self, row: &mut Vec<Cell<'static>>) -> Result<(), Fault> {
        row.extend(self.counts().map(Cell::from));
        write_spending(row, self.usage, self.cost);
        Ok(())
    }

    fn read(row: &mut Decoder<'_>) -> Result<Self, Fault> {
        let mut cell = Self::default();
        for count in cell.counts_mut() {
            *count = row.number()?;
        }
        (cell.usage, cell.cost) = read_spending(row)?;
        Ok(cell)
    }
}

impl Rolled for ModelCell {
    type Key = ModelKey;
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

    fn of_mut(sums: &mut Rollups) -> &mut BTreeMap<ModelKey, Self> {
        &mut sums.models
    }

    fn key_cells(key: &ModelKey) -> Vec<Cell<'_>> {
        vec![
            or_nobody(key.project.as_ref().map(ProjectId::as_str)),
            Cell::name(key.provider.as_str()),
            Cell::name(key.model.as_str()),
        ]
    }

    fn read_key(row: &mut Decoder<'_>) -> Result<ModelKey, Fault> {
        Ok(ModelKey {
            project: project(row)?,
            provider: row.provider()?,
            model: row.id(ModelId::new)?,
        })
    }

    fn write(&self, row: &mut Vec<Cell<'static>>) -> Result<(), Fault> {
        row.extend(self.counts().map(Cell::from));
        write_spending(row, self.usage, self.cost);
        let failures = (!self.failures.is_empty()).then(|| serde_json::to_string(&self.failures));
        let failures = failures.transpose().map_err(nonsense)?;
        row.push(failures.map_or(Cell::Null, |json| Cell::Text(Cow::Owned(json))));
        row.push(Cell::Bytes(self.latency_ns.to_bytes()));
        row.push(Cell::Bytes(self.first_token_ns.to_bytes()));
        Ok(())
    }

    fn read(row: &mut Decoder<'_>) -> Result<Self, Fault> {
        let mut cell = Self::default();
        for count in cell.counts_mut() {
            *count = row.number()?;
        }
        (cell.usage, cell.cost) = read_spending(row)?;
        cell.failures = match row.maybe_string()? {
            Some(failures) => read_failures(&failures)?,
            None => BTreeMap::new(),
        };
        cell.latency_ns = histogram(row)?;
        cell.first_token_ns = histogram(row)?;
        Ok(cell)
    }
}

impl Rolled for ToolCell {
    type Key = ToolKey;
    const TABLE: &'static str = "rollup_tools";
    const KEY: &'static [&'static str] = &["project", "tool"];
    const COUNTS: &'static [&'static str] = Self::COUNTS;
    const OTHERS: &'static [&'static str] = &["latency_ns"];

    fn of(sums: &Rollups) -> &BTreeMap<ToolKey, Self> {
        &sums.tools
    }

    fn of_mut(sums: &mut Rollups) -> &mut BTreeMap<ToolKey, Self> {
        &mut sums.tools
    }

    fn key_cells(key: &ToolKey) -> Vec<Cell<'_>> {
        vec![
            or_nobody(key.project.as_ref().map(ProjectId::as_str)),
            Cell::name(key.tool.as_str()),
        ]
    }

    fn read_key(row: &mut Decoder<'_>) -> Result<ToolKey, Fault> {
        Ok(ToolKey {
            project: project(row)?,
            tool: row.id(ToolName::new)?,
        })
    }

    fn write(&self, row: &mut Vec<Cell<'static>>) -> Result<(), Fault> {
        row.extend(self.counts().map(Cell::from));
        row.push(Cell::Bytes(self.latency_ns.to_bytes()));
        Ok(())
    }

    fn read(row: &mut Decoder<'_>) -> Result<Self, Fault> {
        let mut cell = Self::default();
        for count in cell.counts_mut() {
            *count = row.number()?;
        }
        cell.latency_ns = histogram(row)?;
        Ok(cell)
    }
}

impl Rolled for MetricCell {
    type Key = MetricKey;
    const TABLE: &'static str = "rollup_metrics";
    const KEY: &'static [&'static str] = &["project", "agent", "metric", "unit"];
    const COUNTS: &'static [&'static str] = &["count"];
    const OTHERS: &'static [&'static str] = &["sum", "min", "max"];

    fn of(sums: &Rollups) -> &BTreeMap<MetricKey, Self> {
        &sums.metrics
    }

    fn of_mut(sums: &mut Rollups) -> &mut BTreeMap<MetricKey, Self> {
        &mut sums.metrics
    }

    fn key_cells(key: &MetricKey) -> Vec<Cell<'_>> {
        vec![
            or_nobody(key.project.as_ref().map(ProjectId::as_str)),
            or_nobody(key.agent.as_ref().map(AgentId::as_str)),
            Cell::name(&key.metric),
            Cell::text(key.unit.as_str()),
        ]
    }

    fn read_key(row: &mut Decoder<'_>) -> Result<MetricKey, Fault> {
        Ok(MetricKey {
            project: project(row)?,
            agent: agent(row)?,
            metric: Cow::Owned(row.name()?.to_string()),
            unit: row.word(Unit::from_word)?,
        })
    }

    fn write(&self, row: &mut Vec<Cell<'static>>) -> Result<(), Fault> {
        let (min, max) = self.range.unwrap_or_default();
        row.extend([self.count.into(), self.sum.into(), min.into(), max.into()]);
        Ok(())
    }

    fn read(row: &mut Decoder<'_>) -> Result<Self, Fault> {
        let mut cell = Self::default();
        cell.count = row.number()?;
        cell.sum = row.cell()?;
        let range = (row.cell()?, row.cell()?);
        cell.range = (cell.count > 0).then_some(range);
        Ok(cell)
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

fn write_spending(row: &mut Vec<Cell<'static>>, usage: TokenUsage, cost: Usd) {
    let narrow = i64::try_from(cost.picos()).ok();
    let wide = narrow.is_none().then(|| cost.picos().to_string());
    row.extend([
        usage.input().into(),
        usage.cache_read().into(),
        usage.cache_write_5m().into(),
        usage.cache_write_1h().into(),
        usage.output().into(),
        usage.reasoning().into(),
        Cell::maybe(narrow),
        wide.map_or(Cell::Null, |picos| Cell::Text(Cow::Owned(picos))),
    ]);
}

fn read_spending(row: &mut Decoder<'_>) -> Result<(TokenUsage, Usd), Fault> {
    let (input, cache_read) = (row.number()?, row.number()?);
    let (five_minutes, hour, output) = (row.number()?, row.number()?, row.number()?);
    let usage = TokenUsage::new(input, output)
        .with_cache_read(cache_read)
        .with_cache_write_5m(five_minutes)
        .with_cache_write_1h(hour)
        .with_reasoning(row.number()?)
        .map_err(nonsense)?;
    let (narrow, wide) = (row.cell::<Option<i64>>()?, row.maybe_string()?);
    let picos = match wide {
        Some(picos) => picos.parse().map_err(nonsense)?,
        None => narrow.map_or(0, i128::from),
    };
    Ok((usage, Usd::from_picos(picos)))
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

fn histogram(row: &mut Decoder<'_>) -> Result<ExponentialHistogram, Fault> {
    let bytes: &[u8] = row.cell()?;
    ExponentialHistogram::from_bytes(bytes).map_err(nonsense)
}

fn name(row: &mut Decoder<'_>) -> Result<Option<std::sync::Arc<str>>, Fault> {
    match row.cell()? {
        NOBODY => Ok(None),
        number => row.text(number).map(Some),
    }
}

fn project(row: &mut Decoder<'_>) -> Result<Option<ProjectId>, Fault> {
    let name = name(row)?;
    name.map(ProjectId::new).transpose().map_err(nonsense)
}

fn agent(row: &mut Decoder<'_>) -> Result<Option<AgentId>, Fault> {
    let name = name(row)?;
    name.map(AgentId::new).transpose().map_err(nonsense)
}
