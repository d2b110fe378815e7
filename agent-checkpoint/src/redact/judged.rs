//! Tests: what rules take for a secret where it is hard to tell, what they leave of the text around it, and how
//! much they look at.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bytes::STEPS;
use super::{Redaction, families};
use crate::format::tags::Codec;
use crate::{Message, ToolCall};

fn text(of: &str) -> String {
    Redaction::default().text(of).into_owned()
}

/// Bytes looked at by what counts them.
fn steps(of: &str) -> u64 {
    let before = STEPS.get();
    text(of);
    STEPS.get() - before
}

#[test]
fn no_text_is_looked_at_more_often_the_longer_it_is() {
    let forms = super::families::all().flat_map(|family| family.forms);
    let mut pieces: Vec<String> = forms
        .flat_map(|form| ["", "-", "_", "."].map(|sign| format!("{}{sign}", form.prefix)))
        .collect();
    let names = [
        "cookie",
        "authorization",
        "password",
        "secret",
        "token",
        "api_key",
        "signature",
        "Bearer ",
        "-----BEGIN PRIVATE KEY-----",
        "PuTTY-User-Key-File-2: ",
        "https://",
        "a.atlasv1.",
        "Q~",
        "\\u0073",
    ];
    for name in names {
        pieces.extend(["", "=", ":", ": ", "=\"", ":\""].map(|sign| format!("{name}{sign}")));
    }
    for piece in pieces {
        let [once, twice] = [20_000, 40_000].map(|len| steps(&piece.repeat(len / piece.len())));
        assert!(
            twice < 3 * once + 100_000,
            "{piece:?}: {once}, then {twice}"
        );
        assert!(once < 60 * 20_000, "{piece:?}: {once}");
    }
    assert!(families().count() >= 40);
}

#[test]
fn a_block_ends_where_something_else_is_said() {
    let line = "MIIEpAIBAAKCAQEA3Tz2mr7SZiAMfQyuvBjM9Oi8mKFkX0Jm5T1vP5lqzQhTg0sO\n";
    let code = format!(
        "let begin = \"-----BEGIN RSA PRIVATE KEY-----\";\n{}",
        "let x = 1;\n".repeat(4_000)
    );
    for kept in [
        format!("{code}-----END CERTIFICATE-----"),
        format!("{code}-----END RSA PRIVATE KEY-----"),
        "-----BEGIN PRIVATE KEY----- is how it begins, so grep for it. Then restart the service and tell me what the log says about it.".to_owned(),
        "const PUTTY: &str = \"PuTTY-User-Key-File-\"; and what follows is a program of many lines\nPrivate-MAC: none".to_owned(),
        include_str!("block.rs").to_owned(),
    ] {
        assert_eq!(text(&kept), kept);
    }
    let body = line.repeat(5);
    let escaped = body.replace('\n', "\\n");
    let numbered: String = body
        .lines()
        .enumerate()
        .fold(String::new(), |all, (n, it)| {
            all + &format!("    {n}→{it}\n")
        });
    let quoted: String = body.lines().fold(String::new(), |all, it| {
        all + &format!("    \"{it}\\n\" +\n")
    });
    let named = format!(
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n{body}abc=\n=njUN\n"
    );
    for body in [&body, &escaped, &numbered, &quoted, &named] {
        for end in ["-----END RSA PRIVATE KEY-----", ""] {
            let masked = text(&format!(
                "before\n-----BEGIN RSA PRIVATE KEY-----\n{body}{end}\nThen go on, all of you."
            ));
            assert!(
                masked.starts_with("before\n[redacted:private-key]"),
                "{masked}"
            );
            assert!(!masked.contains("MIIEpAIBAAK"), "{masked}");
            assert!(masked.ends_with("go on, all of you."), "{masked}");
        }
    }
    let putty = "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: k\nPublic-Lines: 1\nAAAAB3NzaC1yc2EAAAADAQABAAABAQC\nPrivate-Lines: 1\nAAABAQCs3cretThatMustNotStayHere\nPrivate-MAC: 0123456789abcdef\nand on";
    assert_eq!(text(putty), "[redacted:private-key]\nand on");
}

