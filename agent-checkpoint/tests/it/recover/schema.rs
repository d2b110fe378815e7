//! Components, and logs, of other versions.

use agent_checkpoint::recover::{Failure, Hooks, Outcome, Recovery, Strategy};
use agent_checkpoint::{Migrations, SessionState, Snapshot};
use agent_primitives::CheckpointKind;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Site, talk};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct One {
    goal: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Two {
    goals: Vec<String>,
}

/// As [`Two`], by somebody who forgot how the first version was.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Three {
    goals: Vec<String>,
}

impl Snapshot for One {
    const KIND: &'static str = "plan";
    const VERSION: u16 = 1;
}

impl Snapshot for Two {
    const KIND: &'static str = "plan";
    const VERSION: u16 = 2;

    fn migrations() -> Migrations {
        Migrations::none().step(1, |old| Ok(json!({ "goals": [old["goal"]] })))
    }
}

impl Snapshot for Three {
    const KIND: &'static str = "plan";
    const VERSION: u16 = 3;

    fn migrations() -> Migrations {
        Migrations::none()
            .step(1, |_| Err("the goal is of a kind that is no more".into()))
            .step(2, Ok)
    }
}

fn ship() -> Vec<String> {
    vec!["ship".to_owned()]
}

fn with_plan(site: &Site, is_new: bool) {
    let mut session = site.open();
    talk(&mut session, 1);
    if is_new {
        session.put(&Two { goals: ship() }).unwrap();
    } else {
        session
            .put(&One {
                goal: "ship".into(),
            })
            .unwrap();
    }
    session.save(CheckpointKind::Auto).unwrap();
}

#[test]
fn an_old_component_is_migrated_and_the_checkpoint_before_is_pinned() {
    let site = Site::new();
    with_plan(&site, false);
    let before = site.open().latest().unwrap().id;

    let hooks = Hooks::new().component::<Two>();
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy),
        (Failure::OldSchema, Strategy::Migrate)
    );
    let told = format!("component plan from version 1 to 2; {before} keeps it as it was");
    assert_eq!(finding.detail, told);
    let session = recovered.session;
    assert_eq!(
        session.component::<Two>().unwrap(),
        Some(Two { goals: ship() })
    );
    let list = session.list();
    let kept = list
        .iter()
        .find(|checkpoint| checkpoint.id == before)
        .unwrap();
    assert!(kept.pinned);
    drop(session);
    assert!(
        site.recover_with(&Recovery::default(), &hooks)
            .report
            .is_clean()
    );
    let mut session = site.open();
    session.restore(&before).unwrap();
    assert_eq!(
        session.component::<One>().unwrap(),
        Some(One {
            goal: "ship".into()
        })
    );
}

#[test]
fn a_component_of_the_state_that_is_gone_back_to_is_migrated() {
    let site = Site::new();
    with_plan(&site, false);
    talk(&mut site.open(), 1);
    let is_short = |state: &SessionState| match state.conversation.len() {
        0 | 1 => Ok(()),
        _ => Err("too long".to_owned()),
    };
    let hooks = Hooks::new().component::<Two>().accept(&is_short);
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    let done: Vec<_> = recovered
        .report
        .findings
        .iter()
        .map(|f| f.strategy)
        .collect();
    assert_eq!(
        done,
        [Strategy::StepBack, Strategy::Migrate],
        "{}",
        recovered.report
    );
    let plan = recovered.session.component::<Two>().unwrap();
    assert_eq!(plan, Some(Two { goals: ship() }));
    site.holds(recovered.session);
}

#[test]
fn what_was_salvaged_is_a_checkpoint_before_it_is_migrated() {
    let site = Site::new();
    with_plan(&site, false);
    let ends = talk(&mut site.open(), 3);
    site.flip(ends[0] + 36);
    let hooks = Hooks::new().component::<Two>();
    let recovered = site.recover_with(&Recovery::default(), &hooks);
    let done: Vec<_> = recovered
        .report
        .findings
        .iter()
        .map(|f| f.strategy)
        .collect();
    assert_eq!(
        done,
        [Strategy::Salvage, Strategy::Migrate],
        "{}",
        recovered.report
    );
    let pinned = recovered
        .session
        .list()
        .into_iter()
        .find(|c| c.pinned)
        .unwrap();
    let told = format!(
        "component plan from version 1 to 2; {} keeps it as it was",
        pinned.id
    );
    assert_eq!(recovered.report.findings[1].detail, told);
    let mut session = recovered.session;
    let all = session.history().to_vec();
    session.restore(&pinned.id).unwrap();
    assert_eq!(session.history(), all, "all that was salvaged is there");
    let plan = session.component::<One>().unwrap();
    assert_eq!(
        plan,
        Some(One {
            goal: "ship".into()
        })
    );
}

#[test]
fn a_newer_component_is_carried_along_and_told() {
    let site = Site::new();
    with_plan(&site, true);
    let recovered = site.recover_with(&Recovery::default(), &Hooks::new().component::<One>());
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::NewSchema, Strategy::Carry, Outcome::NeedsHost)
    );
    let mut session = recovered.session;
    talk(&mut session, 1);
    drop(session);
    let session = site.open();
    assert_eq!(
        session.component::<Two>().unwrap(),
        Some(Two { goals: ship() })
    );
}

#[test]
fn a_migration_that_fails_is_told_and_the_value_stays() {
    let site = Site::new();
    with_plan(&site, false);
    let recovered = site.recover_with(&Recovery::default(), &Hooks::new().component::<Three>());
    let finding = &recovered.report.findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::OldSchema, Strategy::AskHost, Outcome::NeedsHost)
    );
    assert!(
        finding.detail.contains("is of a kind that is no more"),
        "{finding}"
    );
    let plan = recovered.session.component::<One>().unwrap();
    assert_eq!(
        plan,
        Some(One {
            goal: "ship".into()
        })
    );
}

#[test]
fn a_log_of_a_later_version_is_opened_for_reading_only() {
    let site = Site::new();
    let ends = talk(&mut site.open(), 2);
    let bytes = std::fs::read(site.segment()).unwrap();
    // A frame of a later version behind the last: its magic, and a version of the header that does not exist.
    let start = usize::try_from(ends[0]).unwrap();
    let end = usize::try_from(ends[1]).unwrap();
    let mut frame = bytes[start..start + 32].to_vec();
    let sum = u32::from_le_bytes(frame[28..32].try_into().unwrap());
    let before = crc32c::crc32c(&frame[..28]);
    frame[4] = 9;
    // The sum begins with a seed that is not known here; what the change changes of it does not depend on that.
    let sum = sum ^ before ^ crc32c::crc32c(&frame[..28]);
    frame[28..32].copy_from_slice(&sum.to_le_bytes());
    let mut newer = bytes.clone();
    newer.resize(newer.len().max(end + 32), 0);
    newer[end..end + 32].copy_from_slice(&frame);
    std::fs::write(site.segment(), &newer).unwrap();

    let refused = site.builder().recover(&Recovery::default()).unwrap_err();
    let finding = &refused.report().findings[0];
    assert_eq!(
        (finding.failure, finding.strategy, finding.outcome),
        (Failure::NewSchema, Strategy::ReadOnly, Outcome::NeedsHost)
    );
    assert!(refused.to_string().contains("upgrade"), "{refused}");
    let reader = refused.into_reader().unwrap();
    assert_eq!(reader.tail(9).unwrap().len(), 2);
    assert_eq!(
        std::fs::read(site.segment()).unwrap(),
        newer,
        "and is left as it is"
    );
}
