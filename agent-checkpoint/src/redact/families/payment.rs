//! Keys of payment and trade.

use crate::redact::bytes::Set;
use crate::redact::family::{Family, exactly, family, least, parts};

const W: Set = Set::WORD;
const A: Set = Set::ALNUM;
const X: Set = Set::HEX;

pub(super) const FAMILIES: &[Family] = &[
    family(
        "stripe-key",
        "gitleaks stripe-access-token",
        &[
            least("sk_live_", A, 10),
            least("sk_test_", A, 10),
            least("sk_prod_", A, 10),
            least("rk_live_", A, 10),
            least("rk_test_", A, 10),
            least("rk_prod_", A, 10),
        ],
    ),
    family(
        "webhook-secret",
        "Stripe and Standard Webhooks signing secrets",
        &[least("whsec_", Set::BASE64, 24)],
    ),
    family(
        "square-token",
        "gitleaks square-access-token; detect-secrets SquareOAuthDetector",
        &[
            exactly("EAAA", W, 60, 60),
            least("sq0atp-", W, 22),
            least("sq0csp-", W, 40),
        ],
    ),
    family(
        "braintree-token",
        "TruffleHog braintreepayments",
        &[parts("access_token$production$", b'$', &[(A, 16), (X, 32)])],
    ),
    family(
        "plaid-token",
        "gitleaks plaid-api-token",
        &[
            least("access-production-", W, 36),
            least("access-development-", W, 36),
            least("access-sandbox-", W, 36),
        ],
    ),
    family(
        "shopify-token",
        "gitleaks shopify-access-token and the other shopify rules",
        &[
            least("shpat_", X, 32),
            least("shpca_", X, 32),
            least("shppa_", X, 32),
            least("shpss_", X, 32),
        ],
    ),
    family(
        "shippo-token",
        "gitleaks shippo-api-token",
        &[least("shippo_live_", X, 40), least("shippo_test_", X, 40)],
    ),
    family(
        "flutterwave-key",
        "gitleaks flutterwave-secret-key",
        &[least("FLWSECK_TEST-", W, 12), least("FLWSECK-", W, 32)],
    ),
    family(
        "easypost-key",
        "gitleaks easypost-api-token, easypost-test-api-token",
        &[exactly("EZAK", A, 54, 54), exactly("EZTK", A, 54, 54)],
    ),
    family(
        "duffel-token",
        "gitleaks duffel-api-token",
        &[least("duffel_live_", W, 40), least("duffel_test_", W, 40)],
    ),
    family(
        "razorpay-key",
        "TruffleHog razorpay",
        &[least("rzp_live_", A, 14), least("rzp_test_", A, 14)],
    ),
    family(
        "live-key",
        "gitleaks gocardless-api-token, lob-api-key; TruffleHog mollieapikey",
        &[least("live_", W, 30)],
    ),
];
