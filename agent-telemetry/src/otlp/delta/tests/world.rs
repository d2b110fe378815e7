//! Random worlds: writers that count, a network that loses, repeats and reorders, and a converter that is killed.
//!
//! `OTLP_SCHEDULES` sets how many are tried.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::otlp::wire::{ExponentialData, HistogramData};

#[test]
fn what_was_added_and_saved_is_the_truth() {
    let schedules = std::env::var("OTLP_SCHEDULES").ok();
    let schedules = schedules.map_or(20_000, |it| it.parse().expect("a number"));
    let mut report = Report::default();
    for seed in 0..schedules {
        if let Err(error) = World::new(seed).run(&mut report) {
            panic!("seed {seed}: {error}");
        }
    }
    println!("{schedules} schedules: {report:?}");
    assert!(report.exact * 2 > schedules, "too few are observable");
}

#[derive(Debug, Default)]
struct Report {
    points: u64,
    kills: u64,
    /// Series compared for equality, and those that may be below the truth and are.
    exact: u64,
    below_and_flagged: u64,
    /// Series with two writers that no one can tell apart, and are above the truth.
    above_and_flagged: u64,
    gaps_compared: u64,
    /// Greatest relative error of sums of doubles.
    error: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Double,
    Histogram,
    Exponential,
}

/// What writers say of when they started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Starts {
    Known,
    Zero,
    /// A first point at the start, which is a baseline.
    Baseline,
}

#[derive(Debug, Clone)]
struct Packet {
    key: u128,
    /// Which run of which writer: what no two writers share.
    run: usize,
    /// Counts falls of the value within a start.
    part: usize,
    amount: Amount,
    point: Point,
}

/// The value of a point, in figures that can be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Amount {
    count: i128,
    sum: f64,
}

#[expect(clippy::struct_excessive_bools, reason = "what a world may have")]
struct World {
    rng: fastrand::Rng,
    kind: Kind,
    delta: bool,
    starts: Starts,
    keys: u128,
    same_start: bool,
    falls: bool,
    config: DeltasConfig,
    /// Whether marks of evicted series are read back when these come again.
    reloads: bool,
    packets: Vec<Packet>,
}

/// What is stored in one transaction.
#[derive(Debug, Default, Clone)]
struct Saved {
    sums: BTreeMap<u128, Amount>,
    marks: BTreeMap<u128, Vec<u8>>,
    uncovered: i128,
    /// Indexes of packets, in the order in which they came.
    packets: Vec<usize>,
}

