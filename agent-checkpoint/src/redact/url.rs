//! Credentials in addresses: the password before the `@`, and addresses that are secret themselves.

use super::bytes::{Set, at, before, is_random, window};
use super::mask::OPENING;
use super::scan::Scan;
use super::value::is_template;

const PASSWORD: &str = "url-password";
const WEBHOOK: &str = "webhook-url";

/// Each with who says that it looks like this.
pub(super) const FAMILIES: &[(&str, &str)] = &[
    (
        PASSWORD,
        "detect-secrets BasicAuthDetector; RFC 3986 section 3.2.1",
    ),
    (
        WEBHOOK,
        "gitleaks slack-webhook-url, microsoft-teams-webhook; TruffleHog discordwebhook, zapierwebhook",
    ),
];

/// Longest part of an address in front of its path.
const AUTHORITY_MAX: usize = 512;

/// Addresses whose path lets anybody write there.
const WEBHOOKS: &[(&[u8], &[u8])] = &[
    (b"hooks.slack.com", b"/"),
    (b"discord.com", b"/api/webhooks/"),
    (b"discordapp.com", b"/api/webhooks/"),
    (b".webhook.office.com", b"/webhookb2/"),
    (b"outlook.office.com", b"/webhook/"),
    (b"hooks.zapier.com", b"/hooks/catch/"),
];

/// Whether an address may go on behind the colon: in JSON a slash may be escaped.
#[inline]
pub(super) fn may_begin(bytes: &[u8], colon: usize) -> bool {
    match at(bytes, colon + 1) {
        b'/' => true,
        b'\\' => at(bytes, colon + 2) == b'/',
        _ => false,
    }
}

/// Looks at the address whose scheme ends at `colon`; where to go on, if something was found.
pub(super) fn find(scan: &mut Scan<'_, '_>, colon: usize) -> Option<usize> {
    let bytes = scan.bytes;
    let is_escaped = at(bytes, colon + 1) == b'\\';
    let from = colon + if is_escaped { 5 } else { 3 };
    if before(bytes, from) != b'/' || !before(bytes, colon).is_ascii_alphanumeric() {
        return None;
    }
    let ends = |it: &u8| {
        matches!(
            it,
            0..=b' ' | b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\'
        )
    };
    let rest = window(bytes, from, AUTHORITY_MAX);
    let authority = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
    if let Some(host) = authority.iter().rposition(|it| *it == b'@') {
        return credentials(scan, from, from + host);
    }
    webhook(scan, authority, from + authority.len())
}

fn credentials(scan: &mut Scan<'_, '_>, from: usize, to: usize) -> Option<usize> {
    let user = scan.bytes.get(from..to)?;
    let colon = user.iter().position(|it| *it == b':');
    let start = colon.map_or(from, |colon| from + colon + 1);
    let secret = scan.bytes.get(start..to)?;
    let is_stand_in = is_template(secret) || secret.starts_with(OPENING.as_bytes());
    let is_it = match colon {
        Some(_) => secret.len() >= 3,
        None => secret.len() >= 20 && is_random(secret, 3.0),
    };
    if !is_it || is_stand_in || scan.rules.is_named_off(PASSWORD) {
        return None;
    }
    scan.push(start, to, PASSWORD);
    Some(to)
}

fn webhook(scan: &mut Scan<'_, '_>, host: &[u8], path: usize) -> Option<usize> {
    let (_, prefix) = WEBHOOKS.iter().find(|(name, _)| host.ends_with(name))?;
    if !scan.bytes.get(path..)?.starts_with(prefix) || scan.rules.is_named_off(WEBHOOK) {
        return None;
    }
    let start = path + prefix.len();
    let is_path = |it: &&u8| Set::OPAQUE.has(**it) || **it == b'@';
    let end = start + scan.bytes.get(start..)?.iter().take_while(is_path).count();
    if end - start < 24 {
        return None;
    }
    scan.push(start, end, WEBHOOK);
    Some(end)
}
