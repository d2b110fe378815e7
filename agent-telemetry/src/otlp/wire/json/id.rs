//! Ids of traces and spans, in hexadecimal digits of any case. One of another length, or of zeros alone, is none.

use super::super::malformed::Fault;
use super::cursor::Cursor;

pub(super) fn trace(cursor: &mut Cursor<'_>) -> Result<Option<u128>, Fault> {
    let (text, _) = cursor.quoted()?;
    Ok(digits(text, 32).filter(|id| *id != 0))
}

pub(super) fn span(cursor: &mut Cursor<'_>) -> Result<Option<u64>, Fault> {
    let (text, _) = cursor.quoted()?;
    let id = digits(text, 16).and_then(|id| u64::try_from(id).ok());
    Ok(id.filter(|id| *id != 0))
}

fn digits(text: &str, length: usize) -> Option<u128> {
    let right = text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| right)
}