#[derive(Default)]
struct Flags {
    coverage: Coverage,
    retired: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let kind = rng.choice([Kind::Int, Kind::Double, Kind::Histogram, Kind::Exponential]);
        let delta = rng.bool();
        let starts = match rng.u8(..10) {
            0 => Starts::Zero,
            1 if !delta => Starts::Baseline,
            _ => Starts::Known,
        };
        let same_start = !delta && rng.u8(..8) == 0;
        let is_small = rng.u8(..10) == 0;
        let mut world = Self {
            kind: kind.unwrap_or(Kind::Int),
            delta,
            starts,
            keys: rng.u128(1..=3),
            same_start,
            falls: rng.u8(..6) == 0 && starts != Starts::Baseline,
            config: DeltasConfig {
                series: if is_small && !same_start {
                    rng.usize(1..=2)
                } else {
                    100
                },
                gone: rng.usize(1..=8),
            },
            reloads: rng.bool(),
            packets: Vec::new(),
            rng,
        };
        let writers = world.rng.u64(1..=3);
        let ticks = world.rng.u64(3..=20);
        if starts == Starts::Zero && u128::from(writers) > world.keys {
            // Falls of what one of two writers says are not seen where it was forgotten in between.
            world.config.series = 100;
        }
        for writer in 0..writers {
            let key = u128::from(writer) % world.keys;
            Writer::new(writer, key).work(ticks, &mut world);
        }
        world.packets.sort_by_key(|it| it.point.time);
        world
    }

    /// Batches of indexes in the order in which they arrive.
    fn network(&mut self) -> Vec<Vec<usize>> {
        let mut arrivals = Vec::new();
        let (mut first, mut sent) = (0, 0);
        while first < self.packets.len() {
            let last = (first + self.rng.usize(1..=4)).min(self.packets.len());
            let batch: Vec<usize> = (first..last).collect();
            first = last;
            sent += 10;
            let is_baseline = |it: &usize| {
                let point = &self.packets[*it].point;
                self.starts == Starts::Baseline && point.start == point.time
            };
            if batch.iter().any(is_baseline) {
                // What is lost of these nobody can know.
                arrivals.push((sent, batch));
                continue;
            }
            let fate = self.rng.u8(..20);
            if fate >= 2 {
                let delay = if fate < 5 { self.rng.usize(..60) } else { 0 };
                arrivals.push((sent + delay, batch.clone()));
            }
            if fate >= 17 {
                let again = sent + self.rng.usize(1..80);
                arrivals.push((again, batch));
            }
        }
        arrivals.sort_by_key(|(time, _)| *time);
        arrivals.into_iter().map(|(_, batch)| batch).collect()
    }

    fn run(mut self, report: &mut Report) -> Result<(), String> {
        let arrivals = self.network();
        let mut saved = Saved::default();
        let mut flags = Flags::default();
        let mut deltas = Deltas::new(self.config);
        for batch in arrivals {
            let fate = self.rng.u8(..40);
            let is_baseline = self.starts == Starts::Baseline;
            let times = if fate < 3 && !is_baseline { 2 } else { 1 };
            for time in 0..times {
                let is_killed = time + 1 < times;
                let is_lost = is_killed && fate > 0;
                let mut lost = is_lost.then(|| saved.clone());
                let into = lost.as_mut().unwrap_or(&mut saved);
                for packet in &batch {
                    self.deliver(*packet, &mut deltas, into, &mut flags)?;
                }
                report.points += batch.len() as u64;
                if is_killed {
                    report.kills += 1;
                    flags.retired += deltas.figures().retired;
                    deltas = Deltas::new(self.config);
                    if !self.reloads {
                        for (key, mark) in &saved.marks {
                            let restored = deltas.restore(SeriesKey(*key), mark);
                            restored.map_err(|error| error.to_string())?;
                        }
                    }
                    // What was not saved is sent again, or is not.
                    if self.rng.bool() {
                        break;
                    }
                }
            }
        }
        flags.retired += deltas.figures().retired;
        self.judge(&saved, &flags, report)
    }

    fn deliver(
        &self,
        packet: usize,
        deltas: &mut Deltas,
        saved: &mut Saved,
        flags: &mut Flags,
    ) -> Result<(), String> {
        let Packet { key, point, .. } = &self.packets[packet];
        let series = SeriesKey(*key);
        let is_gone = self.reloads && !deltas.knows(series);
        if let Some(mark) = saved.marks.get(key).filter(|_| is_gone) {
            let restored = deltas.restore(series, mark);
            restored.map_err(|error| error.to_string())?;
        }
        let mut out = Added::default();
        let taken = deltas.add(series, self.shape(), point, &mut out);
        let counted = flags.coverage.points();
        flags.coverage.note(taken, &out);
        if flags.coverage.points() != counted + 1 {
            return Err(format!("{taken:?} is not counted"));
        }
        saved.uncovered += i128::from(out.gap_ns) - i128::from(out.filled_ns);
        let sum = saved.sums.entry(*key).or_default();
        let added = amount(&out.change)?;
        sum.count += added.count;
        sum.sum += added.sum;
        if let Some(mark) = deltas.mark(series) {
            saved.marks.insert(*key, mark);
        }
        saved.packets.push(packet);
        Ok(())
    }

    fn shape(&self) -> Shape {
        let temporality = if self.delta {
            Temporality::Delta
        } else {
            Temporality::Cumulative
        };
        match self.kind {
            Kind::Int | Kind::Double => Shape::Sum {
                temporality,
                monotonic: true,
            },
            Kind::Histogram => Shape::Histogram(temporality),
            Kind::Exponential => Shape::ExponentialHistogram(temporality),
        }
    }

    /// Compares with what can be known of the points that came and were saved.
    fn judge(&self, saved: &Saved, flags: &Flags, report: &mut Report) -> Result<(), String> {
        for key in 0..self.keys {
            let packets: Vec<&Packet> = saved
                .packets
                .iter()
                .map(|at| &self.packets[*at])
                .filter(|it| it.key == key)
                .collect();
            if packets.is_empty() {
                continue;
            }
            let sum = saved.sums.get(&key).copied().unwrap_or_default();
            let (truth, is_observable) = if self.delta {
                (delta_truth(&packets), true)
            } else {
                Self::cumulative_truth(&packets)
            };
            let is_remembered = self.reloads || self.config.series >= 3;
            let coverage = &flags.coverage;
            let is_flagged = coverage.forgotten + flags.retired > 0 || !is_remembered;
            let context = format!("{sum:?} of {truth:?}, {self}, {coverage:?}");
            if sum.count > truth.count {
                // Points of two writers with one start.
                if !self.is_ambiguous(&packets) || coverage.resets_without_start == 0 {
                    return Err(format!("above the truth: {context}"));
                }
                report.above_and_flagged += 1;
            } else if is_observable && !is_flagged {
                let error = (sum.sum - truth.sum).abs() / truth.sum.abs().max(1e-9);
                report.error = report.error.max(error);
                if sum.count != truth.count || error > 1e-9 {
                    return Err(format!("not the truth: {context}"));
                }
                report.exact += 1;
            } else if sum.count < truth.count {
                let dropped = coverage.late + coverage.baselines + coverage.forgotten;
                if dropped + coverage.resets_without_start == 0 && is_observable {
                    return Err(format!("below the truth without a word: {context}"));
                }
                report.below_and_flagged += 1;
            }
            self.judge_writers(&packets, flags)
                .map_err(|it| format!("{it}: {context}"))?;
        }
        self.judge_gaps(saved, flags, report)
    }

    /// Two writers with the same start.
    fn is_ambiguous(&self, packets: &[&Packet]) -> bool {
        let runs = |start| {
            let of_start = packets.iter().filter(move |it| it.point.start == start);
            of_start.map(|it| it.run).collect::<BTreeSet<_>>().len()
        };
        !self.delta && packets.iter().any(|it| runs(it.point.start) > 1)
    }

    /// The last totals, and whether they can be told from what came.
    fn cumulative_truth(packets: &[&Packet]) -> (Amount, bool) {
        let mut truth = Amount::default();
        let mut is_observable = true;
        let starts: BTreeSet<u64> = packets.iter().map(|it| it.point.start).collect();
        for start in starts {
            let of_start = || packets.iter().filter(|it| it.point.start == start);
            let mut parts: BTreeMap<(usize, usize), &Packet> = BTreeMap::new();
            for packet in of_start() {
                let last = parts.entry((packet.run, packet.part)).or_insert(packet);
                if packet.point.time > last.point.time {
                    *last = packet;
                }
            }
            for last in parts.values() {
                truth.count += last.amount.count;
                truth.sum += last.amount.sum;
            }
            let first = of_start().next();
            match first {
                Some(first) if start == 0 || first.point.time == start => {
                    truth.count -= first.amount.count;
                    truth.sum -= first.amount.sum;
                    // Of what came ahead of the baseline nothing is known.
                    let is_late = |it: &&&Packet| it.point.time < first.point.time;
                    is_observable &= parts.len() == 1;
                    if parts.len() > 1 || of_start().any(|it| is_late(&it)) && start == 0 {
                        truth.count += first.amount.count;
                        truth.sum += first.amount.sum;
                        is_observable = false;
                    }
                }
                _ => is_observable &= parts.len() == 1 || are_falls_seen(of_start()),
            }
        }
        (truth, is_observable)
    }

    /// Writers that overlap are seen to be two.
    fn judge_writers(&self, packets: &[&Packet], flags: &Flags) -> Result<(), String> {
        let runs: BTreeSet<usize> = packets.iter().map(|it| it.run / RUNS).collect();
        if self.keys >= 3 && flags.coverage.second_writer > 0 {
            return Err("one writer is taken for two".into());
        }
        let is_clear =
            self.starts == Starts::Known && flags.retired + flags.coverage.forgotten == 0;
        let is_remembered = self.reloads || self.config.series >= 3;
        if runs.len() < 2 || !is_clear || !is_remembered || self.same_start {
            return Ok(());
        }
        let mut spans: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        for Packet { run, point, .. } in packets {
            let end = spans.entry((run / RUNS, point.start)).or_default();
            *end = point.time.max(*end);
        }
        let overlap = spans.iter().any(|((writer, start), end)| {
            spans.iter().any(|((other, other_start), other_end)| {
                writer != other && start < other_end && other_start < end
            })
        });
        if overlap && flags.coverage.second_writer == 0 {
            return Err("two writers are taken for one".into());
        }
        Ok(())
    }

    /// The uncovered time is what no interval that came tells of.
    fn judge_gaps(&self, saved: &Saved, flags: &Flags, report: &mut Report) -> Result<(), String> {
        let is_remembered = self.reloads || self.config.series >= 3;
        if !self.delta || self.starts != Starts::Known || !is_remembered {
            return Ok(());
        }
        let mut expected = 0;
        for key in 0..self.keys {
            let packets = saved.packets.iter().map(|at| &self.packets[*at]);
            let intervals: BTreeSet<(u64, u64, i128)> = packets
                .filter(|it| it.key == key)
                .map(|it| (it.point.start, it.point.time, it.amount.count))
                .collect();
            if intervals.len() > 16 || flags.coverage.forgotten > 0 {
                return Ok(());
            }
            let mut reach = intervals.first().map_or(0, |it| it.0);
            for (start, end, _) in intervals {
                expected += i128::from(start.saturating_sub(reach));
                reach = reach.max(end);
            }
        }
        report.gaps_compared += 1;
        if saved.uncovered == expected {
            return Ok(());
        }
        let found = saved.uncovered;
        Err(format!("uncovered {found}, not {expected}: {self}"))
    }
}

