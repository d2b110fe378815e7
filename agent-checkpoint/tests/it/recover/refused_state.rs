//! A state that the host does not accept, as after a restore that went wrong.

use agent_checkpoint::recover::{Failure, Hooks, Outcome, Recovery, Strategy};
use agent_checkpoint::{Message, SessionState};
use agent_primitives::CheckpointKind;

use super::{Site, said, talk};

/// A state must have a next step.
fn has_step(state: &SessionState) -> Result<(), String> {
    if state.work.next_steps.is_empty() {
        return Err("nothing is to be done".to_owned());
    }
    Ok(())
}

fn with_step(site: &Site) -> (agent_primitives::CheckpointId, SessionState) {
    let mut session = site.open();
    talk(&mut session, 2);
    let without = session.latest().unwrap().id;
    session.update(|work| work.next_steps.push("go".into()));
    talk(&mut session, 2);
    (without, session.state().clone())
}

#[test]
fn a_restore_that_the_host_refuses_is_taken_back_to_the_very_state() {
    let site = Site::new();
    let (without, state) = with_step(&site);
    let mut session = site.open();
    let before: Vec<Message> = session.context().into_iter().cloned().collect();
    let report = session.restore_if(&without, &has_step).unwrap();
    let finding = &report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (
            Failure::RefusedState,
            Strategy::RollBack,
            Outcome::Recovered
        )
    );
    assert!(
        finding
            .detail
            .starts_with("nothing is to be done; the restore of "),
        "{finding}"
    );
    assert_eq!(session.state(), &state);
    assert_eq!(session.context(), before.iter().collect::<Vec<_>>());
    assert_eq!(report.checkpoint, session.latest().map(|latest| latest.id));
    site.holds(session);
}

#[test]
fn a_restore_that_another_process_made_is_taken_back_when_the_session_is_opened() {
    let site = Site::new();
    let (without, state) = with_step(&site);
    site.open().restore(&without).unwrap();
    let hooks = Hooks::new().accept(&has_step);
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy),
        (Failure::RefusedState, Strategy::RollBack)
    );
    assert_eq!(recovered.session.state(), &state);
    drop(recovered);
    assert!(
        site.recover_with(&Recovery::default(), &hooks)
            .report
            .is_clean()
    );
}

#[test]
fn the_newest_checkpoint_that_is_accepted_is_gone_back_to() {
    let site = Site::new();
    let (_, state) = with_step(&site);
    let mut session = site.open();
    session.update(|work| work.next_steps.clear());
    session.push(said(4)).unwrap();
    session.save(CheckpointKind::Auto).unwrap();
    talk(&mut session, 2);
    drop(session);

    let hooks = Hooks::new().accept(&has_step);
    let few = site.recover_with(&Recovery::default().steps_back(2), &hooks);
    let finding = &few.report.findings[0];
    assert_eq!(
        (finding.strategy, finding.outcome),
        (Strategy::AskHost, Outcome::NeedsHost)
    );
    drop(few);
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    assert_eq!(
        recovered.report.findings[0].strategy,
        Strategy::StepBack,
        "{}",
        recovered.report
    );
    assert_eq!(recovered.session.state(), &state);
    // Nothing is lost by it.
    let mut session = recovered.session;
    session.undo_restore().unwrap();
    assert_eq!(session.history().len(), 7);
}

#[test]
fn a_restore_is_left_alone_where_nothing_that_could_be_gone_back_to_is_accepted() {
    let site = Site::new();
    let (without, _) = with_step(&site);
    site.open().restore(&without).unwrap();
    let refuse = |_: &SessionState| Err("never".to_owned());
    let hooks = Hooks::new().accept(&refuse);
    let (state, newest) = {
        let session = site.open();
        (session.state().clone(), session.latest())
    };
    for _ in 0..2 {
        let recovered = site.recover_with(&Recovery::default(), &hooks);
        let finding = &recovered.report.findings[0];
        assert_eq!(
            (finding.strategy, finding.outcome),
            (Strategy::AskHost, Outcome::NeedsHost)
        );
        assert_eq!(recovered.session.state(), &state);
        assert_eq!(recovered.session.latest(), newest, "nothing was written");
    }
}

#[test]
fn the_newest_whole_checkpoint_is_tried_where_a_salvage_is_refused() {
    let site = Site::new();
    let mut session = site.open();
    session.update(|work| work.next_steps.push("go".into()));
    let ends = talk(&mut session, 5);
    drop(session);
    // The fourth message, which is a checkpoint of its own.
    site.flip(ends[2] + 36);
    let has_no_mark = |state: &SessionState| {
        let lost = |message: &&Message| message.content.starts_with("[lost: ");
        match state.conversation.iter().filter(lost).count() {
            0 => Ok(()),
            marks => Err(format!("{marks} marks")),
        }
    };
    let hooks = Hooks::new().accept(&has_no_mark);
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    let finding = recovered.report.of(Failure::RefusedState).next().unwrap();
    assert_eq!(finding.strategy, Strategy::StepBack, "{}", recovered.report);
    // Not an older one: the first three messages are whole.
    let kept: Vec<Message> = (0..3).map(said).collect();
    assert_eq!(recovered.session.history(), kept, "{}", recovered.report);
}

#[test]
fn what_is_masked_in_the_log_is_what_it_was_after_a_refused_restore() {
    let site = Site::new();
    let mut session = site.open();
    talk(&mut session, 1);
    let first = session.latest().unwrap().id;
    let secret = format!("ghp_{}", "0123456789abcdefABCDEF0123456789abcd");
    session.push(Message::user(&secret)).unwrap();
    session.update(|work| work.next_steps.push(secret.as_str().into()));
    let state = session.state().clone();
    let report = session.restore_if(&first, &has_step).unwrap();
    assert_eq!(report.findings[0].outcome, Outcome::Recovered, "{report}");
    assert_eq!(session.state(), &state);
    assert!(session.unsaved().is_empty());
    // The log has it masked, as ever.
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    let masked = site.open();
    assert_eq!(masked.history().len(), 2);
    assert!(!masked.history()[1].content.contains(&secret));
}
