//! A host's own types: what their codecs would not bring back is refused at the first save, by name.

use std::collections::{BTreeMap, HashMap};

use agent_checkpoint::{Checkpointer, Codec, Error, MemoryStore, Snapshot};
use agent_primitives::{CheckpointKind, SessionId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

fn open(store: &MemoryStore) -> Checkpointer {
    let id = SessionId::new("s").unwrap();
    Checkpointer::builder(store.clone(), id).open().unwrap()
}

/// Makes a type of `$inner` with a codec.
macro_rules! kind {
    ($name:ident, $codec:expr) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        struct $name<T>(T);

        impl<T: Serialize + DeserializeOwned> Snapshot for $name<T> {
            const KIND: &'static str = "it";
            const VERSION: u16 = 1;
            const CODEC: Codec = $codec;
        }
    };
}

kind!(AsJson, Codec::Json);
#[cfg(feature = "msgpack")]
kind!(AsMessagePack, Codec::MessagePack);
#[cfg(feature = "bincode")]
kind!(AsBincode, Codec::Bincode);

/// The value put, saved, and read by another session.
fn there_and_back<T: Snapshot>(value: &T) -> Result<T, Error> {
    let store = MemoryStore::new();
    let mut session = open(&store);
    session.put(value)?;
    session.save(CheckpointKind::Manual).unwrap();
    drop(session);
    Ok(open(&store).component().unwrap().unwrap())
}