impl std::fmt::Display for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kind,
            delta,
            starts,
            keys,
            same_start,
            falls,
            config,
            reloads,
            ..
        } = self;
        write!(
            f,
            "{kind:?} delta {delta} {starts:?} keys {keys} same {same_start} "
        )?;
        write!(f, "falls {falls} {config:?} reloads {reloads}")
    }
}

/// Each interval and value once: of two writers that say the same of the same time one is taken for a retry.
fn delta_truth(packets: &[&Packet]) -> Amount {
    let mut seen = Vec::new();
    let mut truth = Amount::default();
    for packet in packets {
        let interval = (packet.point.start, packet.point.time, packet.amount);
        if !seen.contains(&interval) {
            seen.push(interval);
            truth.count += packet.amount.count;
            truth.sum += packet.amount.sum;
        }
    }
    truth
}

/// Whether all came in order, of one writer, and its value is lower after each fall.
fn are_falls_seen<'a>(packets: impl Iterator<Item = &'a &'a Packet>) -> bool {
    let mut before: Option<&Packet> = None;
    for packet in packets {
        if let Some(before) = before {
            let falls = packet.amount.count < before.amount.count;
            let is_same = packet.point.time == before.point.time;
            let is_right = packet.run == before.run
                && packet.point.time >= before.point.time
                && (is_same || falls == (packet.part != before.part));
            if !is_right {
                return false;
            }
        }
        before = Some(packet);
    }
    true
}

