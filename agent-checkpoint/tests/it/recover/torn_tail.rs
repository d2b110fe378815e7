//! A write that was interrupted at the end.

use agent_checkpoint::recover::{Failure, Hooks, Outcome, Recovery, Strategy};

use agent_primitives::CheckpointKind;

use super::{COMMIT, Site, said, talk};

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

#[test]
fn what_intact_headers_in_the_tail_say_is_lost_is_told() {
    for is_commit_there in [true, false] {
        let site = Site::new();
        let mut session = site.open();
        talk(&mut session, 1);
        for number in 1..51 {
            session.push(said(number)).unwrap();
        }
        session.update(|work| work.next_steps.push("go".into()));
        session.save(CheckpointKind::Auto).unwrap();
        drop(session);
        // Items, what is to be done, and the commit: each is damaged, and nothing follows.
        let frames = site.frames();
        let write = &frames[frames.len() - 3..];
        for frame in write {
            site.flip(frame.payload());
        }
        assert_eq!((write[0].number, write[2].kind), (2, COMMIT));
        if !is_commit_there {
            site.cut(write[1].at - 1);
        }

        let recovered = site.recover(&Recovery::default());
        let finding = &recovered.report.findings[0];
        let end = if is_commit_there { 54 } else { 3 };
        assert_eq!(finding.lost, std::slice::from_ref(&(2..end)), "{finding}");
        assert!(
            finding
                .detail
                .contains("record 2 and what follows it in that write"),
            "{finding}"
        );
        site.holds(recovered.session);
    }
}

#[test]
fn a_mirror_that_lacks_the_tail_is_not_said_to_have_given_it() {
    let site = Site::new();
    let ends = talk(&mut site.open_mirrored(), 8);
    let mirror = site.folder.path().join("there/sessions/s/seg-000001.ckl");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(mirror)
        .unwrap();
    file.set_len(ends[5]).unwrap();
    site.flip(ends[1] + 36);
    site.flip(ends[7] - 5);

    let recovered = site.recover_with(&Recovery::default(), &Hooks::new().sibling(site.mirror()));
    assert_eq!(recovered.session.history().len(), 7);
    let findings: Vec<_> = recovered
        .report
        .findings
        .iter()
        .map(|f| (f.failure, f.strategy))
        .collect();
    assert_eq!(
        findings,
        [
            (Failure::TornTail, Strategy::SetAside),
            (Failure::DamagedFrame, Strategy::Sibling)
        ],
        "{}",
        recovered.report
    );
    assert_eq!(
        recovered.report.findings[0].lost,
        std::slice::from_ref(&(8..9))
    );
    site.holds(recovered.session);
}
