//! A long session is measured from end to end, here a short one.

use std::path::PathBuf;

use agent_benches::large::{Asked, measure};

#[test]
fn every_store_gives_back_what_was_written_and_tells_what_it_took() {
    let session = measure(&Asked {
        bytes: 150_000,
        more: 2,
        rounds: 1,
        scratch: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
        program: PathBuf::from(env!("CARGO_BIN_EXE_large_session")),
    })
    .unwrap();
    assert!(session.told.logical >= 150_000);
    assert_eq!(session.written.len(), 7);
    for written in &session.written {
        let outcome = &written.outcome;
        assert!(outcome.logical >= session.told.logical, "{written:?}");
        assert!(written.disk > 10_000, "{written:?}");
        let whole = session.read.iter().find(|read| {
            let read = (read.store, read.what);
            read == (written.store, "whole")
        });
        assert_eq!(whole.map(|read| read.count), Some(outcome.count));
    }
    let ends = session.read.iter();
    let ends: Vec<usize> = ends
        .filter(|read| read.what.starts_with("last 20 turns"))
        .map(|read| read.count)
        .collect();
    assert!(
        ends.len() >= 6 && ends.iter().all(|count| *count > 10),
        "{ends:?}"
    );
    let ours = session
        .read
        .iter()
        .find(|read| read.store.starts_with("checkpoint log"));
    assert!(ours.is_some_and(|ours| ours.ratio_to_snapshot.is_some()));
    assert_eq!(
        session
            .to_string()
            .lines()
            .filter(|line| line.contains("listing"))
            .count(),
        4
    );
}
