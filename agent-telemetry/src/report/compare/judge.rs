//! Every two sides: what can be said of them, and what would be needed to say more.

use super::super::interval::{Difference, Interval, LogRatio, Moments, Share, adjusted, widened};
use super::sides::{Side, Stratum};
use super::{CompareConfig, Contender, Measured, PairLine, Shortage, Verdict};

/// Fewest sessions of each side, and fewest successes for what is said by success.
const SESSIONS: u64 = 20;
const SUCCESSES: u64 = 10;
/// Degrees of freedom below which a few sessions decide.
const FREEDOM: f64 = 8.0;
/// The share of reports without a difference in which one may be claimed.
const WRONG: f64 = 0.05;

/// What one measure says before it is known how many others there are.
struct Told {
    first: f64,
    second: f64,
    difference: f64,
    interval: Interval,
    probability: f64,
    /// Which one is better, if any is.
    first_is_better: bool,
    /// Whether it counts among the comparisons made. What is left out for its figures counts: leaving it
    /// out because of what was seen would make the others look more certain than they are.
    counts: bool,
    /// What is missing to say anything.
    shortage: Option<Shortage>,
    /// Whether the whole interval is nearer to none than the difference that matters.
    is_none: bool,
    /// What is missing to say either.
    wanted: Wanted,
}

/// What the number of sessions follows from that would say something.
struct Wanted {
    sessions: [u64; 2],
    /// What each side contributes to the square of half the width of the interval.
    contributions: (f64, f64),
    /// How far from none the difference is as it is seen now.
    far: f64,
    /// From where on it matters.
    margin: f64,
}

/// Kinds of work that both sides did in at least two sessions.
type Strata<'a> = Vec<(&'a Stratum, &'a Stratum)>;

pub(super) fn pairs(sides: &[Side], config: &CompareConfig) -> Vec<PairLine> {
    let mut lines = Vec::new();
    let mut told = Vec::new();
    for (place, first) in sides.iter().enumerate() {
        for second in sides.iter().skip(place + 1) {
            let (line, of_pair) = pair(first, second, config);
            lines.push(line);
            told.extend(of_pair);
        }
    }
    let probabilities: Vec<Option<f64>> = told
        .iter()
        .map(|it| it.as_ref().ok().filter(|it| it.counts))
        .map(|it| Some(it?.probability))
        .collect();
    let mut measured = told.into_iter().zip(adjusted(&probabilities));
    for line in &mut lines {
        let [first, second] = [&line.first, &line.second].map(Contender::clone);
        for slot in [
            &mut line.success,
            &mut line.cost_per_success,
            &mut line.time_per_success,
        ] {
            if let Some((told, adjusted)) = measured.next() {
                *slot = judge(told, adjusted, [&first, &second]);
            }
        }
    }
    lines
}

fn judge(
    told: Result<Told, Shortage>,
    adjusted: Option<f64>,
    [first, second]: [&Contender; 2],
) -> Measured {
    let told = match told {
        Ok(told) => told,
        Err(shortage) => return missing(shortage),
    };
    let verdict = if let Some(shortage) = told.shortage {
        Verdict::NotEnoughData { shortage }
    } else if adjusted.is_some_and(|probability| probability <= WRONG) {
        let better = if told.first_is_better { first } else { second };
        Verdict::Better {
            contender: better.clone(),
        }
    } else if told.is_none {
        Verdict::NoDifferenceSeen
    } else {
        let among = adjusted.map_or(1.0, |adjusted| adjusted / told.probability);
        let shortage = shortage(told.wanted.needed(among));
        Verdict::NotEnoughData { shortage }
    };
    Measured {
        first: Some(told.first),
        second: Some(told.second),
        difference: Some(told.difference),
        interval: Some(told.interval),
        probability: Some(told.probability),
        adjusted,
        verdict,
    }
}

pub(super) const fn missing(shortage: Shortage) -> Measured {
    Measured {
        first: None,
        second: None,
        difference: None,
        interval: None,
        probability: None,
        adjusted: None,
        verdict: Verdict::NotEnoughData { shortage },
    }
}

fn pair(
    first: &Side,
    second: &Side,
    config: &CompareConfig,
) -> (PairLine, [Result<Told, Shortage>; 3]) {
    let mut strata: Strata<'_> = Vec::new();
    let mut task_types = Vec::new();
    for (task_type, a) in &first.sums.by_task_type {
        if let Some(b) = second.sums.by_task_type.get(task_type)
            && a.success.of.min(b.success.of) >= 2
        {
            strata.push((a, b));
            task_types.push(task_type.as_deref().map(str::to_owned));
        }
    }
    let first_sessions = strata.iter().map(|(a, _)| a.success.of).sum();
    let second_sessions = strata.iter().map(|(_, b)| b.success.of).sum();
    let sessions = [first_sessions, second_sessions];
    let margin = config.ratio_margin();
    let told = [
        success(&strata, sessions, config.rate_margin()),
        per_success(&strata, |it| it.cost, sessions, margin),
        per_success(&strata, |it| it.time, sessions, margin),
    ];
    let line = PairLine {
        first: first.who.clone(),
        second: second.who.clone(),
        first_sessions,
        second_sessions,
        task_types,
        success: missing(Shortage::CommonWork),
        cost_per_success: missing(Shortage::CommonWork),
        time_per_success: missing(Shortage::CommonWork),
    };
    (line, told)
}

