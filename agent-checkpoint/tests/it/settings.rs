//! Settings as JSON: what is read, and what is refused and why.

use std::fmt::Debug;
use std::time::Duration;

use agent_checkpoint::{Checkpointer, Error, MemoryStore, Retention, Triggers};
use agent_primitives::SessionId;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn refusal<T: DeserializeOwned + Debug>(text: &str) -> String {
    serde_json::from_str::<T>(text).unwrap_err().to_string()
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *value, "{text}");
    let tree = serde_json::to_value(value).unwrap();
    assert_eq!(serde_json::from_value::<T>(tree).unwrap(), *value);
}

fn open(retention: Retention, triggers: Triggers) -> Result<Checkpointer, Error> {
    Checkpointer::builder(MemoryStore::new(), SessionId::new("s").unwrap())
        .retention(retention)
        .triggers(triggers)
        .open()
}

#[test]
fn what_is_written_is_read_again() {
    let within = Retention::default().within(Duration::new(90, 5));
    for retention in [Retention::default(), Retention::all(), within.size_cap(1)] {
        comes_back(&retention);
    }
    let json = serde_json::to_value(within).unwrap();
    assert_eq!(json["within"], serde_json::json!({"secs": 90, "nanos": 5}));
    let mut triggers = Triggers::default();
    comes_back(&triggers);
    triggers.interval = None;
    triggers.pause = Duration::from_millis(1_500);
    comes_back(&triggers);
    let off = r#"{"interval":null,"interactions":null,"tokens":null,"bytes":null,"context_pressure":null}"#;
    let off: Triggers = serde_json::from_str(off).unwrap();
    assert_eq!((off.interval, off.bytes, off.errors), (None, None, true));
    open(Retention::all(), off).unwrap();
}

#[test]
fn a_time_of_another_shape_is_refused_with_the_right_one() {
    let shape = r#"expected a time written as {"secs": 1800, "nanos": 0}"#;
    for wrong in ["30", "-1", "1.5", r#""30m""#, "true"] {
        let triggers = refusal::<Triggers>(&format!(r#"{{"interval": {wrong}}}"#));
        let pause = refusal::<Triggers>(&format!(r#"{{"pause": {wrong}}}"#));
        let retention = refusal::<Retention>(&format!(r#"{{"within": {wrong}}}"#));
        for text in [triggers, pause, retention] {
            assert!(text.contains(shape), "{wrong}: {text}");
        }
    }
    let negative = refusal::<Retention>(r#"{"within": {"secs": -1, "nanos": 0}}"#);
    assert!(negative.contains("-1"), "{negative}");
    let unknown = refusal::<Retention>(r#"{"within": {"minutes": 1}}"#);
    assert!(unknown.contains("minutes"), "{unknown}");
    let beyond = r#"{"within": {"secs": 18446744073709551615, "nanos": 1000000000}}"#;
    assert!(refusal::<Retention>(beyond).contains("overflow"));
    assert!(refusal::<Retention>(r#"{"within": null}"#).contains(shape));
}

#[test]
fn settings_that_cannot_be_meant_are_refused_with_the_name_of_the_field() {
    for (wrong, field) in [
        (r#"{"interval": {"secs": 0, "nanos": 0}}"#, "`interval`"),
        (r#"{"interactions": 0}"#, "`interactions`"),
        (r#"{"tokens": 0}"#, "`tokens`"),
        (r#"{"bytes": 0}"#, "`bytes`"),
        (r#"{"context_pressure": 0}"#, "`context_pressure`"),
        (r#"{"context_pressure": 101}"#, "`context_pressure`"),
        (r#"{"pause": {"secs": 1801, "nanos": 0}}"#, "`pause`"),
        (r#"{"intervall": null}"#, "`intervall`"),
    ] {
        let text = refusal::<Triggers>(wrong);
        assert!(text.contains(field), "{wrong}: {text}");
    }
    for (wrong, field) in [
        (r#"{"last": null, "hourly": 1}"#, "`last`"),
        (
            r#"{"last": null, "within": {"secs": 1, "nanos": 0}}"#,
            "`last`",
        ),
        (r#"{"size_cap": 0}"#, "`size_cap`"),
        (r#"{"last": 0}"#, "nonzero"),
        (r#"{"hourly": -1}"#, "-1"),
        (r#"{"keep": 1}"#, "`keep`"),
    ] {
        let text = refusal::<Retention>(wrong);
        assert!(text.contains(field), "{wrong}: {text}");
    }
    assert!(serde_json::from_str::<Retention>(r#"{"last": null, "size_cap": 1}"#).is_ok());
}

#[test]
fn what_a_program_sets_is_held_to_the_same() {
    let mut triggers = Triggers::default();
    triggers.tokens = Some(0);
    let refused = open(Retention::default(), triggers).unwrap_err();
    assert!(refused.is_invalid(), "{refused}");
    assert!(refused.to_string().contains("`tokens`"), "{refused}");
    let refused = open(Retention::all().daily(1), Triggers::default()).unwrap_err();
    assert!(refused.is_invalid(), "{refused}");
    assert!(
        refused.to_string().contains("retention of session s"),
        "{refused}"
    );
}
