//! Hints in sentences.

use std::time::Duration;

use agent_primitives::Timestamp;

use super::super::prose::Phrases;
use super::{LONGEST, When, date, decimal, micros, seconds};

/// How the words before a hint want it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// A duration or a date; a bare number is seconds.
    Wait,
    /// The same, but a bare number says nothing.
    WithUnit,
    /// A bare number is milliseconds.
    Millis,
}

/// Words right before a hint. Sources: the sentences in `tests/corpus`, and the printed form of
/// Google's `RetryInfo` ("`retry_delay { seconds: 26 }`") in its Python client.
static LEADS: Phrases<Lead, 22> = Phrases::new(&[
    ("available again in", Lead::WithUnit),
    ("please wait", Lead::WithUnit),
    ("regain access on", Lead::WithUnit),
    ("reset after", Lead::WithUnit),
    ("reset at", Lead::WithUnit),
    ("reset in", Lead::WithUnit),
    ("resets after", Lead::WithUnit),
    ("resets at", Lead::WithUnit),
    ("resets in", Lead::WithUnit),
    ("retry after", Lead::Wait),
    ("retry after ms", Lead::Millis),
    ("retry at", Lead::WithUnit),
    ("retry delay", Lead::Wait),
    ("retry in", Lead::Wait),
    ("retryafter", Lead::Wait),
    ("retrydelay", Lead::Wait),
    ("try again after", Lead::Wait),
    ("try again at", Lead::WithUnit),
    ("try again in", Lead::Wait),
    ("wait for", Lead::WithUnit),
    // "Please in N seconds", "please wait N seconds".
    ("请在", Lead::WithUnit),
    ("请等待", Lead::WithUnit),
]);

/// Finds a hint in a sentence: "try again in 3.965s", "retry after 86400 seconds", "in 1 h 30 min",
/// "resets at 2026-10-04T06:08:58Z". The first that can be read counts. A unit that is not known is
/// no hint: half a hint would be too short. Nor is a date without a zone.
pub(crate) fn in_prose(text: &str) -> Option<When> {
    LEADS
        .found_in(text)
        .find_map(|(lead, end)| hint(lead, text.get(end..)?))
}

fn hint(lead: Lead, text: &str) -> Option<When> {
    const FILLERS: [&str; 4] = ["about ", "approximately ", "at least ", "seconds:"];
    // "retry_after: 5", "retry_after=5", `"retryDelay": "26s"`, "retry_delay {".
    let mut text = text.trim_start_matches([' ', ':', '=', '"', '\'', '{', '~', '\n']);
    for filler in FILLERS {
        text = text.strip_prefix(filler).unwrap_or(text).trim_start();
    }
    if let Some(at) = moment(text) {
        return Some(When::At(at));
    }
    spoken(lead, text).map(When::In)
}

/// A date with a zone: RFC 3339, or "2026-12-01 at 00:00 UTC" (Anthropic).
fn moment(text: &str) -> Option<Timestamp> {
    let day = text.get(..10)?;
    if day.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    if let Some(time) = text.get(10..).and_then(|text| text.strip_prefix(" at ")) {
        let clock = time.get(..5).filter(|_| time.get(5..9) == Some(" UTC"))?;
        return date(&format!("{day}T{clock}:00Z"));
    }
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ','));
    let word = text.get(..end.unwrap_or(text.len()))?;
    date(word.trim_end_matches('.'))
}

