//! The ladder as plain data.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use agent_primitives::{FailureKind, RecoveryStrategy};
use serde::{Deserialize, Serialize};

use crate::breaker::Percent;
use crate::settings::{InvalidConfig, SettingFault, Settings, contradiction, not_zero};

/// The ladder of a [`Recovery`](crate::Recovery), as plain data: which changes are tried, in which order,
/// how often, and how far each may go.
///
/// A verdict chooses among them: see [`RecoveryConfig::suits`]. The default tries each of them, makes at
/// most 6 changes to a request, and takes a quarter off where nobody says how much is too much.
///
/// ```
/// use agent_primitives::{FailureKind, RecoveryStrategy};
/// use agent_resilience::{RecoveryConfig, Settings};
///
/// let config = RecoveryConfig::from_json(r#"{
///     "ladder": [{"strategy": "compact_history", "tries": 3}, {"strategy": "bigger_window"}],
///     "reduce": 40
/// }"#)?;
/// assert_eq!(config.ladder.iter().map(|rung| rung.tries.get()).collect::<Vec<_>>(), [3, 1]);
/// assert_eq!(config.max_steps.get(), 6, "as it is by default");
/// assert_eq!(
///     config.suits(FailureKind::ContextTooLong).collect::<Vec<_>>(),
///     [RecoveryStrategy::CompactHistory, RecoveryStrategy::BiggerWindow]
/// );
/// # Ok::<(), agent_resilience::InvalidConfig>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecoveryConfig {
    /// The strategies in the order in which they are tried; each once.
    pub ladder: Vec<Rung>,
    /// Changes to one request in all, those to its parts included; 6 by default. So a run makes at most
    /// this many calls, and one, and [`max_parts`](Self::max_parts).
    pub max_steps: NonZeroU32,
    /// The share that is taken off where no numbers are known; 25 % by default, at most 90. With each
    /// further try of the same request it doubles, up to 90 %.
    pub reduce: Percent,
    /// The share of a known limit that a shortened history leaves free, in percent; 5 by default, at
    /// most 50. It makes up for tokens that are counted roughly.
    pub margin: u8,
    /// An answer is not bounded to fewer tokens than these, or than a quarter of a window that is known
    /// and so small; 256 by default. Shorter ones are cut more often than not.
    pub min_output: NonZeroU64,
    /// An answer that was cut is not allowed more tokens than these; no bound by default, but twice what
    /// it had at each try.
    pub max_output: Option<NonZeroU64>,
    /// Parts of a request that is split; 8 by default, at least 2.
    pub max_parts: NonZeroUsize,
    /// Models whose limit is remembered; 64 by default. The one that was learned first makes room.
    pub models: NonZeroUsize,
    /// A limit is risked again after this time; 1 h by default, since allowances and deployments change.
    #[serde(with = "crate::duration")]
    pub remember: Duration,
}

/// One rung of the ladder.
///
/// ```
/// use agent_primitives::RecoveryStrategy;
/// use agent_resilience::Rung;
///
/// let rung: Rung = serde_json::from_str(r#"{"strategy": "chunk"}"#)?;
/// assert_eq!(rung, Rung::once(RecoveryStrategy::Chunk));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// What is changed.
    pub strategy: RecoveryStrategy,
    /// How often in one run; 1 unless set.
    #[serde(default = "once")]
    pub tries: NonZeroU32,
}

const fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

impl Rung {
    /// `strategy`, once in a run.
    pub const fn once(strategy: RecoveryStrategy) -> Self {
        Self::at_most(strategy, NonZeroU32::MIN)
    }

    /// `strategy`, at most so often in a run.
    pub const fn at_most(strategy: RecoveryStrategy, tries: NonZeroU32) -> Self {
        Self { strategy, tries }
    }
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        use RecoveryStrategy as By;
        let twice =
            |strategy| Rung::at_most(strategy, const { NonZeroU32::new(2).expect("not zero") });
        Self {
            ladder: vec![
                twice(By::ShrinkOutput),
                twice(By::CompactHistory),
                Rung::once(By::BiggerWindow),
                Rung::once(By::Chunk),
                twice(By::CheaperModel),
                Rung::once(By::ExtendOutput),
                twice(By::AskForRest),
                Rung::once(By::Stop),
            ],
            max_steps: const { NonZeroU32::new(6).expect("not zero") },
            reduce: const { Percent::new(25).expect("a share") },
            margin: 5,
            min_output: const { NonZeroU64::new(256).expect("not zero") },
            max_output: None,
            max_parts: const { NonZeroUsize::new(8).expect("not zero") },
            models: const { NonZeroUsize::new(64).expect("not zero") },
            remember: Duration::from_secs(3_600),
        }
    }
}

