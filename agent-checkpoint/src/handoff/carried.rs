//! What a session carries along when it goes on in a fresh one.

use super::collect::Source;
use super::fit::is_within;
use super::{Bounds, Package};
use crate::CountTokens;

/// Most bytes of it as JSON: as many as a package that is read from a file. It stands in the state of each session
/// from then on, and may be nowhere else.
const BYTES_MAX: usize = 16 << 20;

impl Package {
    /// What the session amounts to, with nothing left out but where it is more than may be carried: then entries
    /// and texts go as [`fit`](Self::fit) does it, within bounds as wide as do, and no narrower than the default ones.
    /// The newest messages are not in it, and `work` is whole.
    pub(crate) fn carried(source: &Source<'_>, counter: &dyn CountTokens) -> Self {
        Self::carried_within(source, counter, BYTES_MAX)
    }

    fn carried_within(source: &Source<'_>, counter: &dyn CountTokens, bytes: usize) -> Self {
        let least = Bounds {
            recent_tokens: 0,
            ..Bounds::default()
        };
        let mut package = Self::gather(source, &least, counter);
        // It has components of its own.
        let work = std::mem::take(&mut package.work);
        let mut widening = 64;
        let mut fitted = package.clone();
        while widening > 0 && !is_within(&fitted, bytes) {
            fitted = package.clone();
            fitted.fit(&Bounds {
                entries: least.entries.saturating_mul(widening),
                entry_bytes: least.entry_bytes.saturating_mul(widening),
                objective_bytes: least.objective_bytes.saturating_mul(widening),
                text_bytes: least.text_bytes.saturating_mul(widening),
                recent_tokens: 0,
            });
            widening /= 2;
        }
        fitted.work = work;
        fitted
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use agent_primitives::{SessionId, Timestamp};

    use super::super::{Link, Piece};
    use super::*;
    use crate::{Decision, EstimateTokens, Message, Work};

    /// What is carried of a session in which the user asked for these.
    fn carried(requests: &[&str], bytes: usize) -> Package {
        let messages: Vec<Message> = requests.iter().map(|text| Message::user(*text)).collect();
        let mut work = Work::default();
        for n in 0..300 {
            let decision = Decision::new(Timestamp::UNIX_EPOCH, n.to_string(), "so");
            work.decisions.push(decision);
        }
        let source = Source {
            from: Link::new(SessionId::new("s1").unwrap(), Timestamp::UNIX_EPOCH),
            work: &work,
            history: messages.iter().collect(),
            context: messages.iter().collect(),
            skipped: 0,
            components: 0,
            redaction: Arc::default(),
        };
        let package = Package::carried_within(&source, &EstimateTokens, bytes);
        assert_eq!(package.work.decisions.len(), 300);
        assert_eq!(package.left_out.get(&Piece::Decisions), None);
        package
    }

    #[test]
    fn everything_is_carried_up_to_a_number_of_bytes_and_the_newest_beyond() {
        let long = "word ".repeat(20_000);
        let mut asked = vec!["the task"];
        asked.extend([long.as_str(); 30]);
        asked.push("the last");
        let whole = carried(&asked, 4 << 20);
        assert_eq!(whole.requests.len(), 31);
        assert_eq!(whole.requests[0].len(), long.trim().len().max(long.len()));
        assert_eq!(whole.left_out.get(&Piece::Requests), None);

        let fitted = carried(&asked, 1 << 20);
        assert_eq!(fitted.requests.len(), 31);
        let len = fitted.requests[0].len();
        assert!((16 << 10..=32 << 10).contains(&len), "{len}");
        assert_eq!(fitted.left_out[&Piece::Requests], 30);

        let least = carried(&asked, 0);
        assert!(least.requests[0].len() <= 8 << 10);
        assert_eq!(least.requests.last().unwrap(), "the last");
    }
}
