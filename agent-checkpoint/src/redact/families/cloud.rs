//! Keys and tokens of clouds, hosts and databases as a service.

use crate::redact::bytes::Set;
use crate::redact::family::{Family, exactly, family, least, parts};

const W: Set = Set::WORD;
const A: Set = Set::ALNUM;
const X: Set = Set::HEX;
const U: Set = Set::UPPER;
const D: Set = Set::DOTTED;
const B: Set = Set::BASE64;

pub(super) const FAMILIES: &[Family] = &[
    family(
        "aws-access-key",
        "gitleaks aws-access-token; AWS IAM identifiers",
        &[
            exactly("AKIA", U, 16, 16),
            exactly("ASIA", U, 16, 16),
            exactly("ABIA", U, 16, 16),
            exactly("ACCA", U, 16, 16),
            exactly("A3T", U, 17, 17),
        ],
    ),
    // The base64 of what each begins with: "origin_ec", "BedrockAPIKey-".
    family(
        "aws-session-token",
        "detect-secrets AWSKeyDetector; AWS STS",
        &[least("IQoJb3JpZ2lu", B, 64), least("FwoGZXIvYXdz", B, 64)],
    ),
    family(
        "aws-bedrock-key",
        "gitleaks aws-amazon-bedrock-api-key-long-lived, -short-lived",
        &[
            least("ABSKQmVkcm9ja0FQSUtleS", B, 60),
            least("bedrock-api-key-", B, 40),
        ],
    ),
    family(
        "google-api-key",
        "gitleaks gcp-api-key",
        &[least("AIza", W, 35)],
    ),
    family(
        "google-oauth-secret",
        "TruffleHog googleoauth2",
        &[least("GOCSPX-", W, 24)],
    ),
    family(
        "google-oauth-token",
        "TruffleHog googleoauth2; Google Identity",
        &[least("ya29.", D, 20)],
    ),
    family(
        "alibaba-access-key",
        "gitleaks alibaba-access-key-id",
        &[exactly("LTAI", A, 12, 24)],
    ),
    family(
        "tencent-secret-id",
        "TruffleHog tencentcloudkey",
        &[exactly("AKID", A, 32, 32)],
    ),
    family(
        "yandex-api-key",
        "gitleaks yandex-api-key",
        &[exactly("AQVN", W, 35, 38)],
    ),
    family(
        "digitalocean-token",
        "gitleaks digitalocean-pat, -access-token, -refresh-token",
        &[
            least("dop_v1_", X, 64),
            least("doo_v1_", X, 64),
            least("dor_v1_", X, 64),
        ],
    ),
    family(
        "heroku-key",
        "gitleaks heroku-api-key-v2",
        &[least("HRKU-", W, 40)],
    ),
    family(
        "fly-token",
        "gitleaks flyio-access-token",
        &[
            least("fo1_", W, 43),
            least("fm1r_", B, 80),
            least("fm1a_", B, 80),
            least("fm2_", B, 80),
        ],
    ),
    family(
        "databricks-token",
        "gitleaks databricks-api-token",
        &[least("dapi", X, 32)],
    ),
    family(
        "cloudflare-origin-key",
        "gitleaks cloudflare-origin-ca-key",
        &[parts("v1.0-", b'-', &[(X, 24), (X, 140)])],
    ),
    family(
        "pulumi-token",
        "gitleaks pulumi-api-token",
        &[exactly("pul-", X, 40, 40)],
    ),
    family(
        "planetscale-secret",
        "gitleaks planetscale-api-token, -oauth-token, -password",
        &[
            least("pscale_tkn_", D, 32),
            least("pscale_oauth_", D, 32),
            least("pscale_pw_", D, 32),
        ],
    ),
    family(
        "supabase-key",
        "TruffleHog supabasetoken; Supabase API keys",
        &[least("sbp_", X, 40), least("sb_secret_", W, 20)],
    ),
    family(
        "scalingo-token",
        "gitleaks scalingo-api-token",
        &[least("tk-us-", W, 48)],
    ),
    family(
        "openshift-token",
        "gitleaks openshift-user-token",
        &[least("sha256~", W, 43)],
    ),
    family(
        "tailscale-key",
        "TruffleHog tailscale",
        &[least("tskey-", W, 20)],
    ),
    family(
        "netlify-token",
        "Netlify personal access tokens",
        &[least("nfp_", A, 30)],
    ),
    family(
        "vercel-token",
        "Vercel Blob read-write tokens",
        &[least("vercel_blob_rw_", W, 24)],
    ),
    family(
        "clickhouse-secret",
        "gitleaks clickhouse-cloud-api-secret-key",
        &[exactly("4b1d", A, 38, 38)],
    ),
    family(
        "neon-key",
        "TruffleHog neon; Neon API keys",
        &[least("napi_", A, 40)],
    ),
];
