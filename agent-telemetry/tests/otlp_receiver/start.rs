//! Addresses that are not to be had.

use std::error::Error as _;
use std::net::TcpListener;

use agent_telemetry::otlp::Receiver;

use crate::scripted::Scripted;

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let receiver = Receiver::builder(Scripted::default()).bind(address);
    let error = receiver.start().unwrap_err();
    assert!(error.is_in_use() && !error.is_not_available() && !error.is_denied());
    assert_eq!(error.address(), address.to_string());
    let text = error.to_string();
    assert!(text.starts_with(&address.to_string()), "{text}");
    assert!(text.contains("choose another port"), "{text}");
    assert!(error.source().is_some());
}

#[test]
fn addresses_of_others_and_no_addresses_are_told_apart() {
    let error = |address: &str| {
        let builder = Receiver::builder(Scripted::default()).without_token();
        builder.bind(address).start().unwrap_err()
    };
    // Of the block that is for documentation, so nobody has it.
    assert!(error("203.0.113.7:0").is_not_available());
    for unknown in ["", "4318", "127.0.0.1", "127.0.0.1:99999", "localhost:otlp"] {
        let error = error(unknown);
        assert!(error.is_unknown(), "{error}");
        assert!(error.to_string().contains("127.0.0.1:4318"), "{error}");
    }
}

#[test]
fn what_others_reach_asks_for_a_token_unless_it_is_meant_not_to() {
    let builder = || Receiver::builder(Scripted::default());
    let open = builder().bind("0.0.0.0:0").start().unwrap_err();
    assert!(open.is_token() && open.to_string().contains("without_token"));
    assert!(builder().bind("[::]:0").start().unwrap_err().is_token());
    assert!(builder().bind("0.0.0.0:0").token("s3cret").start().is_ok());
    assert!(builder().bind("0.0.0.0:0").without_token().start().is_ok());
    assert!(builder().bind("127.0.0.1:0").start().is_ok());
    let unfit = builder().bind("127.0.0.1:0").token("two words");
    assert!(unfit.start().unwrap_err().is_token());
    #[cfg(feature = "otlp-grpc")]
    {
        let both = builder().bind("127.0.0.1:0").grpc("0.0.0.0:0");
        assert!(both.start().unwrap_err().is_token());
    }
}

#[test]
fn no_options_are_told_that_are_secret() {
    let builder = Receiver::builder(Scripted::default()).token("s3cret");
    assert!(!format!("{builder:?}").contains("s3cret"));
}
