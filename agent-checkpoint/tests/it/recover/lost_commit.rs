//! A commit that is damaged: what it committed is there, and nothing says how it belongs together.

use agent_checkpoint::recover::{Failure, Hooks, Outcome, Recovery, Strategy};
use agent_checkpoint::{Checkpointer, Decision, Message, Snapshot};
use agent_primitives::{CheckpointKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::{COMMIT, SNAPSHOT, Site, said, talk};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Spent {
    cents: u32,
}

impl Snapshot for Spent {
    const KIND: &'static str = "spent";
    const VERSION: u16 = 1;
}

fn decide(session: &mut Checkpointer, what: &str) {
    let decision = Decision::new(Timestamp::UNIX_EPOCH, what, "because");
    session.update(|work| work.decisions.push(decision));
}

/// A save of four messages; one of ten messages, a decision and a host's value; and one of a message alone.
fn three_saves(site: &Site) {
    let mut session = site.open();
    decide(&mut session, "first");
    session.put(&Spent { cents: 1 }).unwrap();
    for number in 0..4 {
        session.push(said(number)).unwrap();
    }
    session.save(CheckpointKind::Auto).unwrap();
    decide(&mut session, "second");
    session.put(&Spent { cents: 2 }).unwrap();
    for number in 4..14 {
        session.push(said(number)).unwrap();
    }
    session.save(CheckpointKind::Auto).unwrap();
    talk(&mut session, 1);
}

#[test]
fn state_beside_the_messages_does_not_go_back_with_a_lost_commit() {
    for is_header in [false, true] {
        let site = Site::new();
        three_saves(&site);
        let commit = site.last_of(COMMIT);
        let at = if is_header {
            commit.header()
        } else {
            commit.payload()
        };
        site.flip(at);

        let recovered = site.recover(&Recovery::default());
        let all: Vec<Message> = (0..15).map(said).collect();
        assert_eq!(recovered.session.history(), all);
        let work = &recovered.session.state().work;
        assert_eq!(work.decisions.len(), 2, "{}", recovered.report);
        let spent = recovered.session.component::<Spent>().unwrap();
        assert_eq!(spent, Some(Spent { cents: 2 }));
        let finding = &recovered.report.findings[0];
        assert_eq!(
            finding.lost,
            std::slice::from_ref(&(commit.number..commit.number + 1))
        );
        assert_eq!(
            finding.detail,
            "no message is lost; no commit says how records 6 to 17 belong together: the context, and what was taken out \
             of the state, may be older; values found there were taken of host.spent, work.decisions"
        );
        site.holds(recovered.session);
    }
}

#[test]
fn what_a_lost_commit_and_its_lost_values_leave_open_is_named() {
    let site = Site::new();
    three_saves(&site);
    site.flip(site.last_of(COMMIT).header());
    site.flip(site.last_of(SNAPSHOT).payload());

    let recovered = site.recover(&Recovery::default());
    let all: Vec<Message> = (0..15).map(said).collect();
    assert_eq!(recovered.session.history(), all);
    assert_eq!(recovered.session.state().work.decisions.len(), 1);
    let detail = &recovered.report.findings[0].detail;
    assert!(
        detail.ends_with("older values, or none, of host.spent, work.decisions"),
        "{detail}"
    );
    site.holds(recovered.session);
}

#[test]
fn what_a_cut_put_into_the_context_does_not_come_into_the_history() {
    let site = Site::new();
    let mut session = site.open();
    decide(&mut session, "first");
    talk(&mut session, 6);
    session
        .cut_with_summary(4, &|_: &Message| 1, Message::user("a summary"))
        .unwrap();
    session.push(said(6)).unwrap();
    session.push(said(7)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    talk(&mut session, 1);
    drop(session);
    site.flip(site.last_of(COMMIT).payload());

    let recovered = site.recover(&Recovery::default());
    let all: Vec<Message> = (0..9).map(said).collect();
    assert_eq!(recovered.session.history(), all);
    site.holds(recovered.session);
}

#[test]
fn a_message_and_the_commit_behind_it_have_one_mark() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 3);
    session.update(|work| work.next_steps.push("go".into()));
    session.push(said(3)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    talk(&mut session, 2);
    drop(session);
    let frames = site.frames();
    let commit = site.last_of(COMMIT);
    let message = frames
        .iter()
        .find(|frame| frame.number + 2 == commit.number)
        .unwrap();
    site.flip(commit.header());
    site.flip(message.header());

    let recovered = site.recover(&Recovery::default());
    let texts: Vec<&str> = recovered
        .session
        .history()
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    assert_eq!(texts.len(), 6, "{texts:?}");
    assert!(texts[3].starts_with("[lost: "), "{texts:?}");
    assert_eq!(recovered.session.state().work.next_steps, ["go"]);
    let detail = &recovered.report.findings[0].detail;
    assert!(
        detail.starts_with("at most 1 messages are lost, and 1 marks stand in their place; "),
        "{detail}"
    );
    site.holds(recovered.session);
}

fn labelled(site: &Site) {
    let mut session = site.open();
    talk(&mut session, 1);
    for number in 1..11 {
        session.push(said(number)).unwrap();
    }
    session.save_labelled("x").unwrap();
}

#[test]
fn an_acknowledged_save_with_a_damaged_commit_is_salvaged_where_something_follows() {
    for is_header in [false, true] {
        let site = Site::new();
        labelled(&site);
        let commit = site.last_of(COMMIT);
        let at = if is_header {
            commit.header()
        } else {
            commit.payload()
        };
        site.flip(at);

        let recovered = site.recover(&Recovery::default());
        let all: Vec<Message> = (0..11).map(said).collect();
        assert_eq!(recovered.session.history(), all, "{}", recovered.report);
        let finding = &recovered.report.findings[0];
        assert_eq!(
            (finding.failure, finding.strategy, finding.outcome),
            (Failure::DamagedFrame, Strategy::Salvage, Outcome::Recovered)
        );
        site.holds(recovered.session);
    }
}

#[test]
fn without_salvage_what_a_damaged_commit_held_is_told() {
    let site = Site::new();
    labelled(&site);
    site.flip(site.last_of(COMMIT).payload());
    let recovered = site.recover(&Recovery::default().without_salvage());
    assert_eq!(recovered.session.history(), [said(0)]);
    let finding = &recovered.report.findings[0];
    assert_eq!(finding.strategy, Strategy::OlderCheckpoint);
    assert!(
        finding
            .detail
            .contains("10 messages behind it are left out"),
        "{finding}"
    );
}

/// Nobody can tell whether such a save was acknowledged: an interrupted write looks the same.
#[test]
fn messages_of_a_save_whose_commit_is_torn_are_left_out_and_told() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 1);
    for number in 1..11 {
        session.push(said(number)).unwrap();
    }
    session.update(|work| work.next_steps.push("go".into()));
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    site.flip(site.last_of(COMMIT).last());

    let recovered = site.recover(&Recovery::default());
    assert_eq!(recovered.session.history(), [said(0)]);
    let finding = &recovered.report.findings[0];
    assert_eq!(recovered.report.findings.len(), 1, "{}", recovered.report);
    assert_eq!(
        (finding.failure, finding.strategy),
        (Failure::TornTail, Strategy::SetAside)
    );
    assert!(
        finding
            .detail
            .contains("10 messages before it are whole and were not committed"),
        "{finding}"
    );
    drop(recovered);
    // Later recoveries still tell of them, and a save that goes on leaves them where they lie.
    let again = site.recover_with(&Recovery::default(), &Hooks::new());
    assert_eq!(again.session.history(), [said(0)]);
    assert_eq!(again.report.findings.len(), 1, "{}", again.report);
    let mut session = again.session;
    talk(&mut session, 1);
    drop(session);
    assert!(site.recover(&Recovery::default()).report.is_clean());
}

#[test]
fn messages_behind_the_last_loss_were_never_committed_and_are_not_salvaged() {
    let site = Site::new();
    labelled(&site);
    let lost = site.last_of(COMMIT);
    let mut session = site.open();
    session.update(|work| work.next_steps.push("go".into()));
    session.push(said(11)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    // The newest commit was never finished, and the one before is damaged.
    site.cut(site.last_of(COMMIT).at);
    site.flip(lost.payload());
    let recovered = site.recover(&Recovery::default());
    let all: Vec<Message> = (0..11).map(said).collect();
    assert_eq!(recovered.session.history(), all, "{}", recovered.report);
    assert_eq!(recovered.session.state().work.next_steps.len(), 0);
    site.holds(recovered.session);
}
