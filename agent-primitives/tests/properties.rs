//! Ids, money and usage under arbitrary input.

use agent_primitives::{
    AgentId, Event, FailureKind, HandoffReason, ModelId, Monotonic, SessionId, Timestamp,
    TokenUsage, Usd,
};
use proptest::prelude::*;
use std::time::Duration;

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let starts_well = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    starts_well
        && text.len() <= 128
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"._-:@".contains(&b))
}

fn usage() -> impl Strategy<Value = TokenUsage> {
    (any::<[u64; 5]>(), any::<u64>()).prop_map(|([input, read, five, hour, output], reasoning)| {
        TokenUsage::new(input, output)
            .with_cache_read(read)
            .with_cache_write_5m(five)
            .with_cache_write_1h(hour)
            .with_reasoning(reasoning.min(output))
            .expect("reasoning is capped at the output")
    })
}

proptest! {
    #[test]
    fn a_name_is_accepted_exactly_when_the_rule_says_so(text in "\\PC{0,140}|[a-zA-Z0-9._:@/-]{0,140}") {
        prop_assert_eq!(AgentId::new(text.as_str()).is_ok(), is_name(&text));
    }

    #[test]
    fn a_model_name_is_any_visible_ascii(text in "\\PC{0,20}|[!-~]{0,260}") {
        let expected = !text.is_empty() && text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic());
        prop_assert_eq!(ModelId::new(text.as_str()).is_ok(), expected);
    }

    #[test]
    fn an_accepted_name_cannot_leave_a_folder(text in "[./\\\\a-c]{1,12}") {
        if let Ok(id) = AgentId::new(text) {
            let path = std::path::Path::new(id.as_str());
            prop_assert_eq!(path.components().count(), 1);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
        }
    }

    #[test]
    fn ids_survive_json_and_bad_ones_are_refused_there(text in "[a-z.]{0,6}") {
        let json = serde_json::to_string(&text).unwrap();
        match (AgentId::new(text.as_str()), serde_json::from_str::<AgentId>(&json)) {
            (Ok(id), Ok(read)) => prop_assert_eq!(id, read),
            (Err(why), Err(read)) => prop_assert!(read.to_string().contains(&why.to_string())),
            (new, read) => prop_assert!(false, "{new:?} but {read:?}"),
        }
    }

    #[test]
    fn time_sorted_ids_follow_time(a in 0_i64..1 << 43, b in 0_i64..1 << 43, ra: u128, rb: u128) {
        let id = |ms, random| SessionId::time_sorted(Timestamp::from_unix_millis(ms), random);
        if a != b {
            prop_assert_eq!(id(a, ra) < id(b, rb), a < b);
        }
        prop_assert!(is_name(id(a, ra).as_str()));
    }

    #[test]
    fn money_survives_text_and_json(picos: i128) {
        let amount = Usd::from_picos(picos);
        prop_assert_eq!(amount.to_string().parse::<Usd>().unwrap(), amount);
        let json = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
    }

    #[test]
    fn money_never_overflows_and_is_exact_where_it_fits(a: i128, b: i128, times: u64) {
        let (x, y) = (Usd::from_picos(a), Usd::from_picos(b));
        prop_assert_eq!((x + y).picos(), a.saturating_add(b));
        prop_assert_eq!((x - y).picos(), a.saturating_sub(b));
        prop_assert_eq!((x * times).picos(), a.saturating_mul(i128::from(times)));
        prop_assert_eq!(x.checked_add(y).map(Usd::picos), a.checked_add(b));
        prop_assert_eq!(x.checked_sub(y).map(Usd::picos), a.checked_sub(b));
        prop_assert_eq!(x.checked_mul(times).map(Usd::picos), a.checked_mul(i128::from(times)));
        prop_assert!((-x).picos() == a.saturating_neg());
    }

    #[test]
    fn a_rounded_share_is_the_nearest(picos in -1_i128 << 80..1 << 80, parts in 1_u64..) {
        let share = Usd::from_picos(picos).div_round(parts).unwrap().picos();
        let error = (share * i128::from(parts) - picos).abs();
        prop_assert!(error * 2 <= i128::from(parts));
    }

    #[test]
    fn any_text_parses_or_is_refused(text in "\\PC{0,60}|[-+$0-9.]{0,60}") {
        let digits = |t: &str| t.bytes().filter(u8::is_ascii_digit).count();
        if text.parse::<Usd>().is_ok() {
            prop_assert!(digits(&text) > 0);
        }
    }

    #[test]
    fn usage_adds_bucket_by_bucket_and_saturates(a in usage(), b in usage()) {
        let sum = a + b;
        prop_assert_eq!(sum.input(), a.input().saturating_add(b.input()));
        prop_assert_eq!(sum.cache_read(), a.cache_read().saturating_add(b.cache_read()));
        prop_assert_eq!(sum.cache_write_5m(), a.cache_write_5m().saturating_add(b.cache_write_5m()));
        prop_assert_eq!(sum.cache_write_1h(), a.cache_write_1h().saturating_add(b.cache_write_1h()));
        prop_assert_eq!(sum.output(), a.output().saturating_add(b.output()));
        prop_assert!(sum.reasoning() <= sum.output());
        prop_assert_eq!(a + TokenUsage::ZERO, a);
        prop_assert_eq!(sum, b + a);
    }

    #[test]
    fn usage_survives_json(usage in usage()) {
        let json = serde_json::to_string(&usage).unwrap();
        prop_assert_eq!(serde_json::from_str::<TokenUsage>(&json).unwrap(), usage);
    }

    #[test]
    fn inclusive_figures_lose_no_token(input: u64, read: u64, write: u64, output: u64) {
        match TokenUsage::from_inclusive(input, read, write, output) {
            Ok(usage) => {
                prop_assert_eq!(usage.input_total(), input);
                prop_assert_eq!(usage.cache_read(), read);
                prop_assert_eq!(usage.cache_write_5m(), write);
            }
            Err(_) => prop_assert!(read.saturating_add(write) > input),
        }
    }

    #[test]
    fn timestamps_and_durations_agree(nanos in 0_i64..1 << 60, add in 0_u64..1 << 60) {
        let start = Timestamp::from_unix_nanos(nanos);
        let step = Duration::from_nanos(add);
        prop_assert_eq!((start + step).since(start), step);
        prop_assert_eq!((start + step) - step, start);
        let mark = Monotonic::from_nanos(u64::try_from(nanos).unwrap());
        prop_assert_eq!((mark + step).since(mark), step);
    }
}

