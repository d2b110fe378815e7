//! Frames of every kind with right sums, digests and hashes, and payloads that say anything.
//!
//! Input: a letter for what is done with the session; a script (`forge::script`).
#![no_main]

use agent_fuzz::Input;
use agent_fuzz::forge::{SESSION, STORE, script};
use agent_fuzz::probe::Session;
use agent_primitives::SessionId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let is_recovered = input.pick(&[false, true]);
    let segments = script::segments(input.rest());
    let id = SessionId::new(SESSION).expect("a name");
    let session = Session::new(STORE, id, &segments, false);
    if is_recovered {
        session.recover();
    } else {
        let seen = session.read();
        session.write(seen.as_ref());
    }
});
