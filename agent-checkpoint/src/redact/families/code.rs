//! Tokens of code hosts and package registries.

use crate::redact::bytes::Set;
use crate::redact::family::{Family, exactly, family, least, random};

const W: Set = Set::WORD;
const A: Set = Set::ALNUM;
const X: Set = Set::HEX;
const D: Set = Set::DOTTED;

pub(super) const FAMILIES: &[Family] = &[
    family(
        "github-token",
        "gitleaks github-pat, -oauth, -app-token, -refresh-token",
        &[
            least("ghp_", A, 36),
            least("gho_", A, 36),
            least("ghu_", A, 36),
            random("ghs_", D, 36),
            least("ghr_", A, 36),
        ],
    ),
    family(
        "github-fine-grained-token",
        "gitleaks github-fine-grained-pat",
        &[least("github_pat_", W, 60)],
    ),
    family(
        "gitlab-token",
        "gitleaks gitlab-pat and the other gitlab rules",
        &[
            least("glpat-", D, 20),
            least("gldt-", D, 20),
            least("glptt-", D, 20),
            least("glrt-", D, 20),
            least("glrtr-", D, 20),
            least("glcbt-", D, 20),
            least("glft-", D, 20),
            least("glffct-", D, 20),
            least("glimt-", D, 20),
            least("glagent-", D, 40),
            least("gloas-", D, 40),
            least("glsoat-", D, 20),
            least("GR1348941", W, 20),
        ],
    ),
    family(
        "atlassian-token",
        "gitleaks atlassian-api-token; TruffleHog bitbucketapppassword",
        &[
            least("ATATT3", D, 60),
            least("ATCTT3", D, 60),
            least("ATBB", A, 32),
        ],
    ),
    family(
        "sourcegraph-token",
        "gitleaks sourcegraph-access-token",
        &[least("sgp_", W, 40)],
    ),
    family(
        "npm-token",
        "gitleaks npm-access-token",
        &[least("npm_", A, 36)],
    ),
    family(
        "pypi-token",
        "gitleaks pypi-upload-token",
        &[
            least("pypi-AgEIcHlwaS5vcmc", W, 50),
            least("pypi-AgENdGVzdC5weXBpLm9yZw", W, 50),
        ],
    ),
    family(
        "rubygems-key",
        "gitleaks rubygems-api-token",
        &[least("rubygems_", X, 48)],
    ),
    family(
        "crates-io-token",
        "TruffleHog cratesio",
        &[exactly("cio", A, 32, 32)],
    ),
    family(
        "nuget-key",
        "TruffleHog nugetapikey",
        &[exactly("oy2", A, 43, 43)],
    ),
    family(
        "clojars-token",
        "gitleaks clojars-api-token",
        &[least("CLOJARS_", A, 60)],
    ),
    family(
        "docker-token",
        "TruffleHog dockerhub; Docker access tokens",
        &[least("dckr_pat_", W, 24), least("dckr_oat_", W, 24)],
    ),
    family(
        "artifactory-token",
        "gitleaks artifactory-api-key, artifactory-reference-token",
        &[exactly("AKCp", A, 60, 80), exactly("cmVmd", A, 59, 59)],
    ),
    family(
        "settlemint-token",
        "gitleaks settlemint-application-access-token, -personal-, -service-",
        &[
            exactly("sm_aat_", A, 16, 16),
            exactly("sm_pat_", A, 16, 16),
            exactly("sm_sat_", A, 16, 16),
        ],
    ),
];
