//! Failures as vendors documented them and as people met them, against the classification.
//!
//! The cases stand in `tests/corpus/<vendor>.jsonl`, one JSON object a line, each with its source
//! and what the source says that it means. A field that a case leaves out is not checked.

pub(crate) mod case;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::OnceLock;

use agent_primitives::{FailureKind, Timestamp};
use agent_resilience::classify::{self, Remedy, Vendor, Verdict, When};
use agent_resilience::{NextStep, RetryPolicy};
use http::{HeaderMap, HeaderValue};

use case::{Case, Claim, Hint, Phase};

fn corpus() -> &'static [Case] {
    static CORPUS: OnceLock<Vec<Case>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        Case::load(
            &Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests")
                .join("corpus"),
        )
    })
}

/// What a client library would hand over where there was no reply.
#[derive(Debug)]
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

fn classified(case: &Case, headers: &HeaderMap, body: &[u8]) -> Option<Verdict> {
    let vendor: Vendor = case.vendor.parse().unwrap();
    match case.phase {
        Phase::Http => Some(classify::http(vendor, case.status, headers, body)),
        Phase::Stream | Phase::SuccessBody | Phase::StopReason => {
            classify::stream_event(vendor, body)
        }
        Phase::Transport => Some(classify::transport(&Said(
            String::from_utf8(body.to_vec()).unwrap(),
        ))),
    }
}

fn verdict_on(case: &Case) -> Option<Verdict> {
    classified(case, &case.header_map(), &case.bytes())
}

/// What went wrong, by the question that was asked.
#[derive(Default)]
struct Findings {
    asked: BTreeMap<&'static str, usize>,
    missed: BTreeMap<&'static str, Vec<String>>,
}

impl Findings {
    fn ask(&mut self, question: &'static str, case: &Case, right: bool, said: &dyn fmt::Debug) {
        *self.asked.entry(question).or_default() += 1;
        if !right {
            let Case {
                vendor,
                name,
                status,
                source,
                ..
            } = case;
            let wanted: &dyn fmt::Debug = match question {
                "scope" => &case.scope,
                "hint" => &case.retry_after,
                "numbers" => &case.context,
                _ => &case.kind,
            };
            self.missed.entry(question).or_default().push(format!(
                "{question}: {vendor} {status} \"{name}\": {said:?} instead of {wanted:?}\n        {source}"
            ));
        }
    }

    fn missed(&self, question: &str) -> usize {
        self.missed.get(question).map_or(0, Vec::len)
    }

    fn asked(&self, question: &str) -> usize {
        self.asked.get(question).copied().unwrap_or(0)
    }

    fn judge(&mut self, case: &Case) {
        let verdict = verdict_on(case);
        let kind = verdict.as_ref().map(|verdict| verdict.kind);
        match case.kind {
            Claim::Open => self.ask("failure", case, kind.is_some(), &kind),
            wanted => self.ask("kind", case, wanted.holds(kind), &kind),
        }
        let Some(verdict) = verdict else { return };
        if let Some(scope) = case.scope {
            self.ask("scope", case, verdict.scope == scope, &verdict.scope);
        }
        if case.retry_after != Claim::Open {
            let right = same_moment(verdict.retry_after, case.retry_after);
            self.ask("hint", case, right, &verdict.retry_after);
        }
        if let Some(wanted) = case.context {
            let read = verdict.context.unwrap_or_default();
            let right = wanted.used.holds(read.used)
                && wanted.limit.holds(read.limit)
                && wanted.output_fits.holds(read.output_fits);
            self.ask("numbers", case, right, &verdict.context);
        }
    }

    fn report(&self) -> String {
        let mut report = String::new();
        for lines in self.missed.values() {
            for line in lines {
                writeln!(report, "  {line}").unwrap();
            }
        }
        for (question, asked) in &self.asked {
            let right = asked - self.missed(question);
            writeln!(report, "{question}: {right} of {asked}").unwrap();
        }
        report
    }
}

/// Whether the hint is the stated one, to a hundredth of a millisecond.
fn same_moment(read: Option<When>, wanted: Claim<Hint>) -> bool {
    match (read, wanted) {
        (None, Claim::Absent) => true,
        (Some(When::In(delay)), Claim::Is(Hint::InMs(millis))) => {
            (delay.as_secs_f64() * 1e3 - millis).abs() < 0.01
        }
        (Some(When::At(at)), Claim::Is(Hint::UnixMs(millis))) => {
            at == Timestamp::from_unix_millis(millis)
        }
        _ => false,
    }
}

#[test]
fn every_case_means_what_its_source_says() {
    let mut findings = Findings::default();
    let mut per_vendor = BTreeMap::new();
    for case in corpus() {
        findings.judge(case);
        *per_vendor.entry(case.vendor.as_str()).or_insert(0) += 1;
    }
    for (vendor, cases) in &per_vendor {
        println!("{vendor:>18} {cases:4}");
    }
    println!("{:>18} {:4}", "in all", corpus().len());
    let report = findings.report();
    println!("{report}");
    let scopes = findings.asked("scope");
    let enough = scopes - findings.missed("scope");
    assert!(enough * 100 >= scopes * 98, "scopes below 98 %\n{report}");
    for question in ["kind", "failure", "hint", "numbers"] {
        assert!(findings.asked(question) > 10, "{question} is asked");
        assert_eq!(findings.missed(question), 0, "{question}\n{report}");
    }
}

