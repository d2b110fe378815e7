//! Damage to the messages that were made for a session when it took work over.

use agent_checkpoint::handoff::{Inherited, Link, Package, Terms};
use agent_checkpoint::recover::Recovery;
use agent_checkpoint::{Message, Reader};
use agent_primitives::{CheckpointKind, SessionId, Timestamp};

use super::{Site, said};

#[test]
fn what_was_said_first_is_not_taken_for_what_was_given() {
    let site = Site::new();
    let from = Link::new(SessionId::new("before").unwrap(), Timestamp::UNIX_EPOCH);
    let mut package = Package::new(from).with_objective("Fix the build.");
    package.recent = (1..5).map(said).collect();
    let mut session = package.begin(site.builder()).unwrap();
    assert_eq!(session.history().len(), 5);
    for n in 6..12 {
        session.push(said(n)).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    let before = session.hand_off(&Terms::default()).unwrap();
    drop(session);
    let mut first = None;
    let reader = Reader::open(site.store(), Site::id()).unwrap();
    reader
        .frames(|frame| {
            first.get_or_insert((frame.kind.clone(), frame.offset));
            false
        })
        .unwrap();
    let (kind, offset) = first.unwrap();
    assert_eq!(kind, "items");
    site.flip(offset + 40);

    let recovered = site.recover(&Recovery::default());
    assert!(recovered.report.may_go_on(), "{}", recovered.report);
    let mut session = recovered.session;
    assert!(session.history()[0].content.starts_with("[lost: "));
    assert_eq!(
        session.history()[1..],
        (6..12).map(said).collect::<Vec<Message>>()
    );
    let given = Inherited::of(&session.state().work).unwrap();
    assert_eq!(given.opening, 1);
    let after = session.hand_off(&Terms::default()).unwrap();
    assert_eq!(after.requests, ["question 6", "question 8", "question 10"]);
    assert_eq!(after.requests, before.requests);
    site.holds(session);
}
