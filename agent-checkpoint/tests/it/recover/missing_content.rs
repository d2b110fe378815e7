//! A long text that is stored by itself, and lost.

use agent_checkpoint::Message;
use agent_checkpoint::recover::{Failure, Hooks, Recovery, Strategy};
use agent_primitives::CheckpointKind;

use super::{Site, said, talk};

/// A text that does not shrink, and is long enough to be stored by itself.
fn long(seed: u64) -> String {
    let mut word = seed;
    let letters = std::iter::repeat_with(|| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + word.to_be_bytes()[0] % 90)
    });
    letters.take(40_000).collect()
}

/// Where the long text begins in the log.
fn with_long_text(site: &Site, is_mirrored: bool) -> u64 {
    let mut session = if is_mirrored {
        site.open_mirrored()
    } else {
        site.open()
    };
    talk(&mut session, 2);
    let start = session.figures().unwrap().stored_bytes;
    session.push(Message::user(long(1))).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    talk(&mut session, 3);
    start
}

#[test]
fn a_lost_text_leaves_a_stub_with_its_digest_and_every_message_behind_it() {
    let site = Site::new();
    let start = with_long_text(&site, false);
    site.flip(start + 1_000);
    assert_eq!(
        site.open().history().len(),
        2,
        "opening alone goes back before it"
    );

    let recovered = site.recover(&Recovery::default());
    let history = recovered.session.history();
    assert_eq!(history.len(), 6);
    let hash = blake3::hash(long(1).as_bytes()).to_hex();
    let stub = format!("[lost: a text of 40000 bytes, BLAKE3 {hash}]");
    assert_eq!(history[2], Message::user(stub));
    assert_eq!(history[3..], [said(3), said(4), said(5)]);
    let finding = &recovered.report.findings[0];
    assert_eq!(recovered.report.findings.len(), 1, "{}", recovered.report);
    assert_eq!(
        (finding.failure, finding.strategy),
        (Failure::MissingContent, Strategy::Stub)
    );
    assert_eq!(finding.lost, recovered.session.report().missing);
    assert!(recovered.report.may_go_on());

    // The text may come again, and is stored anew.
    let mut session = recovered.session;
    session.push(Message::user(long(1))).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    site.holds(session);
}

#[test]
fn a_lost_text_comes_back_from_a_sibling() {
    let site = Site::new();
    let start = with_long_text(&site, true);
    site.flip(start + 1_000);

    let recovered = site.recover_with(&Recovery::default(), &Hooks::new().sibling(site.mirror()));
    assert_eq!(recovered.session.history()[2], Message::user(long(1)));
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy),
        (Failure::MissingContent, Strategy::Sibling)
    );
    assert_eq!(finding.lost, []);
    site.holds(recovered.session);
}
