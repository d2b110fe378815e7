//! Hints about when to come back: any text through `parse_hint`, and every form that is written
//! down somewhere, from a number and back.
//!
//! Input: a letter each for the form, the spoken form and the header; a number, a line; the text.
#![no_main]

use std::time::Duration;

use agent_fuzz::Input;
use agent_primitives::Timestamp;
use agent_resilience::classify::{self, Remedy, Vendor, When, parse_hint};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let form = input.pick(&FORMS);
    let spoken = input.pick(&SPOKEN);
    let header = input.pick(&HEADERS);
    let number = input.number();
    let text = String::from_utf8_lossy(input.rest());

    check_any(&text);
    check_header(header, &text);
    check_sentence(&text, None);
    form(number);
    let (words, wait) = spoken(number);
    check_sentence(&format!("Please try again in {words}. {text}"), Some(wait));
});

/// A year and a day: no wait is longer.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
const DAY_MS: u64 = 86_400_000;

/// What holds of any text.
fn check_any(text: &str) {
    let hint = parse_hint(text);
    assert_eq!(hint, parse_hint(text), "{text:?} is read in two ways");
    assert_eq!(
        hint,
        parse_hint(&format!(" {text}\t")),
        "blanks around {text:?} change it"
    );
    if let Some(hint) = hint {
        check_when(hint, text);
    }
    if text.trim_start().starts_with('-') {
        assert!(
            !matches!(hint, Some(When::In(_))),
            "{text:?} is negative: {hint:?}"
        );
    }
}

fn check_when(when: When, text: &str) {
    if let When::In(wait) = when {
        assert!(wait <= LONGEST, "{text:?} waits {wait:?}");
    }
    for now in [i64::MIN, -1, 0, 1_800_000_000_000_000_000, i64::MAX] {
        let delay = when.delay(Timestamp::from_unix_nanos(now));
        let expected = match when {
            When::In(wait) => wait,
            When::At(at) => {
                let nanos = i128::from(at.unix_nanos()) - i128::from(now);
                Duration::from_nanos(u64::try_from(nanos.max(0)).expect("two times are in reach"))
            }
        };
        assert_eq!(delay, expected.min(LONGEST), "{text:?} at {now}");
    }
    let stored = serde_json::to_string(&when).expect("a hint can be stored");
    let read: When = serde_json::from_str(&stored).expect("a stored hint is read");
    assert_eq!(read, when);
}

const HEADERS: [&str; 5] = [
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-ratelimit-reset-requests",
    "x-ratelimit-timeremaining",
];

/// The text as the value of a header that means a wait.
fn check_header(name: &'static str, text: &str) {
    let Ok(value) = HeaderValue::from_str(text) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(name), value);
    headers.insert(
        "x-ratelimit-remaining-requests",
        HeaderValue::from_static("0"),
    );
    for vendor in [Vendor::OpenAi, Vendor::Groq, Vendor::Anthropic] {
        let verdict = classify::http(vendor, 429, &headers, b"");
        if let Some(when) = verdict.retry_after {
            check_when(when, text);
        }
        if name == "retry-after" {
            assert_eq!(verdict.retry_after, parse_hint(text), "{text:?}");
        }
    }
}

/// The text as the sentence of a failure: as JSON and bare.
fn check_sentence(text: &str, expected: Option<Duration>) {
    let body = serde_json::json!({"error": {"type": "rate_limit_error", "message": text}});
    for body in [body.to_string(), text.to_owned()] {
        for vendor in [Vendor::Anthropic, Vendor::OpenAi, Vendor::Ollama] {
            let verdict = classify::http(vendor, 429, &HeaderMap::new(), body.as_bytes());
            if let Some(when) = verdict.retry_after {
                check_when(when, &body);
            }
            if let (Some(expected), Remedy::Wait(when)) = (expected, verdict.remedy()) {
                assert_eq!(when, When::In(expected), "{body:?}");
            }
            if expected.is_some() {
                assert_ne!(verdict.remedy(), Remedy::BackOff, "{body:?}");
            }
        }
    }
}

