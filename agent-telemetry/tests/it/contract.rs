//! One contract for all stores of this crate.

use agent_telemetry::{
    JsonlConfig, JsonlSink, JsonlStore, Mark, MemorySink, Record, Sink, SinkError, check_sink,
};

#[test]
fn memory_keeps_the_contract() {
    let sink = MemorySink::new();
    check_sink(|| Ok(sink.clone()), || Ok(sink.records())).unwrap();
}

#[test]
fn lines_keep_the_contract_in_one_file_or_many() {
    for file_bytes in [1 << 30, 10_000] {
        let folder = tempfile::tempdir().unwrap();
        let config = JsonlConfig {
            file_bytes,
            ..JsonlConfig::default()
        };
        check_sink(
            || Ok(JsonlSink::open_with(folder.path(), config)?),
            || {
                Ok(JsonlStore::open(folder.path())?
                    .records()
                    .collect::<Result<_, _>>()?)
            },
        )
        .unwrap();
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn database_keeps_the_contract() {
    use agent_telemetry::{SqliteSink, SqliteStore};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telemetry.db");
    check_sink(
        || Ok(SqliteSink::open(&path)?),
        || {
            let store = SqliteStore::open_read_only(&path)?;
            Ok(store.records().collect::<Result<_, _>>()?)
        },
    )
    .unwrap();
}

/// Does wrong to every batch what the function does.
struct Wrong(MemorySink, fn(&mut Vec<Record>));

impl Sink for Wrong {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        let mut batch = batch.to_vec();
        (self.1)(&mut batch);
        self.0.write(&batch)
    }

    fn user_key(&mut self) -> Result<agent_telemetry::UserKey, SinkError> {
        self.0.user_key()
    }
}

#[test]
fn sinks_that_break_the_contract_are_found_out() {
    let verdict = |wrong: fn(&mut Vec<Record>)| {
        let sink = MemorySink::new();
        check_sink(|| Ok(Wrong(sink.clone(), wrong)), || Ok(sink.records()))
            .unwrap_err()
            .to_string()
    };
    assert!(verdict(|batch| batch.truncate(1)).contains("of the batch of all kinds are missing"));
    assert!(verdict(|batch| batch.reverse()).contains("reads back as"));
    assert!(verdict(|batch| batch.extend_from_within(..)).contains("more than once"));
    let newkey = || Ok(Unkept(MemorySink::new()));
    let error = check_sink(newkey, || Ok(Vec::new())).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    let sink = MemorySink::new();
    let error = check_sink(|| Ok(Unkept(sink.clone())), || Ok(sink.records())).unwrap_err();
    assert!(error.to_string().contains("key for people"), "{error}");
}

/// Keeps of marks what the function leaves of them.
struct Forgets(MemorySink, fn(&mut Vec<Mark>));

impl Sink for Forgets {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.0.write(batch)
    }

    fn user_key(&mut self) -> Result<agent_telemetry::UserKey, SinkError> {
        self.0.user_key()
    }

    fn marks(&mut self) -> Result<Vec<Mark>, SinkError> {
        let mut marks = self.0.marks()?;
        (self.1)(&mut marks);
        Ok(marks)
    }
}

#[test]
fn marks_are_all_there_or_none_ever() {
    let check = |forgets: fn(&mut Vec<Mark>)| {
        let sink = MemorySink::new();
        check_sink(|| Ok(Forgets(sink.clone(), forgets)), || Ok(sink.records()))
    };
    check(|_| {}).unwrap();
    check(Vec::clear).unwrap();
    let wrong: [fn(&mut Vec<Mark>); 3] = [
        |marks| marks.truncate(10),
        |marks| marks.extend_from_within(..),
        |marks| marks.push(Mark::new(99, []).unwrap()),
    ];
    for forgets in wrong {
        let error = check(forgets).unwrap_err().to_string();
        assert!(
            error.ends_with("its marks are not the newest of each key"),
            "{error}"
        );
    }
}

struct Unkept(MemorySink);

impl Sink for Unkept {
    fn write(&mut self, batch: &[Record]) -> Result<(), SinkError> {
        self.0.write(batch)
    }
}