#[test]
fn names_of_fields_stay_as_many_as_they_were() {
    let redaction = Redaction::default();
    let keys: Vec<String> = (0..4)
        .map(|n| {
            format!(
                "ghp_{}{n}",
                "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA1c4".get(..35).unwrap()
            )
        })
        .collect();
    let value: BTreeMap<&str, usize> = keys
        .iter()
        .enumerate()
        .map(|(n, key)| (&**key, n))
        .collect();
    let count = |masked: &[u8]| {
        let back: BTreeMap<String, usize> = serde_json::from_slice(masked).unwrap();
        assert!(
            back.keys()
                .all(|key| key.starts_with("[redacted:github-token]")),
            "{back:?}"
        );
        back.len()
    };
    let bytes = serde_json::to_vec(&value).unwrap();
    let masked = redaction.component(Codec::JSON, None, &bytes).unwrap();
    assert_eq!(count(&masked), 4);
    // What an earlier session masked, and one key more.
    let mut later: BTreeMap<String, usize> = serde_json::from_slice(&masked).unwrap();
    later.insert(keys[0].clone(), 9);
    let bytes = serde_json::to_vec(&later).unwrap();
    let masked = redaction
        .component(Codec::JSON, Some(&masked), &bytes)
        .unwrap();
    assert_eq!(count(&masked), 5);
    #[cfg(feature = "msgpack")]
    {
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        let masked = redaction.component(Codec(2), None, &bytes).unwrap();
        let mut back: BTreeMap<String, usize> = rmp_serde::from_slice(&masked).unwrap();
        assert_eq!(back.len(), 4);
        back.insert(keys[0].clone(), 9);
        let bytes = rmp_serde::to_vec_named(&back).unwrap();
        let masked = redaction.component(Codec(2), None, &bytes).unwrap();
        let back: BTreeMap<String, usize> = rmp_serde::from_slice(&masked).unwrap();
        assert_eq!(back.len(), 5, "{back:?}");
    }
}

#[test]
fn calls_whose_ids_look_secret_stay_apart() {
    let id = |n: usize| format!("fc-{}{n}", "0123456789abcdef0123456789abcde");
    let redaction = Redaction::default();
    let call = |n: usize| ToolCall::new(id(n), "run", "{}");
    let asked = Message::assistant("")
        .with_tool_call(call(1))
        .with_tool_call(call(2));
    let history = [
        Message::user("go"),
        asked,
        Message::tool(id(1), "one"),
        Message::tool(id(2), "two"),
    ];
    let masked: Vec<Message> = history
        .iter()
        .map(|it| redaction.message(it).into_owned())
        .collect();
    assert!(crate::history::check(&masked).is_empty(), "{masked:?}");
    assert!(!serde_json::to_string(&masked).unwrap().contains("fc-0123"));
    let short = Redaction::default().with_literal("pin", "hunter2");
    let masked = short.message(&Message::tool("hunter2", "")).into_owned();
    assert_eq!(masked.tool_call_id.as_deref(), Some("[redacted:pin]"));
}