fn amount(change: &Change) -> Result<Amount, String> {
    match change {
        Change::Nothing => Ok(Amount::default()),
        #[expect(clippy::cast_precision_loss, reason = "small")]
        Change::Int(it) => Ok(Amount {
            count: *it,
            sum: *it as f64,
        }),
        Change::Double(it) => Ok(Amount {
            count: it.units(1e12).ok_or("too large")?,
            sum: it.difference(),
        }),
        Change::Histogram(Distribution { data, .. }) => {
            let total: u64 = data.buckets.iter().sum();
            distribution(data.count, total, data.sum)
        }
        Change::Exponential(Distribution { data, .. }) => {
            let buckets = data.positive.iter().chain(&data.negative);
            let total = data.zero_count + buckets.sum::<u64>();
            distribution(data.count, total, data.sum)
        }
    }
}

fn distribution(count: u64, in_buckets: u64, sum: Option<f64>) -> Result<Amount, String> {
    if count != in_buckets {
        return Err(format!(
            "{count} values, of which {in_buckets} are in buckets"
        ));
    }
    Ok(Amount {
        count: i128::from(count),
        sum: sum.ok_or("no sum")?,
    })
}

/// Most runs of one writer.
const RUNS: usize = 1_000;

/// A program that counts, and begins anew now and then.
struct Writer {
    key: u128,
    offset: u64,
    run: usize,
    part: usize,
    start: u64,
    told: u64,
    bounds: f64,
    scale: i32,
    values: Vec<f64>,
    total: i64,
}

