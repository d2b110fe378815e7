//! Messages as gRPC puts them into bodies: a byte that says whether it is packed, four for the length, the message.

/// What comes before a message.
pub(super) const PREFIX: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unframed {
    /// The request is not one whole message.
    Broken,
    /// The first byte is neither 0 nor 1.
    BadFlag,
}

/// Whether the one message in `body` is packed.
pub(super) fn unframe(body: &[u8]) -> Result<bool, Unframed> {
    let Some((&[flag, a, b, c, d], message)) = body.split_first_chunk() else {
        return Err(Unframed::Broken);
    };
    if message.len() as u64 != u64::from(u32::from_be_bytes([a, b, c, d])) {
        return Err(Unframed::Broken);
    }
    match flag {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Unframed::BadFlag),
    }
}

/// `message`, not packed. Answers are short.
pub(super) fn frame(message: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    let len = u32::try_from(message.len()).unwrap_or(u32::MAX);
    framed.extend_from_slice(&len.to_be_bytes());
    framed.extend_from_slice(message);
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_whole_message() {
        let body = frame(b"said");
        assert_eq!(body, b"\0\0\0\0\x04said");
        assert_eq!(unframe(&body), Ok(false));
        assert_eq!(unframe(b"\x01\0\0\0\x01x"), Ok(true));
        assert_eq!(unframe(b"\0\0\0\0\0"), Ok(false));
        for cut in 0..body.len() {
            assert_eq!(unframe(&body[..cut]), Err(Unframed::Broken), "{cut}");
        }
        assert_eq!(unframe(&body.repeat(2)), Err(Unframed::Broken));
        assert_eq!(unframe(b"\0\xff\xff\xff\xff"), Err(Unframed::Broken));
        assert_eq!(unframe(b"\x02\0\0\0\0"), Err(Unframed::BadFlag));
    }
}
