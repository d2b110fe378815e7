//! Random calls through random channels, that lose, repeat and reorder, with a ledger that is restarted.

use std::collections::HashMap;

use super::*;

/// What a run is about.
struct World {
    truth: Vec<(TokenUsage, Usd)>,
    items: Vec<Seen>,
    /// Some channel told all there was.
    complete: bool,
    /// Some channel told all costs, and none told calls without one.
    costs: bool,
}

fn world(random: &mut fastrand::Rng) -> World {
    let calls = random.usize(1..12);
    let twins = random.bool();
    let mut now = 0.0;
    let mut world = World {
        truth: Vec::new(),
        items: Vec::new(),
        complete: false,
        costs: false,
    };
    let mut modes = [0; 5].map(|_| random.u8(0..3));
    if modes.iter().all(|it| *it == 0) {
        modes[random.usize(..5)] = 2;
    }
    let [event, span, transcript, claude, genai] = modes;
    // Twins that three channels tell with different keys cannot be told apart.
    let span = if twins { 0 } else { span };
    let mut sums: HashMap<(&'static str, Bucket), u64> = HashMap::new();
    for number in 0..calls {
        now += random.f64() * 5.0;
        let prompt = if twins {
            100
        } else {
            1_000 * (number as u64 + 1)
        };
        let usage = TokenUsage::new(prompt, 40)
            .with_cache_read(if twins { 7 } else { random.u64(..900) })
            .with_cache_write_5m(if twins { 0 } else { random.u64(..90) });
        let cost = Usd::from_micros(random.i64(1..9_999));
        world.truth.push((usage, cost));
        let (request, response) = (format!("req_{number}"), format!("msg_{number}"));
        let keep = |mode: u8, random: &mut fastrand::Rng| mode == 2 || mode == 1 && random.bool();
        let mut tell = |channel, told: CallSeen, random: &mut fastrand::Rng| {
            for _ in 0..=random.usize(..2) {
                world
                    .items
                    .push(seen(channel, now + random.f64() / 10.0, told.clone()));
            }
        };
        if keep(event, random) {
            let mut told = super::call(Some(usage));
            told.keys.request = Some(request.clone());
            told.cost = Some(cost);
            tell(Channel::Event, told, random);
        }
        if keep(span, random) {
            let mut told = super::call(Some(usage));
            told.keys.span = Some((9, number as u64 + 1));
            told.keys.response = Some(response.clone());
            tell(Channel::Span, told, random);
        }
        if keep(transcript, random) {
            let mut told = super::call(Some(usage));
            told.keys.request = Some(request);
            told.keys.response = Some(response);
            tell(Channel::Transcript, told, random);
        }
        let mut add = |source, bucket, amount| *sums.entry((source, bucket)).or_default() += amount;
        if keep(claude, random) {
            add("claude", Bucket::Input, usage.input());
            add("claude", Bucket::CacheRead, usage.cache_read());
            add("claude", Bucket::CacheWrite, usage.cache_write());
            add("claude", Bucket::Output, usage.output());
            add("cost", Bucket::Cost, u64::try_from(cost.picos()).unwrap());
        }
        if keep(genai, random) {
            add("genai", Bucket::InputInclusive, usage.input_total());
            add("genai", Bucket::Output, usage.output());
        }
    }
    for ((source, bucket), sum) in sums {
        // In up to three parts.
        let first = random.u64(..=sum);
        let second = random.u64(..=sum - first);
        for part in [first, second, sum - first - second] {
            world
                .items
                .push(amount(Channel::Metric, source, bucket, part));
        }
    }
    world.complete = [event, span, transcript, claude, genai].contains(&2);
    world.costs = span == 0 && transcript == 0 && genai == 0 && (event == 2 || claude == 2);
    random.shuffle(&mut world.items);
    world
}

/// What is stored: records, and the newest state of each mark.
#[derive(Default)]
struct Store {
    records: Vec<Record>,
    marks: HashMap<u128, Vec<u8>>,
    /// Amounts that the states know of.
    amounts: usize,
}

impl Store {
    fn take(&mut self, entries: &[Entry], amounts: usize) {
        for entry in entries {
            self.records.push(entry.record.clone());
            self.marks.extend(entry.marks.iter().cloned());
            self.amounts = amounts;
        }
    }
}

/// Everything is told to a ledger that is killed now and then, and sent again as far as it was not stored.
fn run(world: &World, random: &mut fastrand::Rng) -> Store {
    let hold = Duration::from_secs(random.u64(..2) * 2);
    let new = || {
        Ledger::new(LedgerConfig {
            hold,
            ..LedgerConfig::default()
        })
    };
    let (mut ledger, mut store) = (new(), Store::default());
    let (mut calls_seen, mut amounts_seen) = (Vec::new(), Vec::new());
    let mut queue = world.items.clone();
    queue.reverse();
    let mut clock = 100.0;
    let mut crashes = random.usize(..3);
    while let Some(item) = queue.pop() {
        let before = amounts_seen.len();
        let mut out = Vec::new();
        ledger.see(item.clone(), &mut out);
        if let What::Amount(_) = item.what {
            amounts_seen.push(item);
        } else {
            calls_seen.push(item);
        }
        let mut entries: Vec<(Entry, usize)> = out.drain(..).map(|it| (it, before)).collect();
        if random.u8(..3) == 0 {
            clock += random.f64() * 60.0;
            ledger.settle(at(clock), &mut out);
        }
        if random.u8(..9) == 0 {
            ledger.flush(Timestamp::UNIX_EPOCH, &mut out);
        }
        entries.extend(out.into_iter().map(|it| (it, amounts_seen.len())));
        let crash = crashes > 0 && random.u8(..6) == 0;
        if crash {
            entries.truncate(random.usize(..=entries.len()));
        }
        for (entry, amounts) in entries {
            store.take(&[entry], amounts);
        }
        if random.u8(..9) == 0 && !crash {
            store.marks.extend(ledger.take_marks());
            store.amounts = amounts_seen.len();
        }
        if crash {
            crashes -= 1;
            ledger = new();
            let mut states: Vec<_> = store.marks.values().collect();
            random.shuffle(&mut states);
            for state in states {
                ledger.restore(state);
            }
            assert_eq!(ledger.figures().marks_refused, 0);
            queue.append(&mut calls_seen);
            queue.extend(amounts_seen.drain(store.amounts..));
            random.shuffle(&mut queue);
        }
    }
    let mut out = Vec::new();
    ledger.flush(Timestamp::UNIX_EPOCH, &mut out);
    store.take(&out, amounts_seen.len());
    store.marks.extend(ledger.take_marks());
    store
}

fn check(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let world = world(&mut random);
    let store = run(&world, &mut random);
    let truth: TokenUsage = world.truth.iter().map(|it| it.0).sum();
    let truth_cost: Usd = world.truth.iter().map(|it| it.1).sum();
    let told = sum(&store.records);
    let buckets = |usage: &TokenUsage| [usage.input_total(), usage.output(), usage.total()];
    if world.complete {
        assert_eq!(buckets(&told), buckets(&truth), "seed {seed}");
    } else {
        let (told, truth) = (buckets(&told), buckets(&truth));
        assert!(
            told.iter().zip(truth).all(|(it, truth)| *it <= truth),
            "seed {seed}: {told:?} {truth:?}"
        );
    }
    let told = cost(&store.records);
    // What is recorded without a cost gets one from the price table.
    let mut all = calls(&store.records).into_iter();
    if world.costs && all.all(|it| it.cost.is_some() || it.usage.total() == 0) {
        assert_eq!(told, truth_cost, "seed {seed}");
    }
    assert!(told <= truth_cost, "seed {seed}: {told} {truth_cost}");
    let count = calls(&store.records)
        .iter()
        .filter(|it| it.attempts > 0)
        .count();
    assert!(count <= world.truth.len(), "seed {seed}: {count} calls");
}

/// Calls whose spans are told by a clock that is half a minute ahead, so that nothing but the transcript, which comes at
/// any time, says that they are those of the events.
fn world_of_two_clocks(random: &mut fastrand::Rng) -> World {
    let mut world = World {
        truth: Vec::new(),
        items: Vec::new(),
        complete: true,
        costs: false,
    };
    for number in 0..random.u32(1..8) {
        let usage = TokenUsage::new(1_000 * u64::from(number + 1), 40 + random.u64(..9))
            .with_cache_read(random.u64(..900));
        let cost = Usd::from_micros(random.i64(1..9_999));
        world.truth.push((usage, cost));
        let (request, response) = (format!("req_{number}"), format!("msg_{number}"));
        let mut tell = |channel, ahead: f64, change: &dyn Fn(&mut CallSeen)| {
            let mut told = super::call(Some(usage));
            told.cost = Some(cost);
            change(&mut told);
            let told = seen(channel, 3.0 * f64::from(number) + ahead, told);
            let times = random.usize(1..3);
            world.items.extend(std::iter::repeat_n(told, times));
        };
        tell(Channel::Event, 0.0, &|it| {
            it.keys.request = Some(request.clone());
        });
        tell(Channel::Span, 30.5, &|it| {
            it.keys.span = Some((9, u64::from(number + 1)));
            it.keys.response = Some(response.clone());
        });
        tell(Channel::Transcript, 0.0, &|it| {
            it.keys.request = Some(request.clone());
            it.keys.response = Some(response.clone());
        });
    }
    random.shuffle(&mut world.items);
    world
}

fn runs() -> u64 {
    let runs = std::env::var("OTLP_LEDGER_RUNS").ok();
    runs.and_then(|it| it.parse().ok()).unwrap_or(2_000)
}

#[test]
fn what_was_recorded_twice_is_made_up_for_once_however_often_it_is_restarted() {
    let mut twice = 0;
    for seed in 0..runs() {
        let random = &mut fastrand::Rng::with_seed(seed);
        let world = world_of_two_clocks(random);
        let mut store = run(&world, random);
        let mut ledger = ledger();
        let mut states: Vec<_> = store.marks.values().collect();
        random.shuffle(&mut states);
        for state in states {
            ledger.restore(state);
        }
        let coverage = ledger.coverage(&session("s1")).unwrap();
        assert_eq!(coverage.calls, world.truth.len() as u64, "seed {seed}");
        twice += coverage.told_apart;
        // The next calls have as much as was recorded too often.
        let next = TokenUsage::new(1_000_000, 1_000_000).with_cache_read(1_000_000);
        let dear = Usd::from_micros(1_000_000);
        for number in 0..3 {
            let mut call = super::call(Some(next));
            call.cost = Some(dear);
            call.keys.request = Some(format!("next_{number}"));
            let call = seen(Channel::Event, 900.0, call);
            store.records.extend(recorded(&mut ledger, [call]));
        }
        let truth: TokenUsage = world.truth.iter().map(|it| it.0).sum();
        let all = truth + next + next + next;
        assert_eq!(sum(&store.records), all, "seed {seed}");
        let truth: Usd = world.truth.iter().map(|it| it.1).sum();
        assert_eq!(
            cost(&store.records),
            truth + dear + dear + dear,
            "seed {seed}"
        );
    }
    println!("{twice} calls were recorded twice");
    assert!(twice > runs() / 2, "{twice}");
}

#[test]
fn what_is_recorded_is_the_truth_where_it_can_be_known_and_never_more() {
    let runs = runs();
    for seed in 0..runs {
        check(seed);
    }
    println!("{runs} runs, error 0");
}
