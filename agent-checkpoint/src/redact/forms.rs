//! Each way in which MessagePack writes maps, lists and texts, and keys of JSON that masking makes alike.

use serde_json::Value;

use super::*;

const KEY: &str = "password";
const SECRET: &str = "correct horse battery";
const MASK: &str = "[redacted:password]";

/// A text, written with as many bytes for its length.
fn text(tag: u8, of: &str) -> Vec<u8> {
    let len = of.len();
    let be = u32::try_from(len).unwrap().to_be_bytes();
    let head = match tag {
        0xd9 => vec![tag, be[3]],
        0xda => vec![tag, be[2], be[3]],
        0xdb => [&[tag][..], &be].concat(),
        _ => vec![0xa0 | be[3]],
    };
    [&head, of.as_bytes()].concat()
}

fn masked(bytes: &[u8]) -> Option<Vec<u8>> {
    Redaction::default().component(Codec(2), None, bytes)
}

#[test]
fn maps_and_lists_of_any_length_have_their_fields_known_by_name() {
    let entry = [text(0, KEY), text(0, SECRET)].concat();
    let expected = [text(0, KEY), text(0, MASK)].concat();
    for map in [&[0x81][..], &[0xde, 0, 1], &[0xdf, 0, 0, 0, 1]] {
        for list in [&[0x92][..], &[0xdc, 0, 2], &[0xdd, 0, 0, 0, 2]] {
            let bytes = [list, map, &entry, &[0xc0]].concat();
            let wanted = [list, map, &expected, &[0xc0]].concat();
            assert_eq!(masked(&bytes), Some(wanted), "{map:?} in {list:?}");
        }
        // A value is the key of nothing, and the name of one field is not that of the next.
        let bytes = [map, &text(0, "user"), &text(0, KEY)].concat();
        assert_eq!(masked(&bytes), None, "{map:?}");
    }
}

#[test]
fn texts_of_any_length_and_those_behind_binary_ones_are_masked() {
    let said = format!("{} PGPASSWORD=hunter2x psql", "a line\n".repeat(10));
    let masked_said = said.replace("hunter2x", MASK);
    for tag in [0xd9, 0xda, 0xdb] {
        let found = masked(&text(tag, &said)).unwrap();
        assert_eq!(found, text(0xd9, &masked_said), "{tag:x}");
    }
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    for before in [
        &[0xc4, 2, 1, 2][..],
        &[0xc5, 0, 2, 1, 2],
        &[0xc6, 0, 0, 0, 2, 1, 2],
        &[0xc7, 2, 9, 1, 2],
        &[0xc8, 0, 2, 9, 1, 2],
        &[0xc9, 0, 0, 0, 2, 9, 1, 2],
        &[0xd4, 9, 1],
        &[
            0xd8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
        ],
        &[0xcb, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0xca, 1, 2, 3, 4],
        &[0xcd, 1, 2],
        &[0xcc, 1],
        &[0xc3],
    ] {
        let bytes = [&[0x92][..], before, &text(0xd9, &token)].concat();
        let found = masked(&bytes).unwrap();
        assert!(
            found.starts_with(&[&[0x92][..], before].concat()),
            "{before:?}"
        );
        assert!(found.ends_with(b"[redacted:github-token]"), "{before:?}");
    }
}

#[test]
fn fields_of_json_that_differ_in_a_secret_alone_stay_two() {
    let tokens = ["a1B2c3D4e5F6g7H8i9J0", "z9Y8x7W6v5U4t3S2r1Q0"].map(|it| format!("ghp_{it}{it}"));
    let json = format!(r#"{{"{}":1,"{}":2,"plain":3}}"#, tokens[0], tokens[1]);
    let found = Redaction::default().json(&json).into_owned();
    let value: Value = serde_json::from_str(&found).unwrap();
    let fields: Vec<_> = value.as_object().unwrap().values().cloned().collect();
    assert_eq!(fields, [1, 2, 3], "{found}");
    assert!(!found.contains("ghp_"), "{found}");
}
