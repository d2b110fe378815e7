//! Any value of any version and codec as a host's component: migrated, read, put back, and read again.
//!
//! Input: a letter each for the version, the codec and the kind; the value's bytes.
#![no_main]

use std::collections::BTreeMap;

use agent_checkpoint::{Codec, MigrationError, Migrations, Snapshot};
use agent_fuzz::Input;
use agent_fuzz::forge::{Frame, Opening, Place, SESSION, STORE, commit_hash};
use agent_fuzz::probe::Session;
use agent_primitives::SessionId;
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
struct First {
    goal: String,
    weight: Option<u32>,
}

/// The present version, four.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Plan {
    goals: Vec<Goal>,
    #[serde(default)]
    notes: BTreeMap<String, Note>,
    bound: (i64, u8),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Goal {
    text: String,
    weight: Option<u32>,
    is_met: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Note {
    Nothing,
    Text(String),
    At { line: u64, column: u16 },
}

fn chain() -> Migrations {
    Migrations::none()
        .layout::<First>(1)
        .step(1, |old| Ok(json!({ "goals": [old] })))
        .step(2, |mut old| {
            let goals = old.get_mut("goals").and_then(Value::as_array_mut);
            let goals = goals.ok_or_else(|| MigrationError::from("no goals"))?;
            for goal in goals {
                let text = goal.get("goal").cloned().unwrap_or_default();
                let weight = goal.get("weight").cloned().unwrap_or_default();
                *goal = json!({ "text": text, "weight": weight, "is_met": false });
            }
            Ok(old)
        })
        .step(3, |mut old| {
            let fields = old.as_object_mut().ok_or("no object")?;
            fields.insert("bound".to_owned(), json!([-1, 2]));
            Ok(old)
        })
}

macro_rules! plan {
    ($name:ident, $codec:expr) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(transparent)]
        struct $name(Plan);

        impl Snapshot for $name {
            const KIND: &'static str = "plan";
            const VERSION: u16 = 4;
            const CODEC: Codec = $codec;

            fn migrations() -> Migrations {
                chain()
            }
        }
    };
}

plan!(Json, Codec::Json);
plan!(Packed, Codec::MessagePack);
plan!(Fixed, Codec::Bincode);

/// JSON of any shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Any(Value);

impl Snapshot for Any {
    const KIND: &'static str = "plan";
    const VERSION: u16 = 4;

    fn migrations() -> Migrations {
        chain()
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let version = input.pick(&[1, 2, 3, 4, 0, 5, 65_535]);
    let codec = input.pick(&[1, 2, 3, 9]);
    let check = input.pick(&[
        Session::check_component::<Json>,
        Session::check_component::<Packed>,
        Session::check_component::<Fixed>,
        Session::check_component::<Any>,
    ]);
    let segment = log(codec, version, input.rest());
    let id = SessionId::new(SESSION).expect("a name");
    check(&Session::new(STORE, id, &[segment], false));
});

/// A log with one checkpoint that has the value.
fn log(codec: u8, version: u16, value: &[u8]) -> Vec<u8> {
    let place = Place {
        store: STORE,
        session: SESSION,
        segment: 1,
    };
    let mut bytes = place.header(Opening::default());
    let name = b"host.plan";
    let component = [&[9, 0], name.as_slice(), value].concat();
    let body = format!(
        r#"{{"at":0,"kind":"auto","covers":0,"components":{{"host.plan":[0,{version}]}}}}"#
    );
    let digest = *blake3::hash(&component).as_bytes();
    let hash = commit_hash(&[0; 32], 1, &[digest], body.as_bytes());
    let commit = [&hash, &[0; 32], body.as_bytes()].concat();
    for (number, kind, codec, payload) in [(0, 10, codec, component), (1, 4, 1, commit)] {
        let frame = Frame {
            tags: [kind, codec, 0],
            flags: if kind == 10 { 8 } else { 0 },
            schema: 1,
            number,
            raw_len: u32::try_from(payload.len()).unwrap_or(0),
            stored: &payload,
        };
        frame.write(place.seed(), &mut bytes);
    }
    bytes
}
