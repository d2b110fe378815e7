//! One line of the result.

use serde::Serialize;

use super::case::{Group, Kind};
use super::counts::Counted;
use super::spread::Spread;
use super::weight::Weight;

/// What was found out about one case. Everything that a run did not measure is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) case: String,
    pub(crate) version: String,
    pub(crate) kind: Kind,
    pub(crate) threads: usize,
    pub(crate) ns_median: Option<f64>,
    pub(crate) ns_mad: Option<f64>,
    /// Only where each timing is one operation (a percentile of batches says nothing about calls) and
    /// there are a hundred of them.
    pub(crate) ns_p99: Option<f64>,
    pub(crate) samples: usize,
    pub(crate) allocations: Option<f64>,
    pub(crate) allocated_bytes: Option<f64>,
    /// Most bytes that one operation holds at a time, beyond what was there before.
    pub(crate) peak_bytes: Option<f64>,
    /// Own median by the smallest median of a peer in the group.
    pub(crate) ratio_to_best_peer: Option<f64>,
    /// Own median by the smallest median of a floor in the group, where it was timed one by one.
    pub(crate) ratio_to_floor: Option<f64>,
    /// The 99th percentiles by each other, of the same two.
    pub(crate) p99_to_floor: Option<f64>,
    pub(crate) written_per_byte: Option<f64>,
    pub(crate) device_per_byte: Option<f64>,
    pub(crate) disk_per_byte: Option<f64>,
}

/// The rows of `group`, in its order.
pub(crate) fn rows(
    group: &Group,
    spreads: &[Option<Spread>],
    weights: &[Option<Weight>],
    counted: &[Counted],
) -> Vec<Row> {
    let best = group
        .cases
        .iter()
        .zip(spreads)
        .filter(|(case, _)| case.kind == Kind::Peer)
        .filter_map(|(_, spread)| spread.map(|spread| spread.median))
        .min_by(f64::total_cmp);
    // Below a microsecond a floor is the bare operation, and a ratio to it says how little that is.
    let floor = group
        .cases
        .iter()
        .zip(spreads)
        .filter(|(case, _)| case.kind == Kind::Floor && case.times_single_operations())
        .filter_map(|(_, spread)| *spread)
        .min_by(|a, b| a.median.total_cmp(&b.median));
    let mut rows = Vec::new();
    for ((case, spread), weight) in group.cases.iter().zip(spreads).zip(weights) {
        let counts = counted.iter().find(|counted| {
            (counted.group.as_str(), counted.threads) == (group.name, group.threads)
                && counted.case == case.name
        });
        let ns_p99 = |spread: &Spread| {
            (case.times_single_operations() && spread.samples >= 100).then_some(spread.p99)
        };
        rows.push(Row {
            group: group.name,
            case: case.name.clone(),
            version: case.version.clone(),
            kind: case.kind,
            threads: group.threads,
            ns_median: spread.map(|spread| spread.median),
            ns_mad: spread.map(|spread| spread.mad),
            ns_p99: spread.as_ref().and_then(ns_p99),
            samples: spread.map_or(0, |spread| spread.samples),
            allocations: counts.map(|counted| counted.allocations),
            allocated_bytes: counts.map(|counted| counted.bytes),
            peak_bytes: counts.map(|counted| counted.peak),
            ratio_to_best_peer: spread.zip(best).map(|(spread, best)| spread.median / best),
            ratio_to_floor: spread
                .zip(floor)
                .map(|(spread, floor)| spread.median / floor.median),
            p99_to_floor: spread
                .as_ref()
                .and_then(ns_p99)
                .zip(floor.as_ref().and_then(ns_p99))
                .map(|(own, floor)| own / floor),
            written_per_byte: weight.and_then(|weight| weight.written),
            device_per_byte: weight.and_then(|weight| weight.device),
            disk_per_byte: weight.map(|weight| weight.disk),
        });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::case::{Broken, Case, Steps};
    use super::*;

    fn case(kind: Kind, name: &str) -> Case {
        Case::looped(kind, name, "1.0", |_| ())
    }

    fn at(median: f64) -> Option<Spread> {
        Spread::of(vec![median])
    }

    #[test]
    fn ratio_refers_to_the_fastest_peer_and_never_to_a_floor() {
        let cases = vec![
            case(Kind::Ours, "ours"),
            case(Kind::Peer, "slow"),
            case(Kind::Peer, "fast"),
            case(Kind::Floor, "bare"),
        ];
        let spreads = [at(15.0), at(90.0), at(30.0), at(3.0)];
        let rows = rows(&Group::new("g", cases), &spreads, &[None; 4], &[]);
        let ratios: Vec<_> = rows.iter().map(|row| row.ratio_to_best_peer).collect();
        assert_eq!(ratios, [Some(0.5), Some(3.0), Some(1.0), Some(0.1)]);
    }

    #[test]
    fn operations_timed_one_by_one_are_set_beside_the_lowest_floor() {
        let steps = |kind, name: &str| Case::steps(kind, name, "1.0", Idle);
        let cases = vec![
            steps(Kind::Ours, "ours"),
            steps(Kind::Floor, "high"),
            steps(Kind::Floor, "low"),
        ];
        let spread = |at: f64, last: f64| {
            let mut samples = vec![at; 98];
            samples.extend([last; 2]);
            Spread::of(samples)
        };
        let spreads = [spread(3.0, 10.0), spread(9.0, 9.0), spread(2.0, 4.0)];
        let rows = rows(&Group::new("g", cases), &spreads, &[None; 3], &[]);
        assert_eq!(
            (rows[0].ratio_to_floor, rows[0].p99_to_floor),
            (Some(1.5), Some(2.5))
        );
        assert_eq!(rows[0].ratio_to_best_peer, None);
    }

    #[test]
    fn group_without_peers_has_no_ratio() {
        let group = Group::new(
            "g",
            vec![case(Kind::Ours, "ours"), case(Kind::Floor, "bare")],
        );
        let rows = rows(&group, &[at(15.0), at(3.0)], &[None; 2], &[]);
        assert!(
            rows.iter().all(|row| row.ratio_to_best_peer.is_none()),
            "{rows:?}"
        );
    }

    struct Idle;
    impl Steps for Idle {
        fn run(&mut self) -> Result<(), Broken> {
            Ok(())
        }
    }

    #[test]
    fn percentile_needs_single_operations_and_a_hundred_of_them() {
        let cases = vec![
            Case::steps(Kind::Ours, "many", "1.0", Idle),
            Case::steps(Kind::Ours, "few", "1.0", Idle),
            case(Kind::Ours, "batches"),
        ];
        let (many, few) = (Spread::of(vec![2.0; 100]), Spread::of(vec![2.0; 99]));
        let rows = rows(&Group::new("g", cases), &[many, few, many], &[None; 3], &[]);
        let percentiles: Vec<_> = rows.iter().map(|row| row.ns_p99).collect();
        assert_eq!(percentiles, [Some(2.0), None, None]);
    }

    #[test]
    fn counts_go_to_the_case_of_the_same_group_and_threads() {
        let counted = |threads, allocations| Counted {
            group: "g".to_owned(),
            case: "ours".to_owned(),
            threads,
            allocations,
            bytes: 8.0,
            peak: 8.0,
        };
        let group = Group::new("g", vec![case(Kind::Ours, "ours")]).threads(2);
        let rows = rows(
            &group,
            &[None],
            &[None],
            &[counted(1, 1.0), counted(2, 5.0)],
        );
        assert_eq!((rows[0].allocations, rows[0].ns_median), (Some(5.0), None));
    }
}
