//! Work that went through several hands.

use std::cmp::Reverse;
use std::collections::HashMap;

use agent_primitives::{Party, SessionId};

use super::ChainLine;
use crate::Evidence;

/// Chains that are told apart, and those that are shown.
const KNOWN: usize = 1_024;
const SHOWN: usize = 16;
/// Parties of a chain.
const PARTIES: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Chains {
    /// By the paths that they take.
    known: HashMap<Vec<usize>, Chain>,
    left_out: u64,
}

#[derive(Debug, Default)]
struct Chain {
    times: u64,
    success: u64,
    evidence: Evidence,
}

impl Chains {
    /// The paths that the work of one session took, of which each begins where the one before ends or
    /// begins a new chain.
    pub(super) fn add(
        &mut self,
        session: &SessionId,
        paths: &[usize],
        of: impl Fn(usize) -> Option<(Party, Party)>,
        is_success: bool,
    ) {
        let mut chain: Vec<usize> = Vec::new();
        let mut holder = None;
        for path in paths {
            let Some((from, to)) = of(*path) else {
                continue;
            };
            if holder.as_ref() != Some(&from) {
                self.count(session, std::mem::take(&mut chain), is_success);
            }
            chain.push(*path);
            holder = Some(to);
        }
        self.count(session, chain, is_success);
    }

    fn count(&mut self, session: &SessionId, mut chain: Vec<usize>, is_success: bool) {
        if chain.len() < 2 {
            return;
        }
        chain.truncate(PARTIES - 1);
        if self.known.len() >= KNOWN && !self.known.contains_key(&chain) {
            self.left_out += 1;
            return;
        }
        let chain = self.known.entry(chain).or_default();
        chain.times += 1;
        chain.success += u64::from(is_success);
        chain.evidence.add(session);
    }

    /// The most frequent, and how many chains are not among them.
    pub(super) fn finish(
        self,
        of: impl Fn(usize) -> Option<(Party, Party)>,
    ) -> (Vec<ChainLine>, u64) {
        let mut chains: Vec<(Vec<usize>, Chain)> = self.known.into_iter().collect();
        chains.sort_by(|(a, x), (b, y)| (Reverse(x.times), a).cmp(&(Reverse(y.times), b)));
        let beyond: u64 = chains.iter().skip(SHOWN).map(|(_, it)| it.times).sum();
        let lines = chains.into_iter().take(SHOWN).map(|(paths, chain)| {
            let mut ends = paths.into_iter().filter_map(&of);
            let first = ends.next();
            let mut parties: Vec<Party> = first.into_iter().flat_map(<[Party; 2]>::from).collect();
            parties.extend(ends.map(|(_, to)| to));
            ChainLine {
                parties,
                times: chain.times,
                success: chain.success,
                evidence: chain.evidence,
            }
        });
        (lines.collect(), beyond + self.left_out)
    }
}
