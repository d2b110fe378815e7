//! One run over many groups, from set-up to table and summary.

use std::path::Path;

use super::case::{Broken, Group};
use super::clockwork::time;
use super::counts::Counted;
use super::effort::Effort;
use super::load::load;
use super::row::{Row, rows};
use super::summary::{Skipped, Summary};
use super::table::table;
use super::weight::Scale;

/// A load from which on figures are not to be trusted. The compiler that built this program is the
/// reason for part of it.
const BUSY: f64 = 1.5;

/// A group that is not set up yet: the sessions of some take seconds to write.
pub struct Plan {
    /// The name that `--filter` looks at; the group's own.
    pub name: &'static str,
    setup: Box<dyn FnOnce(&'static str) -> Result<Group, Broken>>,
}

impl Plan {
    /// A group called `name` that `setup` makes when its turn comes.
    pub fn new(
        name: &'static str,
        setup: impl FnOnce(&'static str) -> Result<Group, Broken> + 'static,
    ) -> Self {
        Self {
            name,
            setup: Box::new(setup),
        }
    }

    /// Sets the group up.
    ///
    /// # Errors
    /// When a case cannot be made.
    pub fn group(self) -> Result<Group, Broken> {
        (self.setup)(self.name)
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a run found out. `Display` is the table.
///
/// ```
/// use agent_benches::harness::{Case, Effort, Group, Kind, Plan, Report};
///
/// let plan = Plan::new("sum", |name| {
///     let add = |calls| { std::hint::black_box((0..calls).sum::<u32>()); };
///     Ok(Group::new(name, vec![Case::looped(Kind::Ours, "add", "1.0.0", add)]))
/// });
/// let mut report = Report::new(Effort::Test, &std::env::temp_dir());
/// report.add(plan.group()?, &[])?;
/// assert!(report.to_string().contains("add"));
/// // Only a test: there is no time to show.
/// assert!(!report.to_string().contains(" ns"));
/// # Ok::<(), agent_benches::harness::Broken>(())
/// ```
#[derive(Debug)]
pub struct Report {
    effort: Effort,
    load_before: Option<f64>,
    scale: Scale,
    rows: Vec<Row>,
    skipped: Vec<Skipped>,
}

impl Report {
    /// An empty report. What the cases write is weighed on the device that holds `scratch`.
    pub fn new(effort: Effort, scratch: &Path) -> Self {
        Self {
            effort,
            load_before: load(),
            scale: Scale::of(scratch),
            rows: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Measures `group` and adds its rows, with allocations from `counted`.
    ///
    /// # Errors
    /// When a case cannot be run.
    pub fn add(&mut self, mut group: Group, counted: &[Counted]) -> Result<(), Broken> {
        let spreads = time(&mut group, self.effort)?;
        let mut weights = Vec::new();
        for case in &mut group.cases {
            weights.push(match self.effort {
                Effort::Full => self.scale.weigh(case)?,
                Effort::Test => None,
            });
        }
        self.rows.extend(rows(&group, &spreads, &weights, counted));
        Ok(())
    }

    /// Notes what was left out.
    pub fn skip(&mut self, skipped: Skipped) {
        self.skipped.push(skipped);
    }

    /// Writes the rows as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Broken> {
        Summary::new(self.effort, self.load_before, &self.rows, &self.skipped).save(path)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&table(&self.rows))?;
        for skipped in &self.skipped {
            writeln!(f, "{skipped}")?;
        }
        match self.load_before {
            Some(load) if load >= BUSY && self.effort == Effort::Full => writeln!(
                f,
                "the machine was busy when this began (load {load}): what waits for the disk is too \
                 slow, and what threads share too fast, for all alike; run it again"
            )?,
            _ => (),
        }
        Ok(())
    }
}