#[test]
fn values_are_found_where_a_text_is_no_json_or_json_in_another_text() {
    let arguments = |of: &str| {
        let call = Message::assistant("").with_tool_call(ToolCall::new("c", "run", of));
        Redaction::default().message(&call).into_owned().tool_calls[0]
            .arguments
            .clone()
    };
    assert_eq!(
        arguments(r#"[ -f .env ] && export DB_PASSWORD="hunter2-prod""#),
        r#"[ -f .env ] && export DB_PASSWORD="[redacted:password]""#
    );
    assert_eq!(
        arguments(r#"["export DB_PASSWORD=hunter2-prod"]"#),
        r#"["export DB_PASSWORD=[redacted:password]"]"#
    );
    assert_eq!(
        text(r#"{"password":"Xy7\"kLmPqR9s","n":1}"#),
        r#"{"password":"[redacted:password]","n":1}"#
    );
    assert_eq!(
        text(r#"{\"password\":\"Xy7\\\"kLmPqR9s\",\"n\":1}"#),
        r#"{\"password\":\"[redacted:password]\",\"n\":1}"#
    );
    for password in [
        "$Tr0ub4dor&3",
        "%23s3cr3tPass",
        "(x4!kk29",
        "[Zq81-_",
        "<Zq81-_",
        "*1a2b3c",
    ] {
        let mut value = json!({ "password": password });
        assert!(Redaction::default().value(&mut value), "{password}");
        assert_eq!(value["password"], "[redacted:password]");
    }
    for stand_in in [
        "${DB_PASSWORD}",
        "$DB_PASSWORD",
        "%DB_PASSWORD%",
        "<password>",
        "{{ password }}",
        "********",
        "%(pw)s",
        "$(pass db)",
    ] {
        let mut value = json!({ "password": stand_in });
        assert!(
            !Redaction::default().value(&mut value),
            "{stand_in}: {value}"
        );
    }
}

#[test]
fn passwords_in_addresses_are_found_however_they_are_written() {
    for (address, masked) in [
        (
            "postgres://app:%23s3cr3tPass@db/x",
            "postgres://app:[redacted:url-password]@db/x",
        ),
        (
            r#"{"dsn":"postgres:\/\/app:S3cretPw@db\/x"}"#,
            r#"{"dsn":"postgres:\/\/app:[redacted:url-password]@db\/x"}"#,
        ),
        (
            "mysql://root:$ecr3t@db/",
            "mysql://root:[redacted:url-password]@db/",
        ),
    ] {
        assert_eq!(text(address), masked);
    }
    for kept in [
        "postgres://app:${PW}@db",
        "postgres://app:%PW%@db",
        "postgres://app:<pw>@db",
        "postgres://app:$PW@db",
        "https://u:***@h",
    ] {
        assert_eq!(text(kept), kept);
    }
}

#[test]
fn texts_with_zeros_in_bincode_are_looked_through() {
    let environment = "PATH=/bin\0DB_PASSWORD=hunter2-prod\0TERM=xterm";
    let mut bytes = vec![7, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend((environment.len() as u64).to_le_bytes());
    bytes.extend(environment.as_bytes());
    bytes.extend(b"\xff\0tr0ub4dor\xff");
    let redaction = Redaction::default().with_literal("db", "tr0ub4dor");
    let masked = redaction.component(Codec(3), None, &bytes).unwrap();
    assert_eq!(masked.len(), bytes.len());
    let shown = String::from_utf8_lossy(&masked);
    assert!(
        !shown.contains("hunter2") && !shown.contains("tr0ub4dor"),
        "{shown}"
    );
    assert!(shown.contains("PATH=/bin\0DB_PASSWORD=") && shown.ends_with('\u{fffd}'));
}

#[test]
fn the_order_of_blocks_follows_what_is_masked() {
    let first = "use DB_PASSWORD=hunter2-prod now";
    let content = format!("{first}\nand then");
    let mut message = Message::user(&*content);
    let layout = json!([first.len(), "part", "and then".len()]);
    message.extra.insert("layout".into(), layout);
    let masked = Redaction::default().message(&message).into_owned();
    let lengths: Vec<u64> = masked.extra["layout"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    let at = usize::try_from(lengths[0]).unwrap();
    assert_eq!(
        &masked.content[..at],
        "use DB_PASSWORD=[redacted:password] now"
    );
    assert_eq!(&masked.content[at + 1..], "and then");
    assert_eq!(lengths[1], 8);
}