fn success(strata: &Strata<'_>, sessions: [u64; 2], margin: f64) -> Result<Told, Shortage> {
    let shares: Vec<(Share, Share)> = strata.iter().map(|(a, b)| (a.success, b.success)).collect();
    let difference = Difference::of(&shares).ok_or(Shortage::CommonWork)?;
    let (first, second) = difference.shares();
    let (value, interval) = (difference.value(), difference.interval());
    let wanted = Wanted {
        sessions,
        contributions: difference.contributions(),
        far: value.abs(),
        margin,
    };
    let few = sessions.iter().any(|of| *of < SESSIONS);
    Ok(Told {
        first,
        second,
        difference: value,
        interval,
        probability: difference.probability(),
        first_is_better: difference.value() > 0.0,
        counts: !few,
        shortage: few.then(|| at_least(wanted.needed(1.0), sessions)),
        is_none: is_within(interval, margin),
        wanted,
    })
}

fn per_success(
    strata: &Strata<'_>,
    of: impl Fn(&Stratum) -> Moments,
    sessions: [u64; 2],
    margin: f64,
) -> Result<Told, Shortage> {
    let amounts: Vec<(Moments, Moments)> = strata.iter().map(|(a, b)| (of(a), of(b))).collect();
    if amounts.is_empty() {
        return Err(Shortage::CommonWork);
    }
    let sum = |count: fn(&Moments) -> u64| {
        let both = amounts.iter().fold((0, 0), |(first, second), (a, b)| {
            (first + count(a), second + count(b))
        });
        [both.0, both.1]
    };
    let (known, successes) = (sum(|it| it.cases), sum(|it| it.successes));
    let unpriced = |of: u64, known: u64| (of - known).saturating_mul(20) > of;
    if sessions
        .iter()
        .zip(known)
        .any(|(of, known)| unpriced(*of, known))
    {
        return Err(Shortage::Prices);
    }
    let Some(ratio) = LogRatio::of(&amounts) else {
        // Without a success there is nothing to divide by, which more sessions may bring.
        let none = successes.contains(&0);
        return Err(if none {
            at_least([0, 0], known)
        } else {
            Shortage::Amounts
        });
    };
    let (value, interval) = (ratio.value(), ratio.interval());
    let wanted = Wanted {
        sessions: known,
        contributions: ratio.contributions(),
        far: value.ln().abs(),
        margin,
    };
    let needed = wanted.needed(1.0);
    let few = known.iter().any(|of| *of < SESSIONS);
    let shortage = if few {
        Some(at_least(needed, known))
    } else if successes.iter().any(|of| *of < SUCCESSES) {
        let more = [(known[0], successes[0]), (known[1], successes[1])];
        let more = more.map(|(of, successes)| {
            let missing = SUCCESSES.saturating_sub(successes);
            (of * missing).div_ceil(successes.max(1))
        });
        Some(shortage([more[0].max(needed[0]), more[1].max(needed[1])]))
    } else if ratio.first.freedom().min(ratio.second.freedom()) < FREEDOM {
        Some(Shortage::Evenness)
    } else {
        None
    };
    Ok(Told {
        first: ratio.first.value(),
        second: ratio.second.value(),
        difference: value,
        interval,
        probability: ratio.probability(),
        first_is_better: value < 1.0,
        counts: !few,
        shortage,
        is_none: is_within(interval.map(f64::ln), margin),
        wanted,
    })
}

const fn shortage([first, second]: [u64; 2]) -> Shortage {
    Shortage::Sessions { first, second }
}

fn at_least(needed: [u64; 2], sessions: [u64; 2]) -> Shortage {
    let [a, b] = sessions.map(|of| SESSIONS.saturating_sub(of));
    shortage([needed[0].max(a), needed[1].max(b)])
}

/// Whether no value of an interval is as far from nothing as the difference that matters.
fn is_within(interval: Interval, margin: f64) -> bool {
    -margin <= interval.low && interval.high <= margin
}

impl Wanted {
    /// How many more sessions of each side bring half the width of the interval down to where it says something about
    /// the difference as it is seen now: that there is one, also among so many comparisons, or that there is
    /// none that matters, whichever takes less. None where it is there already.
    fn needed(&self, among: f64) -> [u64; 2] {
        let Self {
            sessions: [first, second],
            contributions: (a, b),
            far,
            margin,
        } = *self;
        let target = (far / widened(among)).max(margin - far).powi(2);
        if a + b <= target {
            return [0, 0];
        }
        // What a side contributes falls with its number. Each may contribute half, or what the other leaves of
        // the whole.
        let half = target / 2.0;
        let (a_may, b_may) = (half.max(target - b), half.max(target - a));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rough number, and a cast keeps to its limits"
        )]
        let more = |of: u64, is: f64, may: f64| {
            rough(((of as f64) * (is / may - 1.0)).max(0.0).ceil() as u64)
        };
        [more(first, a, a_may), more(second, b, b_may)]
    }
}

/// Two digits: the number is no better known than that.
fn rough(number: u64) -> u64 {
    let mut step = 1_u64;
    while number / step >= 100 {
        step = step.saturating_mul(10);
    }
    number.div_ceil(step).saturating_mul(step)
}