/// Writes a number in one form and asserts what is read.
type Form = fn(u64);

const FORMS: [Form; 12] = [
    whole_seconds,
    seconds_with_a_fraction,
    millis_in_a_header,
    go_duration,
    go_duration_of_one_unit,
    seconds_since_1970,
    millis_since_1970,
    micros_since_1970,
    http_date,
    old_http_dates,
    rfc_3339,
    rfc_3339_with_an_offset,
];

#[track_caller]
fn reads(text: &str, expected: When) {
    assert_eq!(parse_hint(text), Some(expected), "{text:?}");
}

/// Seconds from 2001 on and before the representable time ends.
fn date_s(number: u64) -> i64 {
    let span = 9_223_000_000 - 1_000_000_000;
    i64::try_from(1_000_000_000 + number % span).expect("ten digits")
}

fn date(seconds: i64) -> When {
    When::At(Timestamp::from_unix_seconds(seconds))
}

fn whole_seconds(number: u64) {
    let seconds = number % 1_000_000_000;
    reads(
        &seconds.to_string(),
        When::In(Duration::from_secs(seconds).min(LONGEST)),
    );
}

fn seconds_with_a_fraction(number: u64) {
    let millis = number % (366 * DAY_MS);
    let text = format!("{}.{:03}", millis / 1_000, millis % 1_000);
    near(&text, parse_hint(&text), Duration::from_millis(millis));
}

/// Fractions are not exact in binary.
#[track_caller]
fn near(text: &str, hint: Option<When>, expected: Duration) {
    let Some(When::In(wait)) = hint else {
        panic!("{text:?} is read as {hint:?}");
    };
    assert!(
        wait.abs_diff(expected) <= Duration::from_micros(1),
        "{text:?} is read as {wait:?}"
    );
}

fn millis_in_a_header(number: u64) {
    let millis = number % (400 * DAY_MS);
    for name in ["retry-after-ms", "x-ms-retry-after-ms"] {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from(millis));
        let hint = classify::http(Vendor::OpenAiCompatible, 429, &headers, b"").retry_after;
        near(name, hint, Duration::from_millis(millis).min(LONGEST));
    }
}

fn go_duration(number: u64) {
    let millis = number % (366 * DAY_MS);
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, fraction) = (millis / 1_000 % 60, millis % 1_000);
    // As Go prints it: from the largest unit that is not zero.
    let text = match (hours, minutes) {
        (0, 0) => String::new(),
        (0, _) => format!("{minutes}m"),
        _ => format!("{hours}h{minutes}m"),
    };
    let text = match fraction {
        0 => format!("{text}{seconds}s"),
        _ => format!("{text}{seconds}.{fraction:03}s"),
    };
    reads(&text, When::In(Duration::from_millis(millis)));
}

fn go_duration_of_one_unit(number: u64) {
    let count = number % 1_000_000;
    for (unit, micros) in [
        ("us", 1),
        ("µs", 1),
        ("μs", 1),
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("h", 3_600_000_000),
    ] {
        let expected = Duration::from_micros(count * micros).min(LONGEST);
        reads(&format!("{count}{unit}"), When::In(expected));
    }
    let nanos = Duration::from_nanos(count);
    let text = format!("{count}ns");
    near(&text, parse_hint(&text), nanos);
}

fn seconds_since_1970(number: u64) {
    let seconds = date_s(number);
    reads(&seconds.to_string(), date(seconds));
}

fn millis_since_1970(number: u64) {
    let millis = date_s(number) * 1_000;
    reads(&millis.to_string(), date(millis / 1_000));
}

fn micros_since_1970(number: u64) {
    let micros = date_s(number) * 1_000_000;
    reads(&micros.to_string(), date(micros / 1_000_000));
}