#[track_caller]
fn refused<T: Snapshot + std::fmt::Debug>(value: &T, expected: &str) {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let error = session.put(value).unwrap_err();
    assert!(error.is_unsavable(), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
    assert!(session.component::<T>().unwrap().is_none());
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Board {
    cards: Vec<Card>,
    by_number: BTreeMap<u32, String>,
    owners: HashMap<String, u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Card {
    title: String,
    weight: Option<f64>,
    size: u128,
    stage: Stage,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
enum Stage {
    #[default]
    Open,
    Doing {
        by: String,
        since: i64,
    },
    Done(u8, char),
}

fn board() -> Board {
    let mut board = Board::default();
    for n in 0..40_u8 {
        board.cards.push(Card {
            title: format!("card {n} \u{1f600} \"quoted\""),
            weight: Some(f64::from(n) / 3.0),
            size: u128::MAX - u128::from(n),
            stage: match n % 3 {
                0 => Stage::Open,
                1 => Stage::Doing {
                    by: "me".into(),
                    since: -1,
                },
                _ => Stage::Done(n, 'ß'),
            },
        });
        board.by_number.insert(n.into(), n.to_string());
        board.owners.insert(n.to_string(), n);
    }
    board
}

#[derive(Debug, Serialize, Deserialize)]
struct Named<T> {
    id: u32,
    extra: T,
}

#[derive(Debug, Serialize, Deserialize)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Leaves {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    out: Vec<u8>,
    id: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Short { id: Option<u32> },
    Long { id: Option<u32>, more: String },
}

#[derive(Debug, Serialize, Deserialize)]
struct Nested(Vec<Nested>);

fn nested(depth: usize) -> Nested {
    (1..depth).fold(Nested(Vec::new()), |inner, _| Nested(vec![inner]))
}

#[test]
fn json_brings_ordinary_types_back() {
    assert_eq!(there_and_back(&AsJson(board())).unwrap().0, board());
    let value = json!({"a": [1, 2.5, null, {"b": u64::MAX}], "c": "\u{7}"});
    assert_eq!(there_and_back(&AsJson(value.clone())).unwrap().0, value);
}

#[test]
fn json_refuses_what_it_cannot_say() {
    let mut odd = board();
    odd.cards[3].weight = Some(f64::NAN);
    refused(
        &AsJson(odd),
        "as JSON: cards[3].weight is not a finite number",
    );
    let weights: BTreeMap<&str, f32> = [("a", 1.0), ("b c", f32::INFINITY)].into();
    let weights: BTreeMap<String, f32> = weights.into_iter().map(|(k, v)| (k.into(), v)).collect();
    refused(
        &AsJson(Named {
            id: 1,
            extra: weights,
        }),
        "extra.b c is not a finite number",
    );
    let keyed: Vec<BTreeMap<(u8, u8), u8>> = vec![[((1, 2), 3)].into()];
    refused(&AsJson(keyed), "[0].(a key) key must be a string");
    let other = [("id".to_owned(), json!(7))].into_iter().collect();
    refused(
        &AsJson(vec![Flat { id: 1, other }]),
        "[0].id stands there twice",
    );
    refused(
        &AsJson(Leaves { out: vec![], id: 1 }),
        "does not read back: missing field `out`",
    );
    let long = Either::Long {
        id: None,
        more: "lost".into(),
    };
    refused(&AsJson(vec![long]), "[0] reads back as another value");
    refused(
        &AsJson(vec![None, Some(Some(1)), Some(None)]),
        "[2] is a `Some` that holds nothing",
    );
    refused(
        &AsJson(vec![Some(Value::Null)]),
        "[0] is a `Some` that holds nothing",
    );
    refused(&AsJson(nested(60)), "nested more than 100 deep");
    assert!(there_and_back(&AsJson(nested(49))).is_ok());
}

#[test]
fn a_trap_that_only_a_later_value_of_a_large_component_has_is_found() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut value = AsJson(Named {
        id: 1,
        extra: Vec::new(),
    });
    value.0.extra = (0..2_000).map(|n| Either::Short { id: Some(n) }).collect();
    session.put(&value).unwrap();
    value.0.extra.push(Either::Long {
        id: None,
        more: "lost".into(),
    });
    let error = session.put(&value).unwrap_err();
    assert!(
        error.to_string().contains("extra[2000] reads back"),
        "{error}"
    );
    assert!(session.put(&value).is_err(), "nor the second time");
    value.0.extra.pop();
    session.put(&value).unwrap();
}

#[cfg(feature = "msgpack")]
#[test]
fn message_pack_brings_back_what_json_cannot() {
    let mut odd = board();
    odd.cards[3].weight = Some(f64::INFINITY);
    assert_eq!(there_and_back(&AsMessagePack(odd.clone())).unwrap().0, odd);
    let keyed: BTreeMap<(u8, u8), u8> = [((1, 2), 3)].into();
    assert_eq!(
        there_and_back(&AsMessagePack(keyed.clone())).unwrap().0,
        keyed
    );
    let value = json!({"a": [1, 2.5, null, {"b": u64::MAX}], "c": "\u{7}"});
    assert_eq!(
        there_and_back(&AsMessagePack(value.clone())).unwrap().0,
        value
    );
}

#[cfg(feature = "msgpack")]
#[test]
fn message_pack_refuses_what_does_not_read_back() {
    refused(
        &AsMessagePack(Leaves { out: vec![], id: 1 }),
        "missing field `out`",
    );
    let other = [("id".to_owned(), json!(7))].into_iter().collect();
    refused(
        &AsMessagePack(vec![Flat { id: 1, other }]),
        "as MessagePack: [0].id stands there twice",
    );
    refused(
        &AsMessagePack(vec![Some(Some(1)), Some(None)]),
        "[1] is a `Some` that holds nothing",
    );
    refused(&AsMessagePack(nested(60)), "nested more than 100 deep");
}

#[cfg(feature = "bincode")]
#[test]
fn bincode_brings_fixed_structures_back() {
    let mut odd = board();
    odd.cards[3].weight = Some(f64::INFINITY);
    assert_eq!(there_and_back(&AsBincode(odd.clone())).unwrap().0, odd);
    let keyed: BTreeMap<(u8, u8), u8> = [((1, 2), 3)].into();
    assert_eq!(there_and_back(&AsBincode(keyed.clone())).unwrap().0, keyed);
    assert!(there_and_back(&AsBincode(nested(49))).is_ok());
}

#[cfg(feature = "bincode")]
#[test]
fn bincode_refuses_every_type_that_it_cannot_read() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        A { x: u8 },
    }
    let asks = "asks the bytes what they are";
    let value = |extra| AsBincode(vec![Named { id: 1, extra }]);
    refused(
        &value(json!({"a": 1})),
        &format!("as bincode: [0].extra does not read back: {asks}"),
    );
    refused(
        &AsBincode(vec![Either::Short { id: None }]),
        &format!("[0] does not read back: {asks}"),
    );
    refused(
        &AsBincode((1, Tagged::A { x: 1 })),
        &format!("[1] does not read back: {asks}"),
    );
    let other = Map::new();
    refused(
        &AsBincode(vec![Flat { id: 1, other }]),
        "[0] does not say its length beforehand",
    );
    refused(
        &AsBincode((1, Leaves { out: vec![], id: 1 })),
        "[1].out is left out",
    );
    refused(&AsBincode(nested(60)), "nested more than 100 deep");
    refused(
        &AsBincode(vec![(); 2_000_000]),
        "has more elements than its bytes allow",
    );
}

#[cfg(feature = "bincode")]
#[test]
fn a_field_that_held_nothing_at_first_is_proven_when_it_holds_something() {
    let store = MemoryStore::new();
    let mut session = open(&store);
    let mut value = AsBincode(Named {
        id: 1,
        extra: (vec![0_u8; 100_000], None::<Value>, vec![None::<Value>]),
    });
    session.put(&value).unwrap();
    value.0.extra.1 = Some(json!(null));
    let error = session.put(&value).unwrap_err();
    assert!(
        error.to_string().contains("extra[1] does not read back"),
        "{error}"
    );
    value.0.extra.1 = None;
    value.0.extra.2.push(Some(json!(1)));
    let error = session.put(&value).unwrap_err();
    assert!(
        error.to_string().contains("extra[2][1] does not read back"),
        "{error}"
    );
    value.0.extra.2.pop();
    session.put(&value).unwrap();
    session.save(CheckpointKind::Manual).unwrap();
}
