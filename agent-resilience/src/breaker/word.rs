//! The state of a breaker, packed into one atomic word.

use agent_primitives::BreakerState;

const STATE_BITS: u32 = 2;
const STATE_MASK: u64 = (1 << STATE_BITS) - 1;
const OPEN: u64 = 1;
const COUNT_BITS: u32 = 16;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const FIRST_SHIFT: u32 = STATE_BITS;
const SECOND_SHIFT: u32 = FIRST_SHIFT + COUNT_BITS;
const GENERATION_SHIFT: u32 = SECOND_SHIFT + COUNT_BITS;
const GENERATION_MASK: u32 = (1 << (64 - GENERATION_SHIFT)) - 1;

/// State, two counts and a generation that grows with each change of state, so that a call admitted
/// under an older one can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) state: BreakerState,
    /// Closed: failures in a row. Half open: probes handed out.
    pub(super) first: u16,
    /// Half open: probes that succeeded.
    pub(super) second: u16,
    pub(super) generation: u32,
}

impl Word {
    pub(super) const CLOSED: Self = Self {
        state: BreakerState::Closed,
        first: 0,
        second: 0,
        generation: 0,
    };

    pub(super) fn pack(self) -> u64 {
        let state = match self.state {
            BreakerState::Open => OPEN,
            BreakerState::HalfOpen => 2,
            BreakerState::Isolated => 3,
            _ => 0,
        };
        state
            | u64::from(self.first) << FIRST_SHIFT
            | u64::from(self.second) << SECOND_SHIFT
            | u64::from(self.generation & GENERATION_MASK) << GENERATION_SHIFT
    }

    /// The state and its generation, without the counts.
    pub(super) const fn key(bits: u64) -> u64 {
        bits & !(COUNT_MASK << FIRST_SHIFT | COUNT_MASK << SECOND_SHIFT)
    }

    /// Whether the state in `bits` is closed.
    pub(super) const fn is_closed(bits: u64) -> bool {
        bits & STATE_MASK == 0
    }

    /// Whether the state in `bits` is open.
    pub(super) const fn is_open(bits: u64) -> bool {
        bits & STATE_MASK == OPEN
    }

    /// The generation in `bits`.
    pub(super) const fn generation(bits: u64) -> u64 {
        bits >> GENERATION_SHIFT
    }

    pub(super) fn unpack(bits: u64) -> Self {
        let count = |shift: u32| u16::try_from(bits >> shift & COUNT_MASK).unwrap_or(u16::MAX);
        Self {
            state: match bits & STATE_MASK {
                OPEN => BreakerState::Open,
                2 => BreakerState::HalfOpen,
                3 => BreakerState::Isolated,
                _ => BreakerState::Closed,
            },
            first: count(FIRST_SHIFT),
            second: count(SECOND_SHIFT),
            generation: u32::try_from(bits >> GENERATION_SHIFT).unwrap_or(0),
        }
    }

    /// The next generation, in `state` with `first` already counted.
    pub(super) fn enter(self, state: BreakerState, first: u16) -> Self {
        Self {
            state,
            first,
            second: 0,
            generation: self.generation.wrapping_add(1) & GENERATION_MASK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_survives_packing_and_generations_wrap() {
        for state in [
            BreakerState::Closed,
            BreakerState::Open,
            BreakerState::HalfOpen,
            BreakerState::Isolated,
        ] {
            let word = Word {
                state,
                first: u16::MAX,
                second: 0x1234,
                generation: GENERATION_MASK,
            };
            assert_eq!(Word::unpack(word.pack()), word);
            let next = word.enter(BreakerState::Open, 7);
            assert_eq!(Word::unpack(next.pack()), next);
            assert_eq!((next.generation, next.first, next.second), (0, 7, 0));
            let key = Word::key(word.pack());
            assert_eq!(
                Word::unpack(key),
                Word {
                    first: 0,
                    second: 0,
                    ..word
                }
            );
            assert_eq!(Word::generation(key), u64::from(GENERATION_MASK));
            assert_eq!(Word::is_closed(key), state == BreakerState::Closed);
        }
    }
}
