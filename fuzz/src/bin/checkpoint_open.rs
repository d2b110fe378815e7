//! Any bytes as the segments of a session: read, opened, restored, saved, sealed, recovered, and opened again.
//!
//! Input: a letter for sums as they are or put right, with a keyring or without, and opened or recovered; the segments
//! one after the other. Store and session are those that the last segment's header names.
#![no_main]

use agent_fuzz::Input;
use agent_fuzz::forge::{Place, SESSION, STORE, mend};
use agent_fuzz::probe::Session;
use agent_primitives::SessionId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let choice = input.pick(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let (is_mended, has_keys, is_recovered) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
    let parts = mend::segments(input.rest());
    let named = |part: &&[u8]| {
        let (store, session) = mend::owner(part)?;
        Some((store, SessionId::new(session).ok()?))
    };
    let (store, id) = parts
        .last()
        .and_then(named)
        .unwrap_or_else(|| (STORE, SessionId::new(SESSION).expect("a name")));
    let mut segments = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        let mut bytes = part.to_vec();
        let owner = named(part).map_or_else(|| id.clone(), |(_, session)| session);
        if is_mended {
            let place = Place {
                store,
                session: owner.as_str(),
                segment: number,
            };
            mend::segment(&mut bytes, place);
        }
        segments.push(bytes);
    }
    let session = Session::new(store, id, &segments, has_keys);
    if is_recovered {
        session.recover();
    } else {
        let seen = session.read();
        session.write(seen.as_ref());
    }
});
