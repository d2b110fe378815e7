//! Any bytes as the frames of a segment, with the sums as they are or put right.
//!
//! Input: a letter for whether sums are put right; the bytes behind the segment's header.
#![no_main]

use agent_fuzz::Input;
use agent_fuzz::forge::{Opening, Place, SESSION, STORE, mend};
use agent_fuzz::probe::Session;
use agent_primitives::SessionId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let is_mended = input.pick(&[true, false]);
    let place = Place {
        store: STORE,
        session: SESSION,
        segment: 1,
    };
    let mut bytes = place.header(Opening::default());
    let start = bytes.len();
    bytes.extend(input.rest());
    if is_mended {
        mend::frames(&mut bytes[start..], place.seed());
    }
    let id = SessionId::new(SESSION).expect("a name");
    let session = Session::new(STORE, id, &[bytes], false);
    let seen = session.read();
    assert_eq!(seen, session.read(), "reading changes nothing");
});