#[test]
fn contradictory_usage_in_json_is_refused() {
    let error = serde_json::from_str::<TokenUsage>(r#"{"output":1,"reasoning":2}"#).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("2 reasoning of 1 output tokens"),
        "{error}"
    );
}

#[test]
fn a_precision_rounds_half_to_even_at_any_size() {
    let show = |picos: i128, decimals: usize| format!("{:.*}", decimals, Usd::from_picos(picos));
    assert_eq!(show(1_255_000_000_000, 2), "$1.26");
    assert_eq!(show(1_245_000_000_000, 2), "$1.24");
    assert_eq!(show(-1_500_000_000_000, 0), "-$2");
    assert_eq!(show(-400_000_000_000, 0), "$0");
    assert_eq!(show(7, 15), "$0.000000000007");
    assert_eq!(show(i128::MAX, 0), "$170141183460469231731687304");
    assert_eq!(show(i128::MIN, 1), "-$170141183460469231731687303.7");
    assert_eq!(
        format!("[{:>8.1}] [{:<6}]", Usd::from_micros(250_000), Usd::ZERO),
        "[    $0.2] [$0.00 ]"
    );
}

#[test]
fn money_refuses_floats_in_json() {
    assert!(serde_json::from_str::<Usd>("0.1").is_err());
    assert_eq!(
        serde_json::from_str::<Usd>("\"0.1\"").unwrap(),
        Usd::from_micros(100_000)
    );
}

#[test]
fn every_word_is_unique_and_is_what_json_says() {
    for kind in FailureKind::ALL {
        let json = serde_json::to_string(kind).unwrap();
        assert_eq!(json, format!("\"{kind}\""));
        assert_eq!(FailureKind::from_word(kind.as_str()), Some(*kind));
    }
    for reason in HandoffReason::ALL {
        let json = serde_json::to_string(reason).unwrap();
        assert_eq!(json, format!("\"{reason}\""));
    }
    assert_eq!(FailureKind::from_word("no such word"), None);
}

#[test]
fn an_event_of_a_newer_version_is_an_error_not_a_guess() {
    assert!(serde_json::from_str::<Event>(r#"{"event":"teleported"}"#).is_err());
}
