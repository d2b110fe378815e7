//! Components of earlier and later versions: brought up when read, kept when not understood.

use agent_checkpoint::{
    Checkpointer, Error, MemoryStore, Message, Migrations, Snapshot, StepStatus,
};
use agent_primitives::{CheckpointKind, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn open(store: &MemoryStore) -> Checkpointer {
    let id = SessionId::new("s").unwrap();
    Checkpointer::builder(store.clone(), id).open().unwrap()
}

/// A board whose layout has this version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Board<const VERSION: u16>(Value);

impl<const VERSION: u16> Snapshot for Board<VERSION> {
    const KIND: &'static str = "board";
    const VERSION: u16 = VERSION;

    fn migrations() -> Migrations {
        match VERSION {
            3 => Migrations::none()
                .step(1, |old| Ok(json!({"cards": [old["card"]]})))
                .step(2, |old| match old["cards"].as_array() {
                    Some(cards) => Ok(json!({"cards": cards, "count": cards.len()})),
                    None => Err("no list of cards".into()),
                }),
            4 => Migrations::none().step(3, Ok),
            _ => Migrations::none(),
        }
    }
}

fn saved<const VERSION: u16>(value: Value) -> MemoryStore {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.put(&Board::<VERSION>(value)).unwrap();
    session.save(CheckpointKind::Manual).unwrap();
    store
}

fn read<const VERSION: u16>(store: &MemoryStore) -> Result<Value, Error> {
    Ok(open(store).component::<Board<VERSION>>()?.unwrap().0)
}

#[test]
fn every_earlier_version_comes_up_to_the_present_one() {
    let one = saved::<1>(json!({"card": "a"}));
    assert_eq!(
        read::<3>(&one).unwrap(),
        json!({"cards": ["a"], "count": 1})
    );
    let two = saved::<2>(json!({"cards": ["a", "b"]}));
    assert_eq!(
        read::<3>(&two).unwrap(),
        json!({"cards": ["a", "b"], "count": 2})
    );
    assert_eq!(
        read::<1>(&one).unwrap(),
        json!({"card": "a"}),
        "the log keeps the old value"
    );
}

#[test]
fn a_missing_and_a_failing_step_are_named() {
    let one = saved::<1>(json!({"card": "a"}));
    let missing = read::<4>(&one).unwrap_err();
    assert!(missing.is_migration(), "{missing}");
    assert_eq!(
        missing.to_string(),
        "component board of version 1: there is no step from version 1 to 2; add it to its migrations"
    );
    let bad = saved::<2>(json!({"cards": 7}));
    let failed = read::<3>(&bad).unwrap_err();
    assert!(failed.is_migration(), "{failed}");
    assert_eq!(
        failed.to_string(),
        "component board of version 2: the step from version 2 to 3 failed: no list of cards"
    );
}

#[test]
fn an_older_program_carries_a_later_component_along() {
    let later = json!({"cards": [], "count": 0, "new": true});
    let store = saved::<3>(later.clone());
    let mut session = open(&store);
    assert!(session.component::<Board<1>>().unwrap_err().is_newer());
    let refused = session.put(&Board::<1>(json!({"card": "x"}))).unwrap_err();
    assert!(
        refused.is_newer() && refused.to_string().contains("board"),
        "{refused}"
    );
    session.push(Message::user("on")).unwrap();
    session.update(|work| work.next_steps.push("go".into()));
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    assert_eq!(read::<3>(&store).unwrap(), later);

    let mut session = open(&store);
    session.replace(&Board::<1>(json!({"card": "x"}))).unwrap();
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    assert_eq!(read::<1>(&store).unwrap(), json!({"card": "x"}));
    let mut session = open(&store);
    assert!(session.remove("board") && !session.remove("board"));
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    assert!(open(&store).component::<Board<1>>().unwrap().is_none());
}

#[test]
fn a_chain_with_a_gap_is_refused_before_anything_is_saved() {
    #[derive(Serialize, Deserialize)]
    struct Gap;
    impl Snapshot for Gap {
        const KIND: &'static str = "gap";
        const VERSION: u16 = 3;
        fn migrations() -> Migrations {
            Migrations::none().step(1, Ok)
        }
    }
    let mut session = open(&MemoryStore::new());
    let errors = [
        session.put(&Gap).unwrap_err(),
        session.component::<Gap>().map(|_| ()).unwrap_err(),
        Migrations::check::<Gap>().unwrap_err(),
    ];
    for error in errors {
        assert!(error.is_migration(), "{error}");
        assert!(
            error.to_string().contains("from version 2 to 3 is missing"),
            "{error}"
        );
    }
}

#[cfg(feature = "bincode")]
#[test]
fn a_codec_that_does_not_describe_itself_migrates_by_the_old_type() {
    use agent_checkpoint::Codec;

    #[derive(Serialize, Deserialize)]
    struct Old {
        open: u32,
    }
    impl Snapshot for Old {
        const KIND: &'static str = "tally";
        const VERSION: u16 = 1;
        const CODEC: Codec = Codec::Bincode;
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Tally<const HAS_LAYOUT: bool> {
        open: u64,
        closed: u64,
    }
    impl<const HAS_LAYOUT: bool> Snapshot for Tally<HAS_LAYOUT> {
        const KIND: &'static str = "tally";
        const VERSION: u16 = 2;
        const CODEC: Codec = Codec::Bincode;
        fn migrations() -> Migrations {
            let steps =
                Migrations::none().step(1, |old| Ok(json!({"open": old["open"], "closed": 0})));
            if HAS_LAYOUT {
                steps.layout::<Old>(1)
            } else {
                steps
            }
        }
    }
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.put(&Old { open: 7 }).unwrap();
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    let session = open(&store);
    let tally = session.component::<Tally<true>>().unwrap().unwrap();
    assert_eq!((tally.open, tally.closed), (7, 0));
    let error = session.component::<Tally<false>>().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("name the old type with `layout`"),
        "{error}"
    );
}

#[test]
fn the_first_layouts_of_the_state_read_on() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.update(|work| {
        work.next_steps.push("plain".into());
        let workflow = work.workflow.insert(agent_checkpoint::Workflow::new("w"));
        workflow.start("build");
    });
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    let work = open(&store).state().work.clone();
    assert_eq!(work.next_steps, ["plain"]);
    let workflow = work.workflow.unwrap();
    assert_eq!(workflow.step("build").unwrap().status, StepStatus::Running);
}
