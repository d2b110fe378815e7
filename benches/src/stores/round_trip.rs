//! Each store gives back what it was given, or its figures would be worth nothing.

use std::any::Any;

use agent_checkpoint::Checkpointer;

use super::*;
use crate::session::Source;

fn saved(create: Create, sync: Sync) -> (tempfile::TempDir, Vec<Message>) {
    let folder = tempfile::tempdir().unwrap();
    let turns = Source::new(7).turns(60_000).unwrap();
    let mut log = create(folder.path(), Sync::Buffered).unwrap();
    for (at, turn) in turns.iter().enumerate() {
        if at == 3 {
            log.sync_from_now(sync).unwrap();
        }
        log.stage(turn.clone()).unwrap();
        log.save().unwrap();
    }
    (folder, turns.concat())
}

fn restored(restored: Result<(usize, Box<dyn Any>), Broken>) -> Vec<Message> {
    *restored.unwrap().1.downcast().unwrap()
}

#[test]
fn peers_give_back_every_message() {
    let stores: [(Create, Reader); 5] = [
        (JsonFile::create, JsonFile::read),
        (Jsonl::create, Jsonl::read),
        (Sqlite::create, Sqlite::read),
        (SqliteBlob::create, SqliteBlob::read),
        (Redb::create, Redb::read),
    ];
    for (create, read) in stores {
        for sync in [Sync::Buffered, Sync::Synced] {
            let (folder, messages) = saved(create, sync);
            make_cold(folder.path()).unwrap();
            assert_eq!(restored(read(folder.path())), messages);
        }
    }
}

#[test]
fn ends_are_the_newest_messages_in_order() {
    let stores: [(Create, Reader); 3] = [
        (Jsonl::create, Jsonl::read_tail),
        (Sqlite::create, Sqlite::read_tail),
        (Redb::create, Redb::read_tail),
    ];
    for (create, read_tail) in stores {
        let folder = tempfile::tempdir().unwrap();
        let turns = Source::new(7).turns(400_000).unwrap();
        let mut log = create(folder.path(), Sync::Synced).unwrap();
        log.fill(turns.clone()).unwrap();
        drop(log);
        let messages = turns.concat();
        assert!(messages.len() > 2 * TAIL);
        assert_eq!(
            restored(read_tail(folder.path())),
            messages[messages.len() - TAIL..]
        );
    }
}

#[test]
fn snapshot_gives_back_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let messages = Source::new(7).turns(60_000).unwrap().concat();
    SnapshotFile::write(folder.path(), &messages).unwrap();
    assert_eq!(restored(SnapshotFile::read(folder.path())), messages);
}

#[test]
fn ours_gives_back_every_message() {
    for sync in [Sync::Buffered, Sync::Synced] {
        let (folder, messages) = saved(Ours::create, sync);
        let (count, session) = Ours::read(folder.path()).unwrap();
        assert_eq!(count, messages.len());
        let session: Box<Checkpointer> = session.downcast().unwrap();
        let ours: Vec<_> = messages.into_iter().map(Message::into_ours).collect();
        assert_eq!(session.history(), ours);
    }
}

#[test]
fn files_in_folders_below_count_as_well() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(folder.path().join("below/a"), [7; 10_000]).unwrap();
    File::open(folder.path().join("below/a"))
        .unwrap()
        .sync_all()
        .unwrap();
    assert_eq!(
        files(folder.path()).unwrap(),
        [folder.path().join("below/a")]
    );
    assert!(disk_bytes(folder.path()).unwrap() >= 10_000);
}
