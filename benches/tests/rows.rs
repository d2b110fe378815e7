//! Every row can be set up and run, and the counting process counts.

use std::ffi::OsString;
use std::path::Path;

use agent_benches::gates::Gates;
use agent_benches::harness::{Counted, Effort, Report, counted_by, perform};
use agent_benches::rows::{self, Setting};

const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");
const COUNTER: &str = env!("CARGO_BIN_EXE_count_allocations");

#[test]
fn every_row_runs_once_and_shows_no_figure_in_a_test() {
    let setting = Setting::new(SCRATCH, Effort::Test);
    let mut report = Report::new(Effort::Test, Path::new(SCRATCH));
    let plans = rows::plans(&setting);
    assert!(plans.len() >= 28, "{plans:?}");
    for plan in plans {
        report.add(plan.group().unwrap(), &[]).unwrap();
    }
    let table = report.to_string();
    for peer in [
        "recloser",
        "failsafe",
        "tower-resilience",
        "backon",
        "backoff",
        "tokio-retry2",
        "governor",
        "by hand",
        "SQLite",
    ] {
        assert!(table.contains(peer), "{table}");
    }
    for unit in [" ns ", " µs ", " ms "] {
        assert!(!table.contains(unit), "{table}");
    }
}

#[test]
fn counting_process_tells_a_boxed_future_from_none() {
    let arguments = ["--filter", "breaker, closed"].map(OsString::from);
    let counted = counted_by(Path::new(COUNTER), &arguments).unwrap();
    let of = |case: &str| {
        let found = counted.iter().find(|counted| counted.case() == case);
        found.map_or(-1.0, Counted::allocations)
    };
    let (plain, boxed) = (of("recloser"), of("tower-resilience"));
    assert!(plain.abs() < f64::EPSILON, "{plain}");
    assert!(boxed >= 1.0, "{boxed}");
}

#[test]
fn every_gate_has_figures_and_names_a_row_that_runs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("gates.json");
    let setting = Setting::new(SCRATCH, Effort::Test);
    for gate in Gates::open(&file).unwrap().gates {
        let plans = rows::plans(&setting);
        let plan = plans.into_iter().find(|plan| plan.name == gate.group);
        let mut group = plan.expect(&gate.group).group().unwrap();
        assert!(perform(&mut group, &gate.case, 1, 1).unwrap() >= 1);
        let figures = (gate.instructions, gate.allocations);
        assert!(
            matches!(figures, (Some(1.0..), Some(0.0..))),
            "{}: {figures:?}",
            gate.group
        );
    }
}
