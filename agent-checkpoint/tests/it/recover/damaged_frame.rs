//! Damage in the middle: what lies behind it is not lost with it.

use agent_checkpoint::recover::{Failure, Hooks, Outcome, Recovery, Strategy};
use agent_checkpoint::{Checkpointer, Decision, Message, Resume};
use agent_primitives::{CheckpointKind, Timestamp};

use super::{SNAPSHOT, Site, call, said, talk};

#[test]
fn messages_behind_a_damaged_one_are_salvaged_with_a_mark_in_its_place() {
    let site = Site::new();
    let ends = talk(&mut site.open(), 8);
    // The third message, which is a checkpoint of its own, as are those that follow it.
    site.flip(ends[1] + 36);

    let recovered = site.recover(&Recovery::default());
    let history = recovered.session.history();
    assert_eq!(history[..2], [said(0), said(1)]);
    let mark = "[lost: messages of the records 3 to 3 were damaged and are not in this history]";
    assert_eq!(history[2], Message::user(mark));
    let rest: Vec<Message> = (3..8).map(said).collect();
    assert_eq!(history[3..], rest);
    let finding = &recovered.report.findings[0];
    assert_eq!(recovered.report.findings.len(), 1, "{}", recovered.report);
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::DamagedFrame, Strategy::Salvage, Outcome::Recovered)
    );
    assert_eq!(finding.lost, std::slice::from_ref(&(3..4)));
    assert_eq!(
        finding.detail,
        "1 messages are lost, and 1 marks stand in their place"
    );
    assert!(recovered.report.may_go_on());
    site.holds(recovered.session);
}

#[test]
fn without_salvage_the_nearest_whole_checkpoint_is_gone_on_from() {
    let site = Site::new();
    let ends = talk(&mut site.open(), 8);
    site.flip(ends[1] + 36);

    let recovered = site.recover(&Recovery::default().without_salvage());
    assert_eq!(recovered.session.history(), [said(0), said(1)]);
    let finding = &recovered.report.findings[0];
    assert_eq!(finding.strategy, Strategy::OlderCheckpoint);
    assert_eq!(finding.lost, std::slice::from_ref(&(3..4)));
    let head = recovered.session.report().head.clone().unwrap();
    let told = format!(
        "goes on from {head}; 5 checkpoints are not whole, 5 messages behind it are left out"
    );
    assert_eq!(finding.detail, told);
}

#[test]
fn a_sibling_gives_back_what_was_damaged_and_nothing_is_lost() {
    let site = Site::new();
    let ends = talk(&mut site.open_mirrored(), 8);
    site.flip(ends[1] + 36);
    site.flip(ends[4] + 36);

    // A store of something else is asked first, and is of no use.
    let other = Site::new();
    talk(&mut other.open(), 9);
    let hooks = Hooks::new().sibling(other.store()).sibling(site.mirror());
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    let all: Vec<Message> = (0..8).map(said).collect();
    assert_eq!(recovered.session.history(), all);
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.strategy, finding.outcome),
        (Strategy::Sibling, Outcome::Recovered)
    );
    assert_eq!(finding.lost, []);
    site.holds(recovered.session);
}

