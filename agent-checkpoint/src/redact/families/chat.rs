//! Tokens of chat, documents, mail and other tools of an office.

use crate::redact::bytes::Set;
use crate::redact::family::{Family, exactly, family, least, parts};

const W: Set = Set::WORD;
const A: Set = Set::ALNUM;
const X: Set = Set::HEX;
const D: Set = Set::DOTTED;

pub(super) const FAMILIES: &[Family] = &[
    family(
        "slack-token",
        "gitleaks slack-bot-token and the other slack rules",
        &[
            least("xoxb-", W, 16),
            least("xoxp-", W, 16),
            least("xoxa-", W, 16),
            least("xoxr-", W, 16),
            least("xoxs-", W, 16),
            least("xoxo-", W, 16),
            least("xoxe-", W, 16),
            least("xoxe.", D, 16),
            least("xoxc-", W, 16),
            least("xoxd-", W, 16),
            least("xapp-", W, 16),
        ],
    ),
    family(
        "discord-token",
        "detect-secrets DiscordBotTokenDetector",
        &[
            parts("M", b'.', &[(W, 23), (W, 6), (W, 27)]),
            parts("N", b'.', &[(W, 23), (W, 6), (W, 27)]),
            parts("O", b'.', &[(W, 23), (W, 6), (W, 27)]),
        ],
    ),
    family(
        "notion-token",
        "gitleaks notion-api-token; Notion integrations",
        &[least("ntn_", A, 40), exactly("secret_", A, 43, 43)],
    ),
    family(
        "linear-key",
        "gitleaks linear-api-key",
        &[least("lin_api_", A, 40), least("lin_oauth_", A, 40)],
    ),
    family(
        "airtable-token",
        "TruffleHog airtablepersonalaccesstoken",
        &[parts("pat", b'.', &[(A, 14), (X, 64)])],
    ),
    family(
        "figma-token",
        "TruffleHog figmapersonalaccesstoken",
        &[least("figd_", W, 36)],
    ),
    family(
        "contentful-token",
        "TruffleHog contentfulpersonalaccesstoken",
        &[least("CFPAT-", W, 40)],
    ),
    family(
        "typeform-token",
        "gitleaks typeform-api-token",
        &[least("tfp_", D, 40)],
    ),
    family(
        "hubspot-token",
        "TruffleHog hubspot_apikey",
        &[least("pat-na", W, 36), least("pat-eu", W, 36)],
    ),
    family(
        "dropbox-token",
        "gitleaks dropbox-short-lived-api-token",
        &[least("sl.", D, 120)],
    ),
    family(
        "frameio-token",
        "gitleaks frameio-api-token",
        &[least("fio-u-", D, 60)],
    ),
    family(
        "mapbox-secret",
        "TruffleHog mapbox",
        &[least("sk.eyJ", D, 60)],
    ),
    family(
        "facebook-token",
        "gitleaks facebook-page-access-token",
        &[least("EAAM", A, 100), least("EAAC", A, 100)],
    ),
    family(
        "twitter-bearer-token",
        "gitleaks twitter-bearer-token",
        &[least("AAAAAAAAAAAAAAAAAAAAAA", Set::OPAQUE, 60)],
    ),
    family(
        "adobe-secret",
        "gitleaks adobe-client-secret",
        &[exactly("p8e-", A, 32, 32)],
    ),
    family(
        "sendgrid-key",
        "gitleaks sendgrid-api-token",
        &[parts("SG.", b'.', &[(W, 16), (W, 32)])],
    ),
    family(
        "mailgun-key",
        "gitleaks mailgun-private-api-token",
        &[exactly("key-", X, 32, 32)],
    ),
    family(
        "brevo-key",
        "gitleaks sendinblue-api-token",
        &[least("xkeysib-", W, 64), least("xsmtpsib-", W, 64)],
    ),
    family(
        "twilio-key",
        "gitleaks twilio-api-key",
        &[exactly("SK", X, 32, 32)],
    ),
];