impl Writer {
    fn new(writer: u64, key: u128) -> Self {
        Self {
            key,
            offset: writer * 7,
            run: usize::try_from(writer).unwrap_or(0) * RUNS,
            part: 0,
            start: 0,
            told: 0,
            bounds: 4.0,
            scale: 4,
            values: Vec::new(),
            total: 0,
        }
    }

    fn work(&mut self, ticks: u64, world: &mut World) {
        self.begin(world, 1_000);
        for tick in 1..=ticks {
            let now = 1_000 + tick * 100 + self.offset + world.rng.u64(..5);
            if world.rng.u8(..10) == 0 {
                self.begin(world, now - 30);
            }
            self.count(world);
            if world.rng.u8(..8) > 0 {
                self.tell(world, now);
            }
        }
    }

    /// A new process.
    fn begin(&mut self, world: &mut World, now: u64) {
        let is_going = self.start > 0 && !world.delta;
        let is_same = world.same_start || world.starts == Starts::Zero;
        if is_going && is_same && !world.falls {
            // One that never ends.
            return;
        }
        self.values.clear();
        self.total = 0;
        if is_going && world.falls && (is_same || world.rng.bool()) {
            self.part += 1;
            return;
        }
        self.run += 1;
        self.bounds = world.rng.choice([4.0, 5.0]).unwrap_or(4.0);
        self.scale = 4;
        self.start = if world.same_start {
            1_000
        } else {
            now + self.offset % 3
        };
        self.told = self.start;
        if world.starts == Starts::Baseline {
            self.count(world);
            self.tell(world, self.start);
        }
    }

    fn count(&mut self, world: &mut World) {
        for _ in 0..world.rng.u8(..4) {
            self.values.push(0.01 + world.rng.f64() * 8.0);
            self.total += world.rng.i64(0..1_000);
        }
        if world.rng.u8(..6) == 0 {
            self.scale = (self.scale - world.rng.i32(1..=2)).max(-10);
        }
    }

    fn tell(&mut self, world: &mut World, now: u64) {
        let start = match (world.starts, world.delta) {
            (Starts::Zero, _) => 0,
            (_, true) => self.told,
            (_, false) => self.start,
        };
        let (amount, data) = self.value(world.kind);
        world.packets.push(Packet {
            key: self.key,
            run: self.run,
            part: self.part,
            amount,
            point: point(start, now, data),
        });
        self.told = now;
        if world.delta {
            self.values.clear();
            self.total = 0;
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "small"
    )]
    fn value(&self, kind: Kind) -> (Amount, PointData) {
        let sum: f64 = self.values.iter().sum();
        let count = self.values.len() as u64;
        let data = match kind {
            Kind::Int => {
                let amount = Amount {
                    count: i128::from(self.total),
                    sum: self.total as f64,
                };
                return (amount, PointData::Number(Number::Int(self.total)));
            }
            Kind::Double => {
                let amount = Amount {
                    count: (sum * 1e12).round() as i128,
                    sum,
                };
                return (amount, PointData::Number(Number::Double(sum)));
            }
            Kind::Histogram => {
                let bounds = vec![1.0, self.bounds];
                let mut buckets = vec![0; 3];
                for value in &self.values {
                    buckets[bounds.partition_point(|bound| bound < value)] += 1;
                }
                PointData::Histogram(HistogramData {
                    count,
                    sum: Some(sum),
                    bounds,
                    buckets,
                    ..HistogramData::default()
                })
            }
            Kind::Exponential => {
                let index = |value: &f64| {
                    let steps = value.log2() * f64::from(self.scale).exp2();
                    steps.ceil() as i32 - 1
                };
                let offset = self.values.iter().map(index).min().unwrap_or(0);
                let mut positive = Vec::new();
                for value in &self.values {
                    let at = usize::try_from(index(value) - offset).unwrap_or(0);
                    positive.resize(positive.len().max(at + 1), 0);
                    positive[at] += 1;
                }
                PointData::Exponential(ExponentialData {
                    count,
                    sum: Some(sum),
                    scale: self.scale,
                    positive_offset: offset,
                    positive,
                    ..ExponentialData::default()
                })
            }
        };
        let count = i128::from(count);
        (Amount { count, sum }, data)
    }
}
