//! Messages that a provider would refuse.

use agent_checkpoint::history::{INTERRUPTED, check};
use agent_checkpoint::recover::{Failure, Recovery, Strategy};
use agent_checkpoint::{Message, Role};
use agent_primitives::CheckpointKind;

use super::{Site, call, said};

#[test]
fn orphans_of_both_sides_are_repaired_in_the_context_and_the_history_keeps_them() {
    let site = Site::new();
    let mut session = site.open();
    let messages = [
        said(0),
        call("c1", "build"),
        Message::user("Still there?"),
        Message::tool("c2", "of nobody"),
        call("c3", "test"),
        Message::tool("c3", "passed"),
        Message::tool("c3", "passed"),
        Message::new(Role::Assistant, " "),
        Message::user("On."),
    ];
    for message in &messages {
        session.push(message.clone()).unwrap();
    }
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);

    let recovered = site.recover(&Recovery::default());
    let finding = &recovered.report.findings[0];
    assert_eq!(recovered.report.findings.len(), 1, "{}", recovered.report);
    assert_eq!(
        (finding.failure, finding.strategy),
        (Failure::BrokenHistory, Strategy::RepairContext)
    );
    assert_eq!(finding.lost, []);
    let told: Vec<&str> = finding.detail.split("; ").collect();
    assert_eq!(told.len(), 4);
    assert_eq!(
        told[0],
        "message 1: call \"c1\" has no result: answered as interrupted"
    );
    assert_eq!(recovered.session.history(), messages);
    assert_eq!(
        recovered.session.context()[2],
        &Message::tool("c1", INTERRUPTED)
    );
    assert_eq!(check(&recovered.session.context()), []);
    site.holds(recovered.session);
}

#[test]
fn a_call_whose_result_may_still_come_is_left_alone() {
    let site = Site::new();
    let mut session = site.open();
    session.push(said(0)).unwrap();
    session.push(call("c1", "build")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    let recovered = site.recover(&Recovery::default());
    assert!(recovered.report.is_clean(), "{}", recovered.report);
    assert_eq!(recovered.session.context().len(), 2);
}
