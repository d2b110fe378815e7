//! Keys and tokens that no single vendor issues.

use crate::redact::bytes::Set;
use crate::redact::family::{Family, Form, Rest, family, least, parts};

const W: Set = Set::WORD;

pub(super) const FAMILIES: &[Family] = &[
    // A signed token has three parts, an encrypted one five; a header alone is no secret.
    family(
        "jwt",
        "gitleaks jwt; RFC 7519, RFC 7516",
        &[
            parts("eyJ", b'.', &[(W, 13), (W, 8), (Set::DOTTED, 10)]),
            parts("ey", b'.', &[(W, 15), (W, 8), (Set::DOTTED, 10)]),
        ],
    ),
    family(
        "age-key",
        "gitleaks age-secret-key",
        &[least("AGE-SECRET-KEY-1", Set::UPPER, 50)],
    ),
    // The base64 of "-----BEGIN", but for certificates and public keys.
    family(
        "encoded-private-key",
        "base64 of RFC 7468 labels",
        &[Form {
            prefix: "LS0tLS1CRUdJTi",
            rest: Rest::Unless(
                &["BDRVJUSUZJQ0FUR", "BQVUJMSUMg", "BUUlVTVEVE"],
                Set::BASE64,
                40,
            ),
        }],
    ),
];
