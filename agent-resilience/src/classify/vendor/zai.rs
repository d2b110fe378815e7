//! Z.ai's numbers. Source: Z.ai, "Error codes" page.

use agent_primitives::{FailureKind as Kind, Scope};

use super::Meaning::{self, Broken, Invalid, Limit, Scoped, Sure};

pub(super) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "1000" | "1001" | "1002" | "1003" | "1004" => Sure(Kind::Auth),
        // Account locked, not active, or in arrears.
        "1110" | "1111" | "1112" => Scoped(Kind::Permission, Scope::Account),
        // Balance, the windows of a plan, and plans that have run out.
        "1113" | "1304" | "1308" | "1309" | "1310" => Sure(Kind::QuotaExhausted),
        "1210" | "1212" | "1213" | "1214" | "1215" => Invalid,
        "1211" => Sure(Kind::NotFound),
        "1220" | "1221" | "1222" | "1311" => Sure(Kind::Permission),
        "1261" => Sure(Kind::ContextTooLong),
        "1301" => Sure(Kind::ContentPolicy),
        "1302" | "1303" => Limit,
        "1305" | "1312" => Sure(Kind::Overloaded),
        "1120" | "1230" | "1234" | "500" => Broken,
        _ => return None,
    })
}
