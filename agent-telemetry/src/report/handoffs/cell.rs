//! What the handoffs of a stretch of time come to. Sums of stretches that do not overlap add up.

use std::collections::BTreeMap;

use super::chains::Chains;
use super::days::{Handed, Hour};
use super::extra::Costs;
use super::lines::{Counted, Sums};
use super::session::{Given, OneSession};
use super::told::{Line, Told};
use crate::Period;

#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) paths: BTreeMap<usize, OnPath>,
    /// On paths that are not told apart.
    pub(super) others: Counted,
    pub(super) sessions: u64,
    pub(super) no_session: u64,
    pub(super) beyond: u64,
    pub(super) chains: Chains,
    /// What sessions without any handoff cost.
    pub(super) without: Costs,
    /// The first handoff here of each session that had one before.
    firsts: Vec<Line>,
}

/// The handoffs on one path.
#[derive(Debug, Clone, Default)]
pub(super) struct OnPath {
    pub(super) counted: Counted,
    pub(super) sums: Sums,
    /// What orders the first of them.
    pub(super) order: Option<u64>,
    /// The first one here of each session that had one on this path before, with what orders them.
    firsts: Vec<(Line, u64)>,
}

/// Whether a handoff is the first one of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    First,
    /// Within this stretch of time.
    FirstHere,
    Later,
}

fn standing(
    session: &OneSession,
    number: usize,
    span: Period,
    is_alike: impl Fn(&Given) -> bool,
) -> Standing {
    let earlier = session.handoffs.iter().take(number);
    let mut standing = Standing::First;
    for given in earlier.filter(|given| is_alike(given)) {
        if span.contains(given.at) {
            return Standing::Later;
        }
        standing = Standing::FirstHere;
    }
    standing
}

impl Cell {
    /// What happened in that part of an hour.
    pub(super) fn of(hour: &Hour, span: Period, told: &Told) -> Self {
        let mut cell = Self::default();
        for handed in hour.handed.iter().filter(|it| span.contains(it.at)) {
            cell.add(handed, span, told);
        }
        for (_, place) in hour.begun.iter().filter(|(at, _)| span.contains(*at)) {
            let session = told.session(*place);
            if let Some(session) = session.filter(|it| !it.has_given) {
                cell.without.add(session);
            }
        }
        cell
    }

    fn add(&mut self, handed: &Handed, span: Period, told: &Told) {
        let Some(path) = handed.path else {
            self.others.add(handed);
            return;
        };
        let on_path = self.paths.entry(path).or_default();
        on_path.counted.add(handed);
        on_path.order.get_or_insert(handed.order);
        self.no_session += u64::from(!handed.has_session);
        let Some(line) = handed.line else {
            self.beyond += u64::from(handed.has_session);
            return;
        };
        let Some((session, given)) = told.line(line) else {
            return;
        };
        on_path.sums.see(given, session, told);
        on_path.sums.see_next(line.number, session, told);
        match standing(session, line.number, span, |it| it.path == path) {
            Standing::First => on_path.sums.see_session(line, handed.order, told),
            Standing::FirstHere => on_path.firsts.push((line, handed.order)),
            Standing::Later => {}
        }
        match standing(session, line.number, span, |_| true) {
            Standing::First => self.sessions += 1,
            Standing::FirstHere => self.firsts.push(line),
            Standing::Later => {}
        }
        self.chains.add(line, handed.order, session, told);
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        for (path, more) in &other.paths {
            let on_path = self.paths.entry(*path).or_default();
            on_path.counted.absorb(&more.counted);
            on_path.sums.absorb(&more.sums);
            on_path.order = on_path.order.into_iter().chain(more.order).min();
            on_path.firsts.extend(&more.firsts);
        }
        self.others.absorb(&other.others);
        self.sessions += other.sessions;
        self.no_session += other.no_session;
        self.beyond += other.beyond;
        self.chains.absorb(&other.chains);
        self.without.absorb(&other.without);
        self.firsts.extend(&other.firsts);
    }

    /// Those that are not the first of their session in a wider stretch of time count there as later ones.
    pub(super) fn keep_first(&mut self, span: Period, told: &Told) {
        let is_first = |line: &Line, path: Option<usize>| {
            told.line(*line).is_some_and(|(session, _)| {
                let is_alike = |it: &Given| path.is_none_or(|path| it.path == path);
                standing(session, line.number, span, is_alike) != Standing::Later
            })
        };
        for (path, it) in &mut self.paths {
            it.firsts.retain(|(line, _)| is_first(line, Some(*path)));
        }
        self.firsts.retain(|line| is_first(line, None));
    }

    /// Those that were not the first of all are the first ones that are asked about.
    pub(super) fn see_first(&mut self, told: &Told) {
        for it in self.paths.values_mut() {
            for (line, order) in it.firsts.drain(..) {
                it.sums.see_session(line, order, told);
            }
        }
        self.sessions += self.firsts.drain(..).len() as u64;
    }
}
