//! Whether a figure passes its gate.

use super::measure::Measured;
use super::record::Gate;

/// Room for what the linker and the system's library change, and for what is inlined elsewhere when this package
/// grows, which has moved a path of 55 by 5: a share and a few instructions.
const SHARE: f64 = 0.03;
const FEW: f64 = 8.0;
/// Allocations are counted over a thousand calls: less than one of them is none.
const LESS_THAN_ONE: f64 = 0.000_5;

/// What a figure is, seen from its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Within its room.
    Kept,
    /// Below it: the gate can be lowered.
    Better,
    /// Above it.
    Worse,
    /// The gate has no figure yet.
    New,
}

/// Both findings of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Of the instructions.
    pub instructions: Finding,
    /// Of the allocations.
    pub allocations: Finding,
}

impl Verdict {
    /// Whether the path passes. Instructions count only where the compiler is that of the gates.
    pub fn passes(self, same_compiler: bool) -> bool {
        let fails = |finding| matches!(finding, Finding::Worse | Finding::New);
        !(fails(self.allocations) || same_compiler && fails(self.instructions))
    }
}

/// Holds `measured` against `gate`: instructions may be 3 % and 8 above it, allocations not at all.
///
/// ```
/// use agent_benches::gates::{Finding, Gate, Measured, judge};
///
/// let gate = Gate {
///     group: "retry, no failure".into(),
///     case: "retry".into(),
///     calls: None,
///     instructions: Some(100.0),
///     allocations: Some(0.0),
/// };
/// let seen = |instructions, allocations| judge(&gate, Measured { instructions, allocations });
/// assert_eq!(seen(111.0, 0.0).instructions, Finding::Kept);
/// assert_eq!(seen(111.1, 0.0).instructions, Finding::Worse);
/// assert_eq!(seen(100.0, 0.001).allocations, Finding::Worse);
/// ```
pub fn judge(gate: &Gate, measured: Measured) -> Verdict {
    Verdict {
        instructions: finding(gate.instructions, measured.instructions, |gate| {
            gate * SHARE + FEW
        }),
        allocations: finding(gate.allocations, measured.allocations, |_| LESS_THAN_ONE),
    }
}

fn finding(gate: Option<f64>, measured: f64, room: impl Fn(f64) -> f64) -> Finding {
    match gate {
        None => Finding::New,
        Some(gate) if measured > gate + room(gate) => Finding::Worse,
        Some(gate) if measured < gate - room(gate) => Finding::Better,
        Some(_) => Finding::Kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(instructions: Option<f64>, allocations: Option<f64>) -> Gate {
        Gate {
            group: "g".to_owned(),
            case: "c".to_owned(),
            calls: None,
            instructions,
            allocations,
        }
    }

    fn seen(gate: &Gate, instructions: f64, allocations: f64) -> Verdict {
        judge(
            gate,
            Measured {
                instructions,
                allocations,
            },
        )
    }

    #[test]
    fn instructions_have_three_percent_and_eight_to_both_sides() {
        let gate = gate(Some(1000.0), Some(0.0));
        let found = [961.9, 962.0, 1038.0, 1038.1].map(|now| seen(&gate, now, 0.0).instructions);
        assert_eq!(
            found,
            [
                Finding::Better,
                Finding::Kept,
                Finding::Kept,
                Finding::Worse
            ]
        );
    }

    #[test]
    fn one_allocation_in_a_thousand_calls_is_too_many() {
        let gate = gate(Some(10.0), Some(1.0));
        let found = [0.999, 1.0, 1.001].map(|now| seen(&gate, 10.0, now).allocations);
        assert_eq!(found, [Finding::Better, Finding::Kept, Finding::Worse]);
    }

    #[test]
    fn gate_without_figures_fails() {
        let verdict = seen(&gate(None, None), 10.0, 0.0);
        assert_eq!(verdict.instructions, Finding::New);
        assert!(!verdict.passes(true) && !verdict.passes(false));
    }

    #[test]
    fn another_compiler_excuses_instructions_and_never_allocations() {
        let gate = gate(Some(10.0), Some(0.0));
        let (slow, allocates) = (seen(&gate, 99.0, 0.0), seen(&gate, 10.0, 1.0));
        assert_eq!((slow.passes(true), slow.passes(false)), (false, true));
        assert_eq!(
            (allocates.passes(true), allocates.passes(false)),
            (false, false)
        );
        assert!(seen(&gate, 10.0, 0.0).passes(true));
    }
}
