//! An encrypted session that is opened without its key.

use std::fs;

use agent_checkpoint::encrypt::{Key, Keyring};
use agent_checkpoint::recover::{Failure, Outcome, Recovery, Strategy};

use super::{Site, talk};

fn keyring(byte: u8) -> Keyring {
    Keyring::new(Key::from_bytes([byte; 32]))
}

#[test]
fn an_encrypted_session_asks_for_its_key_and_stays_as_it_is() {
    let site = Site::new();
    talk(
        &mut site.builder().encryption(keyring(1)).open().unwrap(),
        3,
    );
    let bytes = fs::read(site.segment()).unwrap();
    for builder in [site.builder(), site.builder().encryption(keyring(2))] {
        let refused = builder.recover(&Recovery::default()).unwrap_err();
        let finding = &refused.report().findings[0];
        assert_eq!(
            (finding.failure, finding.strategy, finding.outcome),
            (Failure::WrongKey, Strategy::AskHost, Outcome::NeedsHost)
        );
        let wanted = refused.error().wanted_key().unwrap();
        assert!(finding.detail.contains(wanted), "{finding}");
        assert_eq!(fs::read(site.segment()).unwrap(), bytes);
    }
}

#[test]
fn an_encrypted_session_is_salvaged_as_a_plain_one_is() {
    let site = Site::new();
    let ends = talk(
        &mut site.builder().encryption(keyring(1)).open().unwrap(),
        6,
    );
    site.flip(ends[1] + 40);
    let builder = site.builder().encryption(keyring(1));
    let recovered = builder.recover(&Recovery::default()).unwrap();
    assert_eq!(
        recovered.report.findings[0].strategy,
        Strategy::Salvage,
        "{}",
        recovered.report
    );
    assert_eq!(recovered.session.history().len(), 6);
    assert!(
        recovered.session.history()[2]
            .content
            .starts_with("[lost: ")
    );
    drop(recovered);
    let again = site
        .builder()
        .encryption(keyring(1))
        .recover(&Recovery::default())
        .unwrap();
    assert_eq!(again.report.checkpoint, None);
    assert_eq!(again.session.history().len(), 6);
}
