//! Calls that channels told, each once.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use agent_primitives::{SessionId, Timestamp};

use super::super::folding::Folding;
use super::super::seen::{Channel, Who};
use super::key::{Ids, differ};

/// Of one session, for those without a common key.
const RECENT: usize = 64;
/// Keys of one call.
pub(super) const KEYS: usize = 16;
/// How far apart what tells of one answer without an id of its request may be: answers stand on several lines, and
/// some gateways give all answers the same id.
const ONE_ANSWER: Duration = Duration::from_secs(600);

/// What two channels may tell of.
pub(super) trait Thing: Sized {
    /// Whether both may be the same thing, where a key says that they are.
    fn fits(&self, other: &Self) -> bool;

    /// How far apart they may end to be the same thing, where no key says it; `None` if they are not alike.
    fn alike(&self, other: &Self, window: Duration) -> Option<Duration>;

    /// Takes over what `other` knows better.
    fn merge(&mut self, other: Self);
}

/// A set of channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Channels(pub(super) u8);

impl Channels {
    pub(super) const fn of(channel: Channel) -> Self {
        Self(1 << channel as u8)
    }

    pub(super) const fn has(self, channel: Channel) -> bool {
        self.0 & Self::of(channel).0 != 0
    }

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One thing, and who told of it.
#[derive(Debug, Clone)]
pub(super) struct Told<T> {
    pub(super) who: Who,
    pub(super) at: Timestamp,
    pub(super) channels: Channels,
    pub(super) ids: Ids,
    /// Of all items that told of it.
    pub(super) keys: Vec<u128>,
    pub(super) recorded: bool,
    pub(super) what: T,
}

impl<T> Told<T> {
    pub(super) fn new(who: Who, at: Timestamp, channel: Channel, ids: Ids, what: T) -> Self {
        Self {
            who,
            at,
            channels: Channels::of(channel),
            keys: ids.keys(channel).collect(),
            ids,
            recorded: false,
            what,
        }
    }

    fn is_known_as(&mut self, key: u128) -> bool {
        let new = !self.keys.contains(&key) && self.keys.len() < KEYS;
        if new {
            self.keys.push(key);
        }
        new
    }
}

/// What became of an item.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// The first that tells of a thing, which is known by this number now.
    New(u64),
    /// Of a thing that is not recorded yet: they were joined.
    Joined { repeated: bool },
    /// Of a thing that is recorded. What it says stays to be compared.
    Known {
        id: u64,
        repeated: bool,
        learned: bool,
        item: T,
    },
}

/// Things by their keys. The oldest are forgotten when there are too many keys.
#[derive(Debug)]
pub(super) struct Once<T> {
    things: HashMap<u64, Told<T>, Folding>,
    keys: HashMap<u128, u64, Folding>,
    order: VecDeque<u64>,
    recent: HashMap<SessionId, Vec<(Timestamp, u64)>>,
    next: u64,
    limit: usize,
    window: Duration,
    /// Things that were forgotten.
    pub(super) forgotten: u64,
}

impl<T: Thing> Once<T> {
    pub(super) fn new(limit: usize, window: Duration) -> Self {
        Self {
            things: HashMap::default(),
            keys: HashMap::default(),
            order: VecDeque::new(),
            recent: HashMap::new(),
            next: 0,
            limit,
            window,
            forgotten: 0,
        }
    }

