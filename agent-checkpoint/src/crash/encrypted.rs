//! Crashes at every operation of encrypted sessions, which end as those of plain ones do.

use agent_primitives::CheckpointKind;

use super::script::{Act, Step};
use super::{SETTINGS, crash_anywhere, report, with_store};
use crate::Durability::Buffered;
use crate::crash::settings::Settings;

#[test]
fn a_crash_at_any_operation_of_an_encrypted_session_loses_nothing_acknowledged() {
    let save = |durability| Act::Save(CheckpointKind::Manual, durability);
    let acts = [
        Act::Push(700),
        save(Buffered),
        Act::FailSync,
        Act::Seal,
        Act::Push(3),
        save(Buffered),
        Act::TakeOver,
    ];
    let all: Vec<Step> = acts.iter().map(|act| (0, *act)).collect();
    for (name, journal, script) in [
        ("encrypted", None, &all[..]),
        ("encrypted, with a journal", Some(8_192), &all[..3]),
    ] {
        let settings = Settings {
            encrypts: true,
            segment_target: 8_000,
            journal,
            ..SETTINGS
        };
        report(
            name,
            crash_anywhere(name, &with_store(512), settings, script),
        );
    }
}
