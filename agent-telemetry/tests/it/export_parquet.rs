//! Parquet files, read back by a reader that knows nothing of this crate: they say what the CSV says.

use std::collections::BTreeMap;
use std::fs::File;

use agent_primitives::{Timestamp, Usd};
use agent_telemetry::{ExportConfig, ExportFormat, ModelCall, Record, RecordKind};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;

use crate::export::named;
use crate::story::{model, provider};
use crate::{arbitrary, story};

fn file(config: &ExportConfig, records: &[Record]) -> SerializedFileReader<File> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.parquet");
    let done = config.write(records, File::create(&path).unwrap()).unwrap();
    assert_eq!(done.records + done.left_out, records.len() as u64);
    SerializedFileReader::new(File::open(&path).unwrap()).unwrap()
}

/// Rows by the names of their columns, without what is null.
fn rows(file: &SerializedFileReader<File>) -> Vec<BTreeMap<String, Field>> {
    let rows = file.get_row_iter(None).unwrap().map(Result::unwrap);
    let cells = |row: parquet::record::Row| {
        let cells = row.into_columns().into_iter();
        cells.filter(|(_, cell)| *cell != Field::Null).collect()
    };
    rows.map(cells).collect()
}

/// Whether a cell is what the CSV says it is.
fn agrees(name: &str, cell: &Field, text: &str) -> bool {
    match cell {
        Field::Str(it) => it == text,
        Field::Bool(it) => it.to_string() == text,
        Field::Double(it) => text.parse() == Ok(*it),
        Field::Long(nanos) if name == "at_utc" => {
            let shown = Timestamp::from_unix_nanos(*nanos).to_string();
            text.get(..19) == shown.get(..19)
        }
        Field::Long(it) => text
            .parse::<u64>()
            .is_ok_and(|text| i64::try_from(text).unwrap_or(i64::MAX) == *it),
        Field::Decimal(it) => {
            let picos = i128::from_be_bytes(it.data().try_into().unwrap());
            text.parse() == Ok(Usd::from_picos(picos))
        }
        other => panic!("{name}: {other:?}"),
    }
}

fn check(records: &[Record], kinds: &[RecordKind]) {
    let config = |format| {
        ExportConfig::new(format)
            .kinds(kinds.iter().copied())
            .for_programs()
    };
    let mut csv = Vec::new();
    config(ExportFormat::Csv).write(records, &mut csv).unwrap();
    let wanted = named(std::str::from_utf8(&csv).unwrap());
    let read = rows(&file(&config(ExportFormat::Parquet), records));
    assert_eq!(read.len(), wanted.len());
    for (mut read, wanted) in read.into_iter().zip(wanted) {
        // An empty text is a cell, and in a CSV it is none.
        read.retain(|_, cell| *cell != Field::Str(String::new()));
        assert_eq!(
            read.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>()
        );
        for ((name, cell), text) in read.iter().zip(wanted.values()) {
            assert!(agrees(name, cell, text), "{name}: {cell:?} {text}");
        }
    }
}

#[test]
fn file_of_a_day_says_what_the_csv_says() {
    let records = story::records();
    check(&records, &[]);
    check(&records, &[RecordKind::ModelCall]);
    check(&records, &[RecordKind::Handoff, RecordKind::Decision]);
    check(&[], &[]);
}

#[test]
fn columns_have_their_types() {
    let columns = [
        ("at_utc", "OPTIONAL INT64 at_utc (TIMESTAMP(NANOS,true));"),
        ("latency_s", "OPTIONAL DOUBLE latency_s;"),
        ("input", "OPTIONAL INT64 input;"),
        (
            "cost_usd",
            "OPTIONAL FIXED_LEN_BYTE_ARRAY (16) cost_usd (DECIMAL(38,12));",
        ),
        ("streamed", "OPTIONAL BOOLEAN streamed;"),
        ("model", "OPTIONAL BYTE_ARRAY model (STRING);"),
    ];
    let file = file(&ExportConfig::new(ExportFormat::Parquet), &story::records());
    let metadata = file.metadata();
    let mut shown = Vec::new();
    parquet::schema::printer::print_schema(&mut shown, metadata.file_metadata().schema());
    let shown = String::from_utf8(shown).unwrap();
    for (name, wanted) in columns {
        assert!(shown.contains(wanted), "{name}: {shown}");
    }
}

#[test]
fn amounts_are_exact_and_those_beyond_38_digits_are_the_largest() {
    let most = 10_i128.pow(38) - 1;
    let amounts = [0, 1, -1, most, i128::MAX, i128::MIN];
    let call = |picos| ModelCall::new(provider("p"), model("m")).cost(Usd::from_picos(picos));
    let records = amounts.map(|picos| Record::new(Timestamp::UNIX_EPOCH, call(picos)));
    let file = file(&ExportConfig::new(ExportFormat::Parquet), &records);
    let read = rows(&file).into_iter().map(|row| match &row["cost_usd"] {
        Field::Decimal(it) => i128::from_be_bytes(it.data().try_into().unwrap()),
        other => panic!("{other:?}"),
    });
    assert_eq!(read.collect::<Vec<_>>(), [0, 1, -1, most, most, -most]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn file_of_anything_says_what_the_csv_says(records in prop::collection::vec(arbitrary::record(), 0..40)) {
        check(&records, &[]);
    }
}