#[test]
fn items_are_salvaged_where_no_checkpoint_is_whole() {
    let site = Site::new();
    let mut session = site.open();
    session.push(said(0)).unwrap();
    session.push(said(1)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    let end = session.figures().unwrap().stored_bytes;
    drop(session);
    // The only commit, behind the items.
    site.flip(end - 12);

    let refused = site.recover(&Recovery::default().without_salvage());
    assert!(refused.session.history().is_empty());
    assert!(!refused.report.may_go_on(), "{}", refused.report);
    drop(refused);

    let recovered = site.recover(&Recovery::default());
    assert_eq!(recovered.session.history(), [said(0), said(1)]);
    assert!(
        recovered.report.of(Failure::DamagedFrame).count()
            + recovered.report.of(Failure::TornTail).count()
            > 0
    );
    site.holds(recovered.session);
}

#[test]
fn damaged_components_are_those_of_an_older_checkpoint_and_named() {
    let site = Site::new();
    let mut session = site.open();
    let decide = |session: &mut Checkpointer, what: &str| {
        let decision = Decision::new(Timestamp::UNIX_EPOCH, what, "because");
        session.update(|work| work.decisions.push(decision));
    };
    decide(&mut session, "first");
    talk(&mut session, 1);
    session.update(|work| work.next_steps.push("go".into()));
    session.save(CheckpointKind::Auto).unwrap();
    let before = session.figures().unwrap().stored_bytes;
    decide(&mut session, "second");
    session.save(CheckpointKind::Auto).unwrap();
    talk(&mut session, 2);
    drop(session);
    // The frame of the component stands before its commit.
    site.flip(before + 36);

    let recovered = site.recover(&Recovery::default());
    assert_eq!(recovered.session.history(), [said(0), said(1), said(2)]);
    let work = &recovered.session.state().work;
    assert_eq!(work.decisions.len(), 1, "the second one is lost");
    assert_eq!(work.next_steps, ["go"]);
    let finding = &recovered.report.findings[0];
    assert_eq!(finding.detail, "older values, or none, of work.decisions");
    site.holds(recovered.session);
}

#[test]
fn a_lost_component_has_no_mark_among_the_messages() {
    for is_header in [false, true] {
        let site = Site::new();
        let mut session = site.open();
        let ends = talk(&mut session, 4);
        session.update(|work| work.next_steps.push("go".into()));
        talk(&mut session, 3);
        session.update(|work| work.next_steps.push("on".into()));
        talk(&mut session, 1);
        drop(session);
        // A message, and two commits later a value that the newest commit does not name any more.
        let values = site.frames().into_iter().find(|f| f.kind == SNAPSHOT);
        let values = values.unwrap();
        site.flip(ends[1] + if is_header { 12 } else { 36 });
        site.flip(if is_header {
            values.header()
        } else {
            values.payload()
        });

        let recovered = site.recover(&Recovery::default());
        let marks = recovered.session.history().iter();
        let marks: Vec<bool> = marks.map(|m| m.content.starts_with("[lost: ")).collect();
        assert_eq!(
            marks,
            [false, false, true, false, false, false, false, false]
        );
        let finding = &recovered.report.findings[0];
        assert_eq!(
            finding.detail,
            "1 messages are lost, and 1 marks stand in their place"
        );
        assert_eq!(finding.lost.len(), 2, "{finding}");
        assert_eq!(recovered.session.state().work.next_steps, ["go", "on"]);
        site.holds(recovered.session);
    }
}

#[test]
fn a_call_whose_result_was_damaged_is_answered_as_interrupted() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 1);
    session.push(call("c1", "build")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    let before = session.figures().unwrap().stored_bytes;
    session.push(Message::tool("c1", "done")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    session.push(Message::assistant("It is built.")).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    drop(session);
    site.flip(before + 36);

    let recovered = site.recover(&Recovery::default());
    let failures: Vec<Failure> = recovered
        .report
        .findings
        .iter()
        .map(|f| f.failure)
        .collect();
    assert_eq!(failures, [Failure::DamagedFrame, Failure::BrokenHistory]);
    let context = recovered.session.context();
    let texts: Vec<&str> = context.iter().map(|m| m.content.as_str()).collect();
    assert_eq!(texts[2], agent_checkpoint::history::INTERRUPTED);
    assert!(texts[3].starts_with("[lost: "));
    assert_eq!(texts[4], "It is built.");
    site.holds(recovered.session);
}

#[test]
fn a_context_that_was_cut_has_the_mark_as_well() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 6);
    session.cut(3, &|_: &Message| 1).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    let ends = talk(&mut session, 4);
    drop(session);
    site.flip(ends[0] + 36);

    let recovered = site.recover(&Recovery::default());
    assert_eq!(recovered.session.history().len(), 10);
    let context = recovered.session.context();
    let texts: Vec<&str> = context.iter().map(|m| m.content.as_str()).collect();
    assert_eq!(texts[..2], ["question 0", "question 4"]);
    assert_eq!(texts[2..4], ["answer 5", "question 6"]);
    assert!(texts[4].starts_with("[lost: "), "{texts:?}");
    assert_eq!(texts[5..], ["question 8", "answer 9"]);
    site.holds(recovered.session);
}

#[test]
fn a_session_of_which_only_the_end_is_wanted_is_salvaged_as_a_whole() {
    let site = Site::new();
    let ends = talk(&mut site.open(), 8);
    site.flip(ends[4] + 36);
    let builder = site.builder().resume(Resume::Last(2));
    let recovered = builder.recover(&Recovery::default()).unwrap();
    assert_eq!(
        (
            recovered.session.history().len(),
            recovered.session.skipped()
        ),
        (8, 0)
    );
    assert!(
        recovered.report.checkpoint.is_some(),
        "{}",
        recovered.report
    );
    assert!(
        recovered.session.history()[5]
            .content
            .starts_with("[lost: ")
    );
    site.holds(recovered.session);
}
