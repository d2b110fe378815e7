//! Session ids and segment numbers as file names.

use agent_primitives::SessionId;

use crate::Error;

/// Longest file name on the common file systems, in bytes.
const NAME_MAX: usize = 255;
const ESCAPE: char = '+';

/// A name that no two sessions share, on file systems that ignore case as well: a capital letter
/// becomes `+` and its small one, `:` becomes `+.`, `@` becomes `+_`, and a dot at the end, which some
/// systems drop, `+-`.
pub(super) fn folder_name(session: &SessionId) -> Result<String, Error> {
    let id = session.as_str();
    let mut name = String::with_capacity(id.len());
    for (at, c) in id.char_indices() {
        match c {
            'A'..='Z' => name.extend([ESCAPE, c.to_ascii_lowercase()]),
            ':' => name.extend([ESCAPE, '.']),
            '@' => name.extend([ESCAPE, '_']),
            '.' if at + 1 == id.len() => name.extend([ESCAPE, '-']),
            _ => name.push(c),
        }
    }
    match name.len() {
        _ if cfg!(windows) && is_device(&name) => Err(Error::invalid(
            format!("session {session}"),
            "its name is that of a device on this system; give it another one",
        )),
        len if len > NAME_MAX => Err(Error::too_large(
            format!("the file name of session {session}"),
            len,
            NAME_MAX,
        )),
        _ => Ok(name),
    }
}

/// Whether Windows takes the name for one of its devices, whatever follows a dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let port = stem
        .strip_prefix("com")
        .or_else(|| stem.strip_prefix("lpt"));
    ["con", "prn", "aux", "nul"].contains(&stem)
        || port.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The session whose folder has this name.
pub(super) fn session_of(name: &str) -> Option<SessionId> {
    let mut id = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        id.push(match c {
            ESCAPE => match rest.next()? {
                '.' => ':',
                '_' => '@',
                '-' => '.',
                small => small.to_ascii_uppercase(),
            },
            plain => plain,
        });
    }
    let session = SessionId::new(id).ok()?;
    // Any other spelling of it is not a folder of ours.
    (folder_name(&session).ok()? == name).then_some(session)
}

pub(super) fn segment_name(segment: u32) -> String {
    format!("seg-{segment:06}.ckl")
}

pub(super) fn segment_of(name: &str) -> Option<u32> {
    let segment = name
        .strip_prefix("seg-")?
        .strip_suffix(".ckl")?
        .parse()
        .ok()?;
    (segment_name(segment) == name).then_some(segment)
}

/// The segment's name once it is sealed.
pub(super) fn sealed_name(segment: u32) -> String {
    format!("seg-{segment:06}.ckz")
}

pub(super) fn sealed_of(name: &str) -> Option<u32> {
    let segment = name
        .strip_prefix("seg-")?
        .strip_suffix(".ckz")?
        .parse()
        .ok()?;
    (sealed_name(segment) == name).then_some(segment)
}

/// Whether a file has a name that only a sealed segment in the making has.
pub(super) fn is_unfinished(name: &str) -> bool {
    let parts = || {
        let stem = name.strip_suffix(".tmp")?;
        let (sealed, numbers) = stem.split_at_checked(stem.rfind('.')?)?;
        let (process, count) = numbers.strip_prefix('.')?.split_once('-')?;
        Some((sealed, process, count))
    };
    let is_number = |n: &str| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit());
    parts().is_some_and(|(sealed, process, count)| {
        sealed_of(sealed).is_some() && is_number(process) && is_number(count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_that_differ_in_case_get_names_that_differ_in_more() {
        let name = |id: &str| folder_name(&SessionId::new(id).unwrap()).unwrap();
        assert_eq!(name("ab"), "ab");
        assert_eq!(name("Ab"), "+ab");
        assert_eq!(name("a:b@c."), "a+.b+_c+-");
        let long = SessionId::new("A".repeat(128)).unwrap();
        assert!(folder_name(&long).unwrap_err().is_too_large());
    }

    #[test]
    fn foreign_names_are_no_sessions_and_no_segments() {
        for name in ["", "Ab", "+", "a+:", "..", "a b", "+1", "a."] {
            assert_eq!(session_of(name), None, "{name:?}");
        }
        assert_eq!(segment_of("seg-000007.ckl"), Some(7));
        for name in [
            "seg-7.ckl",
            "seg-000007.ckz",
            "seg-+00007.ckl",
            "seg--00001.ckl",
        ] {
            assert_eq!(segment_of(name), None, "{name}");
        }
        assert_eq!(sealed_of("seg-000007.ckz"), Some(7));
        assert_eq!(sealed_of("seg-7.ckz"), None);
        assert!(is_unfinished("seg-000007.ckz.12-3.tmp"));
        for name in [
            "seg-000007.ckz.tmp",
            "seg-000007.ckl.1-2.tmp",
            "a.1-2.tmp",
            "seg-000007.ckz.-2.tmp",
        ] {
            assert!(!is_unfinished(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_leads_back_to_its_session(id in "[a-zA-Z0-9_][a-zA-Z0-9._:@-]{0,60}") {
            let session = SessionId::new(id).unwrap();
            prop_assert_eq!(session_of(&folder_name(&session).unwrap()), Some(session));
        }
    }

    #[test]
    fn names_of_devices_are_told_from_others() {
        for name in ["con", "nul", "aux.log", "prn.", "com1", "lpt9.txt", "com0"] {
            assert!(is_device(name), "{name}");
        }
        // Capital letters are escaped before anybody looks.
        for name in [
            "console", "com", "com10", "comx", "+c+o+n", "a.con", "null", "lpt",
        ] {
            assert!(!is_device(name), "{name}");
        }
    }
}
