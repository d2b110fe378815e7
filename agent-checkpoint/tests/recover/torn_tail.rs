//! A write that was interrupted at the end.

use agent_checkpoint::recover::{Failure, Hooks, Outcome, Recovery, Strategy};

use super::{Site, said, talk};

#[test]
fn a_torn_tail_is_set_aside_and_the_last_whole_save_is_gone_on_from() {
    let site = Site::new();
    let ends = talk(&mut site.open(), 4);
    site.cut(ends[3] - 5);

    let recovered = site.recover(&Recovery::default());
    assert_eq!(recovered.session.history(), [said(0), said(1), said(2)]);
    let finding = &recovered.report.findings[0];
    assert_eq!(recovered.report.findings.len(), 1, "{}", recovered.report);
    assert_eq!(finding.failure, Failure::TornTail);
    assert_eq!(finding.strategy, Strategy::SetAside);
    assert_eq!(finding.outcome, Outcome::Recovered);
    // Three messages and the first commit stand before the record that was torn.
    assert_eq!(finding.lost, std::slice::from_ref(&(4..5)));
    let torn = ends[3] - 5 - ends[2];
    assert!(
        finding.detail.starts_with(&format!("{torn} bytes ")),
        "{finding}"
    );
    // What was torn is kept: nothing is destroyed.
    let copy = &recovered.session.report().quarantined[0];
    assert_eq!(copy.len, torn);
    let session = recovered.session;
    site.holds(session);
    assert!(
        site.recover(&Recovery::default()).report.is_clean(),
        "the tail is gone"
    );
}

#[test]
fn a_torn_tail_comes_back_from_a_mirror() {
    let site = Site::new();
    let ends = talk(&mut site.open_mirrored(), 4);
    // Without the mirror, as a store whose device lost its last write.
    site.flip(ends[3] - 5);

    let recovered = site.recover_with(&Recovery::default(), &Hooks::new().sibling(site.mirror()));
    assert_eq!(
        recovered.session.history(),
        [said(0), said(1), said(2), said(3)]
    );
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy),
        (Failure::TornTail, Strategy::Sibling)
    );
    assert_eq!(finding.lost, []);
    assert!(recovered.report.checkpoint.is_some());
    site.holds(recovered.session);
}