impl RecoveryConfig {
    /// The strategies of the ladder that answer failures of this kind, in their order; none where a change
    /// to the request would not help.
    ///
    /// | kind | strategies |
    /// |---|---|
    /// | `context_too_long` | `shrink_output`, `compact_history`, `bigger_window`, `chunk` |
    /// | `payload_too_large` | `compact_history`, `chunk` |
    /// | `output_limit` | `extend_output`, `ask_for_rest` |
    /// | `quota_exhausted` | `cheaper_model` |
    /// | any other | none: retries, other providers or people answer them |
    ///
    /// ```
    /// use agent_primitives::FailureKind;
    /// use agent_resilience::RecoveryConfig;
    ///
    /// let config = RecoveryConfig::default();
    /// assert_eq!(config.suits(FailureKind::RateLimited).count(), 0);
    /// assert_eq!(config.suits(FailureKind::OutputLimit).count(), 2);
    /// ```
    pub fn suits(&self, kind: FailureKind) -> impl Iterator<Item = RecoveryStrategy> + '_ {
        self.ladder
            .iter()
            .map(|rung| rung.strategy)
            .take_while(|strategy| *strategy != RecoveryStrategy::Stop)
            .filter(move |strategy| answers(*strategy, kind))
    }
}

/// Whether a change of this sort can cure a failure of this kind.
const fn answers(strategy: RecoveryStrategy, kind: FailureKind) -> bool {
    use RecoveryStrategy as By;
    match kind {
        FailureKind::ContextTooLong => matches!(
            strategy,
            By::ShrinkOutput | By::CompactHistory | By::BiggerWindow | By::Chunk
        ),
        FailureKind::PayloadTooLarge => matches!(strategy, By::CompactHistory | By::Chunk),
        FailureKind::OutputLimit => matches!(strategy, By::ExtendOutput | By::AskForRest),
        FailureKind::QuotaExhausted => matches!(strategy, By::CheaperModel),
        _ => false,
    }
}

impl Settings for RecoveryConfig {
    fn validate(&self) -> Result<(), InvalidConfig> {
        let out_of_range = |path: &str, what: String, cure: &str| {
            Err(InvalidConfig::new(
                SettingFault::OutOfRange,
                path,
                what,
                cure,
            ))
        };
        if self.ladder.is_empty() {
            return Err(contradiction(
                "ladder",
                "is empty: no request is ever changed",
                "name at least one strategy, or use no recovery",
            ));
        }
        for (place, rung) in self.ladder.iter().enumerate() {
            let before = self.ladder.iter().take(place);
            let path = format!("ladder[{place}].strategy");
            for (other, earlier) in before.enumerate() {
                if earlier.strategy == RecoveryStrategy::Stop {
                    return Err(contradiction(
                        path,
                        format!("is {}, behind stop in ladder[{other}]", rung.strategy),
                        "put it before stop, or leave it out",
                    ));
                }
                if earlier.strategy == rung.strategy {
                    return Err(contradiction(
                        path,
                        format!("is {}, as in ladder[{other}]", rung.strategy),
                        "name each strategy once and give it tries",
                    ));
                }
            }
        }
        if self.reduce.as_u8() > 90 {
            let what = format!("is {}: next to nothing would be left", self.reduce);
            return out_of_range("reduce", what, "give at most 90");
        }
        if self.margin > 50 {
            let what = format!(
                "is {} %: more than half of each window would stay empty",
                self.margin
            );
            return out_of_range("margin", what, "give at most 50");
        }
        if self.max_parts.get() < 2 {
            let what = "is 1: a request in one part is not split".to_owned();
            return out_of_range(
                "max_parts",
                what,
                "give at least 2, or leave chunk out of the ladder",
            );
        }
        if let Some(most) = self.max_output
            && most < self.min_output
        {
            return Err(contradiction(
                "max_output",
                format!("is {most}, less than min_output of {}", self.min_output),
                "make it at least min_output",
            ));
        }
        not_zero(
            "remember",
            self.remember,
            "give the time for which a learned limit is kept to",
        )
    }
}
