//! Tokens of builds, monitoring, stores of secrets and other tools of operation.

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
        "vault-token",
        "gitleaks vault-service-token, vault-batch-token",
        &[
            least("hvs.", W, 24),
            least("hvb.", W, 24),
            least("hvr.", W, 24),
        ],
    ),
    family(
        "doppler-token",
        "gitleaks doppler-api-token",
        &[
            least("dp.pt.", A, 40),
            least("dp.st.", D, 40),
            least("dp.ct.", A, 40),
            least("dp.sa.", A, 40),
            least("dp.scim.", A, 40),
            least("dp.audit.", A, 40),
        ],
    ),
    family(
        "circleci-token",
        "TruffleHog circleci",
        &[least("CCIPAT_", W, 30), least("CCIPRJ_", W, 30)],
    ),
    family(
        "buildkite-token",
        "TruffleHog buildkitev2",
        &[least("bkua_", A, 40)],
    ),
    family(
        "harness-token",
        "gitleaks harness-api-key",
        &[
            parts("pat.", b'.', &[(W, 22), (A, 24), (A, 20)]),
            parts("sat.", b'.', &[(W, 22), (A, 24), (A, 20)]),
        ],
    ),
    family(
        "octopus-key",
        "gitleaks octopus-deploy-api-key",
        &[exactly("API-", U, 26, 26)],
    ),
    family(
        "sonarqube-token",
        "TruffleHog sonarcloud; SonarQube user tokens",
        &[
            exactly("sqp_", X, 40, 40),
            exactly("squ_", X, 40, 40),
            exactly("sqa_", X, 40, 40),
        ],
    ),
    family(
        "sentry-token",
        "gitleaks sentry-org-token, sentry-user-token",
        &[least("sntrys_", B, 40), least("sntryu_", X, 64)],
    ),
    family(
        "new-relic-key",
        "gitleaks new-relic-user-api-key, -insert-key, -browser-api-token",
        &[
            exactly("NRAK-", A, 27, 27),
            exactly("NRJS-", X, 19, 19),
            exactly("NRII-", W, 32, 32),
        ],
    ),
    family(
        "grafana-token",
        "gitleaks grafana-api-key, -cloud-api-token, -service-account-token",
        &[
            least("glc_", B, 32),
            least("glsa_", W, 41),
            least("eyJrIjoi", B, 70),
        ],
    ),
    family(
        "dynatrace-token",
        "gitleaks dynatrace-api-token",
        &[
            parts("dt0c01.", b'.', &[(A, 24), (A, 64)]),
            parts("dt0s16.", b'.', &[(A, 24), (A, 64)]),
        ],
    ),
    family(
        "honeycomb-key",
        "Honeycomb API keys",
        &[least("hcaik_", A, 40), least("hcalk_", A, 40)],
    ),
    family("posthog-key", "TruffleHog posthog", &[least("phx_", W, 40)]),
    family(
        "postman-key",
        "gitleaks postman-api-token",
        &[parts("PMAK-", b'-', &[(X, 24), (X, 34)])],
    ),
    family(
        "prefect-key",
        "gitleaks prefect-api-token",
        &[exactly("pnu_", A, 36, 36)],
    ),
    family(
        "readme-key",
        "gitleaks readme-api-token",
        &[exactly("rdme_", A, 70, 70)],
    ),
    family(
        "infracost-key",
        "gitleaks infracost-api-token",
        &[exactly("ico-", A, 32, 32)],
    ),
    family(
        "launchdarkly-key",
        "TruffleHog launchdarkly",
        &[
            parts("sdk-", b'-', &[(X, 8), (X, 4), (X, 4), (X, 4), (X, 12)]),
            parts("mob-", b'-', &[(X, 8), (X, 4), (X, 4), (X, 4), (X, 12)]),
        ],
    ),
    family(
        "1password-token",
        "gitleaks 1password-service-account-token, 1password-secret-key",
        &[
            least("ops_eyJ", B, 80),
            parts("A3-", b'-', &[(U, 6), (U, 6), (U, 5), (U, 5), (U, 5)]),
        ],
    ),
    family(
        "infisical-token",
        "TruffleHog infisical; Infisical service tokens",
        &[parts("st.", b'.', &[(X, 24), (X, 32)])],
    ),
    family(
        "defined-networking-token",
        "gitleaks defined-networking-api-token",
        &[least("dnkey-", W, 60)],
    ),
];
