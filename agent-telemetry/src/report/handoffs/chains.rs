//! Work that went through several hands.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use agent_primitives::Party;

use super::ChainLine;
use super::named::Named;
use super::session::OneSession;
use super::told::{Line, Told};
use crate::Outcome;

/// Chains that are told apart, and those that are shown.
const KNOWN: usize = 1_024;
const SHOWN: usize = 16;
/// Parties of a chain.
const PARTIES: usize = 8;

#[derive(Debug, Clone, Default)]
pub(super) struct Chains {
    /// By the paths that they take.
    known: BTreeMap<Vec<usize>, Chain>,
    left_out: u64,
}

#[derive(Debug, Clone, Default)]
struct Chain {
    times: u64,
    success: u64,
    named: Named,
}

impl Chains {
    /// The paths that work took which began its way with this handoff: each begins where the one before ends.
    pub(super) fn add(&mut self, line: Line, order: u64, session: &OneSession, told: &Told) {
        let ends = |number: usize| told.ends(session.handoffs.get(number)?.path);
        let goes_on = |number: usize| {
            let before = number.checked_sub(1).and_then(ends);
            before.zip(ends(number)).is_some_and(|(a, b)| a.1 == b.0)
        };
        let numbers = line.number + 1..session.handoffs.len();
        let length = 1 + numbers.take_while(|number| goes_on(*number)).count();
        if length < 2 || goes_on(line.number) {
            return;
        }
        let given = session.handoffs.iter().skip(line.number);
        let chain = given.take(length.min(PARTIES - 1)).map(|it| it.path);
        let is_success = session.outcome() == Some(Outcome::Success);
        let mut one = Chain {
            times: 1,
            success: u64::from(is_success),
            named: Named::default(),
        };
        one.named.add(order, line.session);
        self.count(&chain.collect(), &one);
    }

    fn count(&mut self, paths: &Vec<usize>, more: &Chain) {
        if let Some(chain) = self.known.get_mut(paths) {
            chain.times += more.times;
            chain.success += more.success;
            chain.named.absorb(&more.named);
        } else if self.known.len() < KNOWN {
            self.known.insert(paths.clone(), more.clone());
        } else {
            self.left_out += more.times;
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        let mut chains: Vec<(&Vec<usize>, &Chain)> = other.known.iter().collect();
        // Those that are told apart do not depend on the numbers of paths.
        if self.known.len() + chains.len() > KNOWN {
            chains.sort_by_key(|(_, chain)| chain.named.order());
        }
        for (paths, chain) in chains {
            self.count(paths, chain);
        }
        self.left_out += other.left_out;
    }

    /// The most frequent, and how many chains are not among them.
    pub(super) fn finish(self, told: &Told) -> (Vec<ChainLine>, u64) {
        let mut chains: Vec<(Vec<usize>, Chain)> = self.known.into_iter().collect();
        chains.sort_by_key(|(_, chain)| (Reverse(chain.times), chain.named.order()));
        let beyond: u64 = chains.iter().skip(SHOWN).map(|(_, it)| it.times).sum();
        let lines = chains.into_iter().take(SHOWN).map(|(paths, chain)| {
            let mut ends = paths
                .into_iter()
                .filter_map(|path| told.ends(path).cloned());
            let first = ends.next();
            let mut parties: Vec<Party> = first.into_iter().flat_map(<[Party; 2]>::from).collect();
            parties.extend(ends.map(|(_, to)| to));
            ChainLine {
                parties,
                times: chain.times,
                success: chain.success,
                evidence: chain.named.evidence(told),
            }
        });
        (lines.collect(), beyond + self.left_out)
    }
}
