//! What an attempt to go on elsewhere leaves behind is in nobody's way.

use agent_checkpoint::{Checkpointer, EstimateTokens, Message, Store};
use agent_primitives::CheckpointKind;

use super::brittle::{Brittle, Last};
use super::{id, small};

#[test]
fn a_name_is_free_again_after_an_attempt_that_failed() {
    let mut half_begun = 0;
    for steps in 0..12 {
        let store = Brittle::default();
        let builder = || Checkpointer::builder(store.clone(), id("a"));
        let mut session = builder().open().unwrap();
        session.push(Message::user("the task")).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
        store.break_after(steps, Last::Nothing);
        let cycled = session.cycle_into(&id("b"), &small(), &EstimateTokens);
        store.mend();
        if cycled.is_ok() {
            continue;
        }
        half_begun += u32::from(!store.segments(&id("b")).unwrap().is_empty());
        let again = session.cycle_into(&id("b"), &small(), &EstimateTokens);
        again.unwrap_or_else(|error| panic!("{steps}: {error}"));
        assert_eq!(session.session(), &id("b"));
        drop(session);
        let found = builder().continued().unwrap();
        assert_eq!(found.open().unwrap().session(), &id("b"));
    }
    assert!(half_begun > 0);
}
