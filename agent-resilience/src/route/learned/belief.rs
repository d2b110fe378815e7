//! What is believed of a candidate's reward, and how firmly.

use crate::route::permille::Permille;

/// What one is hoped to earn of which nothing is known or left. High, so that each is tried early, and
/// again when what was known of it has faded.
const HOPE: Permille = Permille::saturating(800);
/// How many calls that hope counts for, in 256ths: a half.
const HOPE_WEIGHT: u64 = 128;
/// How many calls are taken as known before the first, in 256ths: keeps the doubt within bounds.
const KNOWN: u64 = 8 * 256;
/// The doubt after a single call, in thousandths. With the two above, it was chosen by simulations of
/// 2 to 16 candidates that change, where it earned at least 96 % of what the best would have.
const DOUBT: u64 = 200;

/// What is believed of a candidate's reward, and how firmly; told by
/// [`LearnedStats`](crate::LearnedStats).
///
/// ```
/// use agent_resilience::{Belief, Permille};
///
/// let belief = Belief::new(Permille::of(9, 10), 20);
/// assert_eq!((belief.reward().as_u16(), belief.evidence()), (900, 20));
/// assert_eq!(Belief::UNTRIED.reward().as_u16(), 800, "hoped, for nobody knows");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belief {
    reward: Permille,
    /// In 256ths of a call.
    evidence: u32,
}

impl Belief {
    /// Of one that was never tried.
    pub const UNTRIED: Self = Self {
        reward: HOPE,
        evidence: 0,
    };

    /// So much reward on average, known from so many calls.
    pub const fn new(reward: Permille, calls: u32) -> Self {
        Self {
            reward,
            evidence: calls.saturating_mul(256),
        }
    }

    /// `weight` is in 65536ths of a call.
    pub(super) const fn known(reward: Permille, weight: u32) -> Self {
        Self {
            reward,
            evidence: weight >> 8,
        }
    }

    /// The reward on average.
    pub const fn reward(&self) -> Permille {
        self.reward
    }

    /// From how many calls it is known, older ones counted less.
    pub const fn evidence(&self) -> u32 {
        self.evidence >> 8
    }

    /// A reward in thousandths drawn from those that the belief allows for: near its mean where much
    /// is known, far from it where little is (Thompson sampling with a normal of the mean's own
    /// width). `explore` is in percent of that width.
    pub(in crate::route) fn sample(self, explore: u8, draw: u64) -> i32 {
        let evidence = u64::from(self.evidence);
        let known = u64::from(self.reward.as_u16()) * evidence;
        let hoped = u64::from(HOPE.as_u16()) * HOPE_WEIGHT;
        let mean = (known + hoped) / (evidence + HOPE_WEIGHT);
        // 16 is the root of 256.
        let deviation = DOUBT * 16 / (evidence + KNOWN).isqrt();
        // Eight bytes add up to nearly a normal: mean 1020, standard deviation 209, at most 4.9 of them.
        let bytes: i64 = draw.to_le_bytes().into_iter().map(i64::from).sum();
        let width = deviation * u64::from(explore);
        let away = i64::try_from(width).unwrap_or(0) * (bytes - 1_020) / (209 * 100);
        i32::try_from(i64::try_from(mean).unwrap_or(0) + away).unwrap_or(0)
    }
}
