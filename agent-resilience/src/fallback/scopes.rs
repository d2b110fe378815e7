//! Which links share which health: a failure cools as much as it reaches, and nothing beside it.

use agent_primitives::{FailureKind, Monotonic, Scope};
use serde::{Deserialize, Serialize};

use super::config::Return;
use super::health::Health;
use crate::classify::Verdict;
use crate::route::Profile;

/// The health entries of one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places([usize; Places::COUNT]);

/// The generations of a link's entries, as a call began.
pub(super) type Seen = [u64; Places::COUNT];

/// What an entry stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reach {
    Key,
    Account,
    /// A model as far as one account or key may use it: its limits, and whether it is there at all.
    Allowance,
    /// A model whoever asks it.
    Model,
    /// A vendor's service in one region.
    Service,
}

impl Reach {
    pub(super) const ALL: [Self; Places::COUNT] = [
        Self::Key,
        Self::Account,
        Self::Allowance,
        Self::Model,
        Self::Service,
    ];

    const fn of(verdict: &Verdict) -> Self {
        match (verdict.scope, verdict.kind) {
            (Scope::Key, _) => Self::Key,
            (Scope::Account, _) => Self::Account,
            (Scope::Model, FailureKind::Overloaded) => Self::Model,
            (Scope::Provider, _) => Self::Service,
            // What only the request may not do sends nobody to rest.
            _ => Self::Allowance,
        }
    }

    /// Whether two links stand behind one entry. Where a profile leaves open what would tell, they do
    /// not.
    fn is_shared(self, one: &Profile, other: &Profile) -> bool {
        let same = |this: &Option<String>, that: &Option<String>| this.is_some() && this == that;
        let model = || one.model.is_some() && one.model == other.model;
        let service = || same(&one.vendor, &other.vendor) && one.region == other.region;
        match self {
            Self::Key => same(&one.key, &other.key) && one.vendor == other.vendor,
            Self::Account => same(&one.account, &other.account),
            Self::Allowance => {
                let payer = match (&one.account, &other.account) {
                    (None, None) => same(&one.key, &other.key),
                    (one, other) => same(one, other),
                };
                payer && model() && one.vendor == other.vendor && one.region == other.region
            }
            Self::Model => model() && service(),
            Self::Service => service(),
        }
    }
}

impl Places {
    pub(super) const COUNT: usize = 5;

    /// Gives every link its entries, and says how many entries there are.
    pub(super) fn of_all(profiles: &[&Profile]) -> (Vec<Self>, usize) {
        let mut places: Vec<Self> = Vec::with_capacity(profiles.len());
        let mut entries = 0;
        for profile in profiles {
            let mut own = [0; Self::COUNT];
            for (slot, reach) in own.iter_mut().zip(Reach::ALL) {
                let known = profiles
                    .iter()
                    .zip(&places)
                    .find(|(other, _)| reach.is_shared(profile, other))
                    .map(|(_, place)| place.at(reach));
                *slot = known.unwrap_or_else(|| {
                    entries += 1;
                    entries - 1
                });
            }
            places.push(Self(own));
        }
        (places, entries)
    }

    pub(super) fn at(&self, reach: Reach) -> usize {
        self.0.get(reach as usize).copied().unwrap_or(usize::MAX)
    }

    /// The entry that a failure cools.
    pub(super) fn struck_by(&self, verdict: &Verdict) -> usize {
        self.at(Reach::of(verdict))
    }

    /// Where the limits of a model are counted together.
    pub(super) fn allowance(&self) -> usize {
        self.at(Reach::Allowance)
    }

    pub(super) fn entries<'a>(&self, all: &'a [Health]) -> impl Iterator<Item = &'a Health> {
        self.0.into_iter().filter_map(|index| all.get(index))
    }

    /// Runs `change` on each entry of the link.
    pub(super) fn each(&self, all: &mut [Health], mut change: impl FnMut(&mut Health)) {
        for index in self.0 {
            if let Some(health) = all.get_mut(index) {
                change(health);
            }
        }
    }

    pub(super) fn seen(&self, all: &[Health]) -> Seen {
        self.0
            .map(|index| all.get(index).map_or(0, Health::generation))
    }

    /// The generation that `seen` has for the entry that a failure cools.
    pub(super) fn seen_at(verdict: &Verdict, seen: &Seen) -> u64 {
        seen.get(Reach::of(verdict) as usize).copied().unwrap_or(0)
    }

    /// A call that began when the entries were at `seen` succeeded.
    pub(super) fn succeeded(
        &self,
        all: &mut [Health],
        seen: &Seen,
        returning: &Return,
        now: Monotonic,
    ) {
        for (index, generation) in self.0.into_iter().zip(seen) {
            if let Some(health) = all.get_mut(index) {
                health.succeeded(*generation, returning, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::ModelId;

    use super::*;

    fn profile(key: &str, account: &str, model: &str) -> Profile {
        let profile = Profile::default()
            .vendor("anthropic")
            .key(key)
            .model(ModelId::new(model).unwrap());
        if account.is_empty() {
            return profile;
        }
        profile.account(account)
    }

    /// Which of the links stand behind the entry that this failure of the first cools.
    fn struck(profiles: &[Profile], verdict: &Verdict) -> Vec<usize> {
        let (places, _) = Places::of_all(&profiles.iter().collect::<Vec<_>>());
        let entry = places[0].struck_by(verdict);
        (0..profiles.len())
            .filter(|index| places[*index].0.contains(&entry))
            .collect()
    }

    #[test]
    fn a_failure_strikes_those_that_share_what_it_reaches() {
        let links = [
            profile("k1", "", "opus"),
            profile("k1", "", "haiku"),
            profile("k2", "", "opus"),
            profile("k1", "", "opus").region("eu"),
            Profile::default().vendor("openai").key("k1"),
            Profile::default(),
        ];
        let of = |kind| struck(&links, &Verdict::new(kind));
        assert_eq!(of(FailureKind::Auth), [0, 1, 3], "the key");
        assert_eq!(
            of(FailureKind::RateLimited),
            [0],
            "this key's share of the model"
        );
        assert_eq!(
            of(FailureKind::Overloaded),
            [0, 2],
            "the model, whoever asks"
        );
        assert_eq!(of(FailureKind::Server), [0, 1, 2], "the region");
        assert_eq!(of(FailureKind::QuotaExhausted), [0], "no account is named");
    }

    #[test]
    fn an_account_is_one_for_all_its_keys_and_models() {
        let links = [
            profile("k1", "team", "opus"),
            profile("k2", "team", "opus"),
            profile("k1", "team", "haiku"),
            profile("k3", "other", "opus"),
            Profile::default().vendor("openrouter").account("team"),
        ];
        let of = |kind| struck(&links, &Verdict::new(kind));
        assert_eq!(of(FailureKind::QuotaExhausted), [0, 1, 2, 4]);
        assert_eq!(
            of(FailureKind::RateLimited),
            [0, 1],
            "one allowance for two keys"
        );
    }

    #[test]
    fn links_without_a_profile_share_nothing() {
        let links = [Profile::default(), Profile::default()];
        let (places, entries) = Places::of_all(&links.iter().collect::<Vec<_>>());
        assert_eq!(entries, 2 * Places::COUNT);
        assert!(places[0].0.iter().all(|entry| !places[1].0.contains(entry)));
        for kind in FailureKind::ALL {
            assert_eq!(struck(&links, &Verdict::new(*kind)), [0]);
        }
    }
}
