//! A session that somebody else has, or took.

use agent_checkpoint::recover::{Failure, Held, Outcome, Recovery, Strategy};
use agent_checkpoint::{Checkpointer, Message, Reader, TakeOver};
use agent_primitives::{CheckpointKind, SessionId};

use super::{Site, said, talk};

#[test]
fn a_session_that_is_held_is_refused_with_the_name_of_its_owner() {
    let site = Site::new();
    let mut holder = site.open();
    talk(&mut holder, 2);
    let refused = site.builder().recover(&Recovery::default()).unwrap_err();
    let finding = &refused.report().findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::LostLease, Strategy::Refuse, Outcome::NeedsHost)
    );
    let owner = refused.error().owner().unwrap();
    assert_eq!(owner.process, std::process::id());
    assert!(finding.detail.contains(&owner.to_string()), "{finding}");
    assert_eq!(refused.into_reader().unwrap().tail(9).unwrap().len(), 2);
    talk(&mut holder, 1);
}

#[test]
fn a_branch_goes_on_beside_the_writer_and_both_stay() {
    let site = Site::new();
    let mut holder = site.open();
    talk(&mut holder, 2);

    let policy = Recovery::default().held(Held::Branch);
    let recovered = site.builder().recover(&policy).unwrap();
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::LostLease, Strategy::Branch, Outcome::Recovered)
    );
    let mut branch = recovered.session;
    assert_eq!(branch.session().as_str(), "s-branch-2");
    talk(&mut branch, 1);
    holder.push(Message::user("other")).unwrap();
    holder.save(CheckpointKind::Auto).unwrap();
    assert_eq!(branch.history(), [said(0), said(1), said(2)]);
    assert_eq!(holder.history(), [said(0), said(1), Message::user("other")]);
    // Another branch from there has another name.
    let more = Checkpointer::builder(site.store(), Site::id())
        .recover(&policy)
        .unwrap();
    assert_eq!(more.session.history().len(), 3);
    drop((branch, more, holder));
    let id = SessionId::new("s-branch-2").unwrap();
    assert_eq!(
        Reader::open(site.store(), id)
            .unwrap()
            .state()
            .unwrap()
            .conversation
            .len(),
        3
    );
    assert_eq!(site.open().history().len(), 3);
}

#[test]
fn two_branches_from_one_checkpoint_have_two_names() {
    let site = Site::new();
    let mut holder = site.open();
    talk(&mut holder, 2);
    let policy = Recovery::default().held(Held::Branch);
    let names = ["s-branch-2", "s-branch-2-2", "s-branch-2-3"];
    for (name, own) in names.into_iter().zip(0..) {
        let mut branch = site.builder().recover(&policy).unwrap().session;
        assert_eq!(branch.session().as_str(), name);
        assert_eq!(branch.history(), [said(0), said(1)], "{name}");
        branch.push(said(own)).unwrap();
        branch.save(CheckpointKind::Auto).unwrap();
    }
}

#[test]
fn a_session_is_taken_over_where_that_is_allowed() {
    let site = Site::new();
    let mut holder = site.open();
    talk(&mut holder, 2);
    let policy = Recovery::default().held(Held::TakeOver);
    let recovered = site.builder().recover(&policy).unwrap();
    assert_eq!(recovered.report.findings[0].strategy, Strategy::TakeOver);
    assert_eq!(recovered.session.history(), [said(0), said(1)]);
    holder.push(said(2)).unwrap();
    assert!(holder.save(CheckpointKind::Auto).unwrap_err().is_fenced());
    drop(recovered);
    // Who has it not taken from anybody is not told so.
    assert!(site.builder().recover(&policy).unwrap().report.is_clean());
}

#[test]
fn a_writer_that_was_fenced_goes_on_as_a_branch_with_all_that_is_in_memory() {
    let site = Site::new();
    let mut mine = site.open();
    talk(&mut mine, 2);
    mine.update(|work| work.next_steps.push("go".into()));
    mine.push(said(2)).unwrap();
    let mut theirs = site.builder().take_over(TakeOver::Force).open().unwrap();
    theirs.push(Message::user("theirs")).unwrap();
    theirs.save(CheckpointKind::Auto).unwrap();
    let error = mine.save(CheckpointKind::Auto).unwrap_err();

    let asked = mine.recover_from(&error, &Recovery::default());
    assert_eq!(asked.findings[0].strategy, Strategy::Refuse);
    assert!(!asked.may_go_on());
    let report = mine.recover_from(&error, &Recovery::default().held(Held::Branch));
    assert_eq!(report.findings[0].strategy, Strategy::Branch, "{report}");
    assert!(report.checkpoint.is_some() && report.may_go_on());
    assert_eq!(mine.history(), [said(0), said(1), said(2)]);
    assert!(mine.unsaved().is_empty());
    let branch = Reader::open(site.store(), mine.session().clone()).unwrap();
    assert_eq!(&branch.state().unwrap(), mine.state());
    assert_eq!(branch.state().unwrap().work.next_steps, ["go"]);
    talk(&mut mine, 1);
    theirs.push(said(3)).unwrap();
    theirs.save(CheckpointKind::Auto).unwrap();
    assert_eq!(theirs.history()[2], Message::user("theirs"));
}

#[test]
fn a_writer_that_was_fenced_takes_over_in_turn_where_that_is_allowed() {
    let site = Site::new();
    let mut mine = site.open();
    talk(&mut mine, 2);
    let mut theirs = site.builder().take_over(TakeOver::Force).open().unwrap();
    mine.push(said(2)).unwrap();
    let error = mine.save(CheckpointKind::Auto).unwrap_err();
    let report = mine.recover_from(&error, &Recovery::default().held(Held::TakeOver));
    assert_eq!(report.findings[0].strategy, Strategy::TakeOver, "{report}");
    assert_eq!(site.store_state().len(), 3);
    theirs.push(said(2)).unwrap();
    assert!(theirs.save(CheckpointKind::Auto).unwrap_err().is_fenced());
}

impl Site {
    fn store_state(&self) -> Vec<Message> {
        let reader = Reader::open(self.store(), Self::id()).unwrap();
        reader.state().unwrap().conversation
    }
}
