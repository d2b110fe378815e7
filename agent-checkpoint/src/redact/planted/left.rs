//! Secrets in what a session leaves beside its log: quarantine, handoff files and exports, journals.

use std::path::Path;

use super::*;
use crate::export;
use crate::handoff::{Package, Terms};

/// Writes a session and damages its files, so that opening sets something aside.
pub(super) fn damaged(files: &FileStore, store: &Arc<dyn Store>, way: &Way, samples: &[Sample]) {
    let mut session = open(store, "torn", way);
    for sample in samples.iter().take(30) {
        session.push(Message::user(&*sample.text)).unwrap();
        session.save(CheckpointKind::Auto).unwrap();
    }
    drop(session);
    let path = files.session_folder(&id("torn")).unwrap();
    let path = path.join("seg-000001.ckl");
    let mut bytes = std::fs::read(&path).unwrap();
    let (middle, end) = (bytes.len() / 2, bytes.len() - 5);
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes[..end]).unwrap();
    let session = open(store, "torn", way);
    assert!(!session.report().quarantined.is_empty());
}

/// Whether a session has something set aside.
pub(super) fn is_quarantined(root: &Path) -> bool {
    let quarantine = root.join("sessions/torn/quarantine");
    std::fs::read_dir(quarantine).unwrap().count() > 0
}

#[test]
fn no_piece_of_a_secret_is_in_quarantine_handoffs_exports_and_what_was_removed() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plain = FileStore::open(folder.path()).unwrap();
    let store: Arc<dyn Store> = Arc::new(plain.clone());
    let samples = samples(8);
    let needles = needles(&samples);
    let way = Way::plain(Durability::Synced);
    damaged(&plain, &store, &way, &samples);
    assert!(is_quarantined(folder.path()));

    // A journal would have mended it.
    let store: Arc<dyn Store> = Arc::new(plain.sync_together(1));
    let mut session = open(&store, "given", &way);
    let mut draw = Draw(8);
    for sample in &samples {
        plant(&mut session, sample, &mut draw);
    }
    let package = session.hand_off(&Terms::default()).unwrap();
    let handed = files.path().join("s.handoff.json");
    package.write_file(&handed).unwrap();
    assert_eq!(
        Package::read_file(&handed).unwrap().from.session,
        id("given")
    );
    let mut bytes = Vec::new();
    // What is in memory is the host's; what the log says is exported.
    session.reopen().unwrap();
    let reader = crate::Reader::open(Arc::clone(&store), id("given")).unwrap();
    let state = reader.state().unwrap();
    export::write(&mut bytes, &id("given"), &state, None).unwrap();
    std::fs::write(files.path().join("exported"), &bytes).unwrap();
    let journals = std::fs::read_dir(folder.path()).unwrap();
    let names = journals.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert!(names.filter(|it| it.starts_with("journal-")).count() > 0);

    let mut sought = needles.seek_below(folder.path());
    sought += needles.seek_below(files.path());
    assert!(sought.files > 6 && sought.bytes > 50_000, "{sought:?}");
    sought.report("a journal, quarantine, a handoff and an export");
    drop(session);
    store.remove(&id("given")).unwrap();
    needles.seek_below(folder.path());
}
