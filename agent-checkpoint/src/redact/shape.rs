//! Secrets that are known by their whole shape rather than by a beginning.

use super::bytes::{Set, at, before, is_random, window, window_before};

/// Beginning, end, and family.
pub(super) type Shaped = (usize, usize, &'static str);

pub(super) const AUTHORIZATION: &str = "authorization";

const AZURE_SECRET: &str = "azure-client-secret";
const AZURE_DEVOPS: &str = "azure-devops-token";
const MAILCHIMP: &str = "mailchimp-key";
const MAXMIND: &str = "maxmind-key";
const TELEGRAM: &str = "telegram-token";
const TERRAFORM: &str = "terraform-token";

/// Each with who says that it looks like this.
pub(super) const FAMILIES: &[(&str, &str)] = &[
    (AZURE_SECRET, "gitleaks azure-ad-client-secret"),
    (AZURE_DEVOPS, "TruffleHog azuredevopspersonalaccesstoken"),
    (MAILCHIMP, "gitleaks mailchimp-api-key"),
    (MAXMIND, "gitleaks maxmind-license-key"),
    (TELEGRAM, "gitleaks telegram-bot-api-token"),
    (TERRAFORM, "gitleaks hashicorp-tf-api-token"),
];

/// What a whole run is.
pub(super) fn whole(bytes: &[u8], start: usize, end: usize) -> Option<Shaped> {
    let run = bytes.get(start..end)?;
    let hex = |of: &[u8], count: usize| Set::HEX.count(of, 0, count + 1) == count;
    match run.len() {
        // 32 hexadecimal digits and the data centre: "-us21".
        36 | 37 if run.get(32..35) == Some(b"-us") && hex(run, 32) => {
            let is_number = run.get(35..)?.iter().all(u8::is_ascii_digit);
            is_number.then_some((start, end, MAILCHIMP))
        }
        40 if run.ends_with(b"_mmk") && at(run, 6) == b'_' => {
            let letters = run.iter().filter(|it| Set::ALNUM.has(**it)).count();
            (letters == 38 && is_random(run, 4.0)).then_some((start, end, MAXMIND))
        }
        84 if run.get(76..80) == Some(b"AZDO") && Set::ALNUM.count(run, 0, 84) == 84 => {
            Some((start, end, AZURE_DEVOPS))
        }
        _ => None,
    }
}

/// A bot's number, a colon, and 35 bytes that begin with `AA`.
pub(super) fn telegram(bytes: &[u8], start: usize, end: usize) -> Option<Shaped> {
    if at(bytes, start) != b'A' || end - start < 34 {
        return None;
    }
    let digits = window_before(bytes, start - 1, 17);
    let count = digits
        .iter()
        .rev()
        .take_while(|it| it.is_ascii_digit())
        .count();
    let is_random = is_random(window(bytes, start, 35), 3.0);
    ((6..=16).contains(&count) && is_random).then_some((start - 1 - count, end, TELEGRAM))
}

/// What stands around a dot or a `~`: between `first` and where the run behind begins.
pub(super) fn led(bytes: &[u8], first: usize, start: usize) -> Option<Shaped> {
    let lead = bytes.get(first..start)?;
    if lead.ends_with(b".atlasv1.") {
        let id = start.checked_sub(23)?.max(first);
        let end = start + Set::DOTTED.count(bytes, start, usize::MAX);
        return (end - start >= 60).then_some((id, end, TERRAFORM));
    }
    // Three bytes, a digit, "Q~", and 31 to 34 more.
    let tilde = lead.windows(2).rposition(|it| it == b"Q~")?;
    let from = (first + tilde).checked_sub(4)?.max(first);
    let end = from + Set::DOTTED.count(bytes, from, 64);
    let is_digit = before(bytes, first + tilde).is_ascii_digit();
    ((37..=41).contains(&(end - from)) && is_digit).then_some((from, end, AZURE_SECRET))
}