/// Whether a host that follows the verdict would send the same request again.
fn is_retried(verdict: &Verdict) -> bool {
    let policy = RetryPolicy::default();
    let step = policy.next_step(
        verdict,
        1,
        Timestamp::UNIX_EPOCH,
        &mut policy.backoff.delays(1),
    );
    matches!(verdict.remedy(), Remedy::Wait(_) | Remedy::BackOff)
        || matches!(step, NextStep::Again(_))
}

fn final_failures() -> impl Iterator<Item = &'static Case> {
    corpus().iter().filter(|case| case.never_retry)
}

#[test]
fn no_failure_that_must_not_be_retried_is_retried() {
    let retried: Vec<_> = final_failures()
        .filter_map(|case| Some((case, verdict_on(case)?)))
        .filter(|(_, verdict)| is_retried(verdict))
        .map(|(case, verdict)| {
            format!(
                "  {} {} \"{}\": {} ({:?})\n        {}",
                case.vendor,
                case.status,
                case.name,
                verdict.kind,
                verdict.remedy(),
                case.source
            )
        })
        .collect();
    println!(
        "{} of {} final failures are retried",
        retried.len(),
        final_failures().count()
    );
    assert!(final_failures().count() >= 250, "the set has shrunk");
    assert!(retried.is_empty(), "retried:\n{}", retried.join("\n"));
}

/// The body as proxies and clients pass it on: in a list, as a text inside JSON, behind a status.
fn wrapped(case: &Case, body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let Ok(text) = std::str::from_utf8(body) else {
        return Vec::new();
    };
    if case.phase != Phase::Http || !text.starts_with('{') || body.len() > 100_000 {
        return Vec::new();
    }
    if serde_json::from_str::<serde_json::Value>(text).is_err() {
        return Vec::new();
    }
    vec![
        ("in a list", format!("[{text}]").into_bytes()),
        (
            "as a text",
            serde_json::json!({ "error": text })
                .to_string()
                .into_bytes(),
        ),
        (
            "behind a status",
            format!("{} {text}", case.status).into_bytes(),
        ),
    ]
}

#[test]
fn no_hint_and_no_wrapper_makes_a_final_failure_one_that_is_retried() {
    let mut retried = Vec::new();
    let mut tried = 0;
    for case in final_failures() {
        let body = case.bytes();
        let mut hinted = case.header_map();
        // There the hint itself tells what it is: OpenRouter's 402 with one means "later", Azure's 429
        // with one of a day is no limit of a minute.
        let by_hint = matches!(
            (case.vendor.as_str(), case.status),
            ("openrouter", 402) | ("azure_openai", 429)
        );
        if !by_hint {
            hinted.insert("retry-after", HeaderValue::from_static("1"));
            hinted.insert("x-should-retry", HeaderValue::from_static("true"));
        }
        let mut forms = wrapped(case, &body);
        forms.push(("with hints", body));
        for (form, body) in forms {
            tried += 1;
            if let Some(verdict) = classified(case, &hinted, &body)
                && is_retried(&verdict)
            {
                let Case { vendor, name, .. } = case;
                retried.push(format!("  {vendor} \"{name}\" {form}: {}", verdict.kind));
            }
        }
    }
    println!("{} of {tried} forms are retried", retried.len());
    assert!(tried > 800, "{tried} forms");
    assert!(retried.is_empty(), "retried:\n{}", retried.join("\n"));
}

#[test]
fn the_corpus_is_large_enough_and_every_case_names_its_source() {
    assert!(corpus().len() >= 300, "{} cases", corpus().len());
    let mut names = BTreeSet::new();
    let mut per_vendor = BTreeMap::<_, usize>::new();
    let mut kinds = BTreeSet::new();
    let mut phases = BTreeSet::new();
    for case in corpus() {
        let Case { vendor, name, .. } = case;
        assert!(names.insert((vendor, name)), "{vendor} \"{name}\" twice");
        assert!(case.source.len() >= 8, "{vendor} \"{name}\" has no source");
        *per_vendor.entry(vendor).or_default() += 1;
        if let Claim::Is(kind) = case.kind {
            kinds.insert(kind);
        }
        phases.insert(case.phase);
        // Read at once, so that a broken body is told here and not as a wrong verdict.
        assert!(case.bytes().len() < 20_000_000);
    }
    assert_eq!(per_vendor.len(), 18, "{per_vendor:?}");
    for (vendor, cases) in per_vendor {
        assert!(cases >= 8, "{vendor}: {cases} cases");
    }
    assert_eq!(phases.len(), 5, "{phases:?}");
    for kind in FailureKind::ALL {
        assert!(kinds.contains(kind), "no case of {kind}");
    }
}

#[test]
fn only_what_cannot_succeed_is_marked_as_final() {
    use FailureKind as Kind;
    for case in corpus() {
        let kind = match case.kind {
            Claim::Is(kind) => kind,
            Claim::Absent => {
                assert!(!case.never_retry, "{}: an answer is no failure", case.name);
                continue;
            }
            Claim::Open => continue,
        };
        let is_final = matches!(
            kind,
            Kind::QuotaExhausted
                | Kind::Auth
                | Kind::Permission
                | Kind::PayloadTooLarge
                | Kind::ContextTooLong
                | Kind::ContentPolicy
                | Kind::InvalidRequest
                | Kind::NotFound
        );
        assert_eq!(
            case.never_retry, is_final,
            "{} \"{}\" is {kind}",
            case.vendor, case.name
        );
    }
}
