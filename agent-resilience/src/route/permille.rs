//! A share in thousandths.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A share of 0 to 1000 in a thousand: a success rate, a reward.
///
/// ```
/// use agent_resilience::Permille;
///
/// assert_eq!(Permille::new(950).map(Permille::as_u16), Some(950));
/// assert_eq!(Permille::new(1_001), None);
/// assert_eq!(Permille::of(19, 20), Permille::new(950).unwrap());
/// assert_eq!(Permille::ALL.to_string(), "100.0 %");
/// assert!(serde_json::from_str::<Permille>("1001").is_err());
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u16", into = "u16")]
pub struct Permille(u16);

impl Permille {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The whole.
    pub const ALL: Self = Self(1_000);

    /// `None` above 1000.
    pub const fn new(permille: u16) -> Option<Self> {
        if permille <= 1_000 {
            Some(Self(permille))
        } else {
            None
        }
    }

    /// `part` of `whole`, rounded down; all of it when `part` is more, and of nothing.
    pub const fn of(part: u32, whole: u32) -> Self {
        if part >= whole {
            return Self::ALL;
        }
        let share = part as u64 * 1_000 / whole as u64;
        Self::saturating(share)
    }

    /// The number, 0 to 1000.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most 1000")]
    pub(super) const fn saturating(permille: u64) -> Self {
        if permille < 1_000 {
            Self(permille as u16)
        } else {
            Self::ALL
        }
    }
}

impl fmt::Display for Permille {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} %", self.0 / 10, self.0 % 10)
    }
}

/// A number that is no share.
///
/// ```
/// use agent_resilience::Permille;
///
/// let refused = Permille::try_from(1_001).unwrap_err();
/// assert_eq!(refused.to_string(), "1001 is no share in a thousand, give 0 to 1000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no share in a thousand, give 0 to 1000")]
pub struct InvalidPermille(u16);

impl TryFrom<u16> for Permille {
    type Error = InvalidPermille;
    fn try_from(permille: u16) -> Result<Self, InvalidPermille> {
        Self::new(permille).ok_or(InvalidPermille(permille))
    }
}

impl From<Permille> for u16 {
    fn from(permille: Permille) -> Self {
        permille.0
    }
}