/// Numbers with units, one after the other, as far as they go.
fn spoken(lead: Lead, text: &str) -> Option<Duration> {
    let mut total = None;
    let mut rest = text;
    loop {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at_checked(digits)?;
        let Some(value) = decimal(number.trim_end_matches('.')) else {
            return total;
        };
        // A date is no duration.
        if tail.starts_with(['-', ':', '/']) {
            return None;
        }
        let tail = tail.trim_start();
        let Some((scale, tail)) = unit(tail).or_else(|| {
            // "Please try again in 20." and "... in 20, or ask for more."
            let ends = !tail.starts_with(char::is_alphabetic);
            let scale = match lead {
                Lead::Wait => 1.0,
                Lead::Millis => 1e-3,
                Lead::WithUnit => return None,
            };
            (total.is_none() && ends).then_some((scale, tail))
        }) else {
            // The sentence goes on: "5 minutes 3 of your requests".
            return total;
        };
        let part = micros(seconds(value * scale));
        total = Some(
            total
                .map_or(part, |sum: Duration| sum.saturating_add(part))
                .min(LONGEST),
        );
        rest = tail.trim_start_matches([' ', ',']).trim_start();
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
}

/// The seconds of a unit at the beginning of `text`, and what follows it.
fn unit(text: &str) -> Option<(f64, &str)> {
    const UNITS: [(&[&str], f64); 7] = [
        (&["s", "sec", "secs", "second", "seconds"], 1.0),
        (&["ms", "millisecond", "milliseconds"], 1e-3),
        (&["m", "min", "mins", "minute", "minutes"], 60.0),
        (&["h", "hr", "hrs", "hour", "hours"], 3_600.0),
        (&["d", "day", "days"], 86_400.0),
        (&["us", "µs", "μs"], 1e-6),
        (&["ns"], 1e-9),
    ];
    /// No blank ends them: "20秒后重试".
    const CHINESE: [(&str, f64); 5] = [
        ("毫秒", 1e-3),
        ("秒", 1.0),
        ("分钟", 60.0),
        ("小时", 3_600.0),
        ("天", 86_400.0),
    ];
    let found = CHINESE
        .iter()
        .find_map(|(unit, scale)| Some((*scale, text.strip_prefix(unit)?)));
    if found.is_some() {
        return found;
    }
    let letters = text
        .find(|c: char| !(c.is_ascii_alphabetic() || c == 'µ' || c == 'μ'))
        .unwrap_or(text.len());
    let (word, tail) = text.split_at_checked(letters)?;
    UNITS
        .iter()
        .find(|(names, _)| names.iter().any(|name| word.eq_ignore_ascii_case(name)))
        .map(|(_, scale)| (*scale, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_millis(millis: u64) -> When {
        When::In(Duration::from_millis(millis))
    }

    #[test]
    fn a_hint_is_found_in_a_sentence() {
        for (text, expected) in [
            (
                "Limit 30000, Used 29000. Please try again in 3.965s. Visit",
                Some(in_millis(3_965)),
            ),
            ("Please try again in 20ms.", Some(in_millis(20))),
            (
                "please Retry After 86400 seconds",
                Some(in_millis(86_400_000)),
            ),
            (
                "Please retry in 3.564818218s",
                Some(When::In(Duration::from_micros(3_564_818))),
            ),
            ("try again in 6m0s", Some(in_millis(360_000))),
            ("try again in 2 minutes", Some(in_millis(120_000))),
            ("try again in 5 min", Some(in_millis(300_000))),
            ("try again in 3 hrs.", Some(in_millis(10_800_000))),
            ("try again in 1h 30m", Some(in_millis(5_400_000))),
            (
                "try again in 1 minute and 30 seconds",
                Some(in_millis(90_000)),
            ),
            ("try again after 1d2h", Some(in_millis(93_600_000))),
            ("try again in 20, or ask for more", Some(in_millis(20_000))),
            ("try again in 2 weeks", None),
            ("please wait in line, try again in 5 apples", None),
            ("try again in -5s", None),
            ("Please wait 5 of your requests", None),
            ("Please wait 46", None),
            ("try again in a moment", None),
            ("try again in", None),
        ] {
            assert_eq!(in_prose(text), expected, "{text}");
        }
    }

    #[test]
    fn the_forms_of_other_vendors_are_read() {
        let at = |seconds| Some(When::At(Timestamp::from_unix_seconds(seconds)));
        for (text, expected) in [
            (
                "Rate limit of 10 per 60s exceeded for UserByMinute. Please wait 46 seconds before retrying.",
                Some(in_millis(46_000)),
            ),
            ("retry_delay {\n  seconds: 26\n}", Some(in_millis(26_000))),
            (r#"{'retryDelay': "3.5s"}"#, Some(in_millis(3_500))),
            (r#""retry_after_ms": 250,"#, Some(in_millis(250))),
            (r#""retry_after":5}"#, Some(in_millis(5_000))),
            ("Retry-After=7", Some(in_millis(7_000))),
            (
                "Your quota will reset after 2h12m.",
                Some(in_millis(7_920_000)),
            ),
            (
                "Please try again in about 2 minutes",
                Some(in_millis(120_000)),
            ),
            (
                "try again in 5 apples or try again in 3s",
                Some(in_millis(3_000)),
            ),
            ("请求过于频繁，请在 20 秒后重试", Some(in_millis(20_000))),
            ("请等待5分钟", Some(in_millis(300_000))),
            ("请在 5 号窗口", None),
            ("retry after 2026-12-01T00:00:00Z.", at(1_796_083_200)),
            (
                "Your limit resets at 2026-12-01T01:00:00+01:00. Please",
                at(1_796_083_200),
            ),
            (
                "You will regain access on 2026-12-01 at 00:00 UTC.",
                at(1_796_083_200),
            ),
            // Without a zone it may be meant anywhere.
            ("Your limit will reset at 2026-09-09 05:38:28", None),
            ("You will regain access on 2026-12-01 at 00:00 PST.", None),
            ("retry after 2026-13-01T00:00:00Z", None),
        ] {
            assert_eq!(in_prose(text), expected, "{text}");
        }
    }
}
