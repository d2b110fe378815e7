//! Each store lists what was saved, and keeps what pruning is to keep.

use super::*;

const STORES: [(Write, List, Prune); 4] = [
    (OurPoints::write, OurPoints::list, OurPoints::prune),
    (JsonlPoints::write, JsonlPoints::list, JsonlPoints::prune),
    (SqlitePoints::write, SqlitePoints::list, SqlitePoints::prune),
    (RedbPoints::write, RedbPoints::list, RedbPoints::prune),
];

#[test]
fn every_checkpoint_is_listed_and_ten_are_after_pruning() {
    for (at, (write, list, prune)) in STORES.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &saved(60, 100, 300)).unwrap();
        assert_eq!(list(folder.path()).unwrap().0, 60, "store {at}");
        prune(folder.path(), 10).unwrap();
        assert_eq!(list(folder.path()).unwrap().0, 10, "store {at}");
    }
}

#[test]
fn pruning_keeps_the_newest_and_gives_room_back() {
    for (at, (write, list, prune)) in STORES.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &saved(1_000, 60, 1_000)).unwrap();
        let before = crate::stores::disk_bytes(folder.path()).unwrap();
        prune(folder.path(), 10).unwrap();
        let after = crate::stores::disk_bytes(folder.path()).unwrap();
        assert!(after * 2 < before, "store {at}: {after} of {before}");
        let (_, held) = list(folder.path()).unwrap();
        if let Ok(entries) = held.downcast::<Vec<Entry>>() {
            assert!(
                entries.iter().all(|entry| entry.number >= 990),
                "store {at}"
            );
        }
    }
}

#[test]
fn looking_lists_what_opening_lists_and_dropping_is_half_of_pruning() {
    let folder = tempfile::tempdir().unwrap();
    OurPoints::write(folder.path(), &saved(60, 100, 300)).unwrap();
    assert_eq!(OurPoints::look(folder.path()).unwrap().0, 60);
    OurPoints::drop_from_listing(folder.path(), 10).unwrap();
    assert_eq!(OurPoints::look(folder.path()).unwrap().0, 10);
    assert_eq!(PointsInMemory::new(&saved(7, 9, 9)).unwrap().listed(), 7);
}