/// The parts of a date in UTC: weekday, year, month, day and the time of day.
struct Parts {
    weekday: usize,
    year: u64,
    month: usize,
    day: u64,
    time: String,
}

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl Parts {
    fn of(seconds: i64) -> Self {
        let text = Timestamp::from_unix_seconds(seconds).to_string();
        let number = |range: std::ops::Range<usize>| text[range].parse().expect("digits");
        Self {
            // 1970 began on a Thursday.
            weekday: usize::try_from((seconds / 86_400 + 4) % 7).expect("a weekday"),
            year: number(0..4),
            month: usize::try_from(number(5..7) - 1).expect("a month"),
            day: number(8..10),
            time: text[11..19].to_owned(),
        }
    }
}

fn http_date(number: u64) {
    let seconds = date_s(number);
    let p = Parts::of(seconds);
    let (weekday, month) = (&WEEKDAYS[p.weekday][..3], MONTHS[p.month]);
    reads(
        &format!("{weekday}, {:02} {month} {} {} GMT", p.day, p.year, p.time),
        date(seconds),
    );
}

/// RFC 850 and C's `asctime`. Two digits of a year reach from 1970 to 2069.
fn old_http_dates(number: u64) {
    let seconds = i64::try_from(number % 3_155_760_000).expect("ten digits");
    let p = Parts::of(seconds);
    let (weekday, month) = (WEEKDAYS[p.weekday], MONTHS[p.month]);
    let year = p.year % 100;
    reads(
        &format!("{weekday}, {:02}-{month}-{year:02} {} GMT", p.day, p.time),
        date(seconds),
    );
    reads(
        &format!(
            "{} {month} {:>2} {} {}",
            &weekday[..3],
            p.day,
            p.time,
            p.year
        ),
        date(seconds),
    );
}

fn rfc_3339(number: u64) {
    let millis = date_s(number) * 1_000 + i64::try_from(number / 7 % 1_000).expect("three digits");
    let at = Timestamp::from_unix_millis(millis);
    reads(&at.to_string(), When::At(at));
    reads(&at.to_string().replace('T', "t"), When::At(at));
}

fn rfc_3339_with_an_offset(number: u64) {
    let seconds = date_s(number);
    let minutes = i64::try_from(number / 7 % 1_440).expect("four digits");
    for (sign, seconds_there) in [('+', seconds + minutes * 60), ('-', seconds - minutes * 60)] {
        let there = Timestamp::from_unix_seconds(seconds_there).to_string();
        let (hour, minute) = (minutes / 60, minutes % 60);
        reads(
            &format!("{}{sign}{hour:02}:{minute:02}", &there[..19]),
            date(seconds),
        );
    }
}

/// Says a number in one form, and how long that is.
type Spoken = fn(u64) -> (String, Duration);

const SPOKEN: [Spoken; 8] = [
    |n| (format!("{}s", n % 100_000), secs(n % 100_000)),
    |n| {
        (
            format!("{}ms", n % 100_000),
            Duration::from_millis(n % 100_000),
        )
    },
    |n| {
        let millis = n % 100_000_000;
        let text = format!("{}.{:03}s", millis / 1_000, millis % 1_000);
        (text, Duration::from_millis(millis))
    },
    |n| {
        let (m, s) = (n / 60 % 1_000, n % 60);
        (format!("{m}m{s}s"), secs(m * 60 + s))
    },
    |n| (format!("{} seconds", n % 100_000), secs(n % 100_000)),
    |n| {
        let (h, m) = (n / 60 % 24, n % 60);
        (format!("{h} h {m} min"), secs(h * 3_600 + m * 60))
    },
    |n| {
        let (m, s) = (n / 60 % 60, n % 60);
        (format!("{m} minutes and {s} seconds"), secs(m * 60 + s))
    },
    |n| {
        let (d, h) = (n / 24 % 30, n % 24);
        (format!("{d}d{h}h"), secs(d * 86_400 + h * 3_600))
    },
];

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
