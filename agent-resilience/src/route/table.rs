//! A decision for a person to read.

use std::fmt::{self, Write as _};

use super::decision::{Considered, Decision};

/// A [`Decision`] as a table with a line for each candidate; made by [`Decision::table`].
///
/// ```
/// use agent_resilience::{Candidate, Needs, Profile, RouteConfig, SpendAdvice, decide};
///
/// let profile = Profile::default();
/// let decision = decide(
///     [Candidate::new(&profile)], &Needs::default(), &RouteConfig::default(), SpendAdvice::Any, 0,
/// );
/// assert_eq!(decision.table(&["claude"]).to_string(), "claude  chosen    0.000\n");
/// assert_eq!(decision.to_string(), "#0  chosen    0.000\n");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DecisionTable<'a, N> {
    decision: &'a Decision,
    names: &'a [N],
}

impl<'a, N> DecisionTable<'a, N> {
    pub(super) const fn new(decision: &'a Decision, names: &'a [N]) -> Self {
        Self { decision, names }
    }
}

impl<N: fmt::Display> DecisionTable<'_, N> {
    /// Writes the name at `place`, and says how many characters it has.
    fn name(&self, place: usize, out: &mut dyn fmt::Write) -> Result<usize, fmt::Error> {
        let mut counting = Counting { out, written: 0 };
        match self.names.get(place) {
            Some(name) => write!(counting, "{name}")?,
            None => write!(counting, "#{place}")?,
        }
        Ok(counting.written)
    }
}

impl<N: fmt::Display> fmt::Display for DecisionTable<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let considered = self.decision.considered();
        let mut width = 0;
        for place in 0..considered.len() {
            width = width.max(self.name(place, &mut Nowhere)?);
        }
        let best = considered.iter().find_map(|considered| match considered {
            Considered::Chosen(score) => Some(*score),
            _ => None,
        });
        for (place, considered) in considered.iter().enumerate() {
            let written = self.name(place, f)?;
            write!(f, "{:1$}", "", width.saturating_sub(written))?;
            match considered {
                Considered::Chosen(score) => writeln!(f, "  chosen   {score:>6}")?,
                Considered::Lost(score) => {
                    write!(f, "  lost     {score:>6}")?;
                    match best {
                        Some(best) => writeln!(f, "  {} behind", score.behind(best))?,
                        None => writeln!(f)?,
                    }
                }
                Considered::Skipped(skip) => writeln!(f, "  skipped  {skip}")?,
            }
        }
        match (self.decision.left_out(), self.decision.chosen()) {
            (0, _) => Ok(()),
            (more, Some(chosen)) if chosen >= considered.len() => {
                writeln!(f, "and {more} more, of which #{chosen} is chosen")
            }
            (more, _) => writeln!(f, "and {more} more"),
        }
    }
}

/// Counts the characters that pass through it.
struct Counting<'a> {
    out: &'a mut dyn fmt::Write,
    written: usize,
}

impl fmt::Write for Counting<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.written += text.chars().count();
        self.out.write_str(text)
    }
}

struct Nowhere;

impl fmt::Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}
