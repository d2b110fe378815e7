//! The secret that a sender shows.

use std::fmt;
use std::hint::black_box;

use http::HeaderMap;
use http::header::AUTHORIZATION;

#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// `None` where no header could carry it.
    pub(super) fn new(token: String) -> Option<Self> {
        let fit = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        fit.then_some(Self(token))
    }

    /// Whether a request shows it, once, as a bearer's.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        let (Some(shown), None) = (shown.next(), shown.next()) else {
            return false;
        };
        let Some((scheme, shown)) = split(shown.as_bytes()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"bearer") && same(shown, self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = value.split_at_checked(at)?;
    Some((scheme, rest.trim_ascii()))
}

/// Takes as long for a guess that begins right as for one that does not; its length it tells.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differing = one
        .iter()
        .zip(other)
        .fold(0, |all, (a, b)| black_box(all | (a ^ b)));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn shown(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        Token::new("s3cret".to_owned()).unwrap().is_in(&headers)
    }

    #[test]
    fn only_the_whole_token_will_do() {
        assert!(shown(&["Bearer s3cret"]));
        assert!(shown(&["bearer  s3cret "]));
        for other in [
            "Bearer s3cre",
            "Bearer s3crets",
            "Bearer s3creT",
            "Bearer ",
            "Bearer",
            "s3cret",
            "Basic s3cret",
        ] {
            assert!(!shown(&[other]), "{other}");
        }
        assert!(!shown(&[]));
        assert!(!shown(&["Bearer s3cret", "Bearer s3cret"]));
    }

    #[test]
    fn a_token_is_one_word_and_not_told() {
        for unfit in ["", "two words", "line\n", "é"] {
            assert!(Token::new(unfit.to_owned()).is_none(), "{unfit:?}");
        }
        let token = Token::new("s3cret".to_owned());
        assert_eq!(format!("{token:?}"), "Some(Token(..))");
    }
}
