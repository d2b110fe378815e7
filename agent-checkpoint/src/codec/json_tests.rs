//! The JSON that is written is what `serde_json` would write.

use std::collections::BTreeMap;

use super::json::Json;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

fn same(value: &impl Serialize) {
    let mut ours = Vec::new();
    value
        .serialize(&mut Json::new(&mut ours, usize::MAX))
        .unwrap();
    let theirs = serde_json::to_string(value).unwrap();
    assert_eq!(String::from_utf8(ours).unwrap(), theirs);
}

#[derive(serde::Serialize)]
enum Kind {
    Unit,
    New(u8),
    Tuple(u8, &'static str),
    Struct { a: Option<i64>, b: () },
}

#[derive(serde::Serialize)]
struct Unit;

#[derive(serde::Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Name(&'static str);

#[test]
fn every_kind_of_value_is_as_serde_json_writes_it() {
    same(&(
        Kind::Unit,
        Kind::New(1),
        Kind::Tuple(2, "x"),
        Unit,
        'ß',
        '"',
    ));
    same(&Kind::Struct { a: Some(-1), b: () });
    same(&(
        u64::MAX,
        i128::MIN,
        0.1_f32,
        1e300,
        -0.0,
        true,
        Option::<u8>::None,
    ));
    same(&json!({"a": [1, {"b\n": "\u{0}\u{1f}\u{7f}\u{1f600}\\"}], "": [], "e": {}}));
    same(&BTreeMap::from([
        (1_u8, [[1, 2], [3, 4]]),
        (2, [[0; 2]; 2]),
    ]));
    same(&BTreeMap::from([(true, 'x'), (false, 'y')]));
    same(&BTreeMap::from([(Some(-5), Name("v"))]));
    same(&BTreeMap::from([(Name("k"), "v")]));
    let raw = RawValue::from_string("{ \"as\" :  [\"it is\"] }".into()).unwrap();
    same(&[&raw, &raw]);
    let keyed = BTreeMap::from([([1, 2], 3)]);
    assert!(
        keyed
            .serialize(&mut Json::new(&mut Vec::new(), usize::MAX))
            .is_err()
    );
}

proptest! {
    #[test]
    fn any_text_is_as_serde_json_writes_it(text in "[\\x00-\\x7fß\u{1f600}]{0,80}") {
        let mut ours = Vec::new();
        text.serialize(&mut Json::new(&mut ours, usize::MAX)).unwrap();
        prop_assert_eq!(String::from_utf8(ours).unwrap(), serde_json::to_string(&text).unwrap());
    }
}