    pub(super) fn get(&self, id: u64) -> Option<&Told<T>> {
        self.things.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Told<T>> {
        self.things.get_mut(&id)
    }

    /// What an item showed to be one with something that is recorded is given to `both`.
    pub(super) fn see(
        &mut self,
        item: Told<T>,
        channel: Channel,
        both: &mut Vec<Told<T>>,
    ) -> Found<T> {
        let mut found = self.by_key(&item, channel);
        if found.is_empty() {
            found.extend(self.by_likeness(&item, channel));
        }
        // What is recorded stays, and of those what came first.
        found.sort_unstable_by_key(|id| {
            let recorded = self.things.get(id).is_some_and(|it| it.recorded);
            (!recorded, *id)
        });
        found.dedup();
        let mut found = found.into_iter();
        let Some(id) = found.next() else {
            return Found::New(self.insert(item));
        };
        for other in found {
            if let Some(other) = self.remove(other) {
                self.absorb(id, other, both);
            }
        }
        self.join(id, item, channel)
    }

    fn join(&mut self, id: u64, item: Told<T>, channel: Channel) -> Found<T> {
        let Some(known) = self.things.get_mut(&id) else {
            return Found::New(self.insert(item));
        };
        let repeated = known.channels.has(channel);
        let mut learned = false;
        known.channels = known.channels.with(item.channels);
        known.ids.learn(&item.ids);
        for key in item.keys {
            if known.is_known_as(key) {
                learned = true;
            }
            self.keys.insert(key, id);
        }
        let found = if known.recorded {
            let item = item.what;
            Found::Known {
                id,
                repeated,
                learned,
                item,
            }
        } else {
            known.at = known.at.max(item.at);
            learn_who(&mut known.who, item.who);
            known.what.merge(item.what);
            Found::Joined { repeated }
        };
        self.bound();
        found
    }

    fn absorb(&mut self, id: u64, other: Told<T>, both: &mut Vec<Told<T>>) {
        let Some(known) = self.things.get_mut(&id) else {
            return;
        };
        known.channels = known.channels.with(other.channels);
        known.ids.learn(&other.ids);
        for key in &other.keys {
            known.is_known_as(*key);
            self.keys.insert(*key, id);
        }
        if known.recorded {
            both.push(other);
        } else {
            known.at = known.at.max(other.at);
            learn_who(&mut known.who, other.who);
            known.what.merge(other.what);
        }
    }

    fn by_key(&self, item: &Told<T>, channel: Channel) -> Vec<u64> {
        let named = |key: Option<u128>| {
            let id = *self.keys.get(&key?)?;
            Some((id, self.things.get(&id)?))
        };
        let mut found = Vec::new();
        let ids = &item.ids;
        found.extend(named(ids.item).map(|(id, _)| id));
        if let Some((id, it)) = named(ids.request)
            && !differ(it.ids.response, ids.response)
        {
            found.push(id);
        }
        if let Some((id, it)) = named(ids.response)
            && is_one_answer(it, item, channel)
        {
            found.push(id);
        }
        if channel == Channel::Span {
            found.extend(named(ids.span).map(|(id, _)| id));
        }
        let other = if channel == Channel::Span {
            ids.within
        } else {
            ids.span
        };
        if let Some((id, it)) = named(other)
            && !it.channels.has(channel)
            && !contradict(&it.ids, ids)
            && it.what.fits(&item.what)
        {
            found.push(id);
        }
        found
    }

    /// The nearest of the same session that is alike and that this channel did not tell yet.
    fn by_likeness(&self, item: &Told<T>, channel: Channel) -> Option<u64> {
        let recent = self.recent.get(item.who.session.as_ref()?)?;
        let near = recent.iter().filter_map(|(_, id)| {
            let it = self.things.get(id)?;
            if it.channels.has(channel) || contradict(&it.ids, &item.ids) {
                return None;
            }
            let apart = apart(it.at, item.at);
            (apart <= it.what.alike(&item.what, self.window)?).then_some((apart, *id))
        });
        near.min().map(|(_, id)| id)
    }

    pub(super) fn insert(&mut self, item: Told<T>) -> u64 {
        let id = self.next;
        self.next += 1;
        for key in &item.keys {
            self.keys.insert(*key, id);
        }
        if let Some(session) = &item.who.session {
            let recent = self.recent.entry(session.clone()).or_default();
            let place = recent.partition_point(|(at, _)| *at <= item.at);
            recent.insert(place, (item.at, id));
            if recent.len() > RECENT {
                recent.remove(0);
            }
        }
        self.things.insert(id, item);
        self.order.push_back(id);
        self.bound();
        id
    }

    /// Things without a key count as one key.
    fn bound(&mut self) {
        while self.keys.len() > self.limit || self.things.len() > self.limit {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if self.remove(oldest).is_some() {
                self.forgotten += 1;
            }
        }
        // Those that became one with another are still in the order.
        if self.order.len() > 2 * self.things.len() + RECENT {
            let things = &self.things;
            self.order.retain(|id| things.contains_key(id));
        }
    }

    fn remove(&mut self, id: u64) -> Option<Told<T>> {
        let thing = self.things.remove(&id)?;
        for key in &thing.keys {
            if self.keys.get(key) == Some(&id) {
                self.keys.remove(key);
            }
        }
        if let Some(session) = &thing.who.session
            && let Some(recent) = self.recent.get_mut(session)
        {
            recent.retain(|(_, it)| *it != id);
            if recent.is_empty() {
                self.recent.remove(session);
            }
        }
        Some(thing)
    }
}

/// Whether what has the same id of an answer is about the same answer. Gateways exist that give all answers one id,
/// so what went in must agree as well; and the session, where no ids of requests tell copies of a transcript. These
/// may differ within a transcript: a side chain that repeats what its parent said gives it a new one.
fn is_one_answer<T: Thing>(one: &Told<T>, other: &Told<T>, channel: Channel) -> bool {
    if let (Some(request), Some(another)) = (one.ids.request, other.ids.request) {
        return request == another || one.channels.has(channel) && one.what.fits(&other.what);
    }
    let session = match (&one.who.session, &other.who.session) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    // Copies of a transcript keep the time.
    let copy = one.at == other.at;
    (session && apart(one.at, other.at) <= ONE_ANSWER || copy) && one.what.fits(&other.what)
}

fn contradict(one: &Ids, other: &Ids) -> bool {
    differ(one.request, other.request) || differ(one.response, other.response)
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.max(other).since(one.min(other))
}

/// A subagent is told by few channels: who says whose it is knows best.
fn learn_who(known: &mut Who, other: Who) {
    let knows_better = known.parent_agent.is_none() && other.parent_agent.is_some();
    if knows_better || known.agent.is_none() {
        known.agent = other.agent;
        known.parent_agent = other.parent_agent;
    }
    known.project = known.project.take().or(other.project);
    known.user = known.user.take().or(other.user);
}
