//! Records and reports in files: what other programs read there.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use agent_primitives::{Timestamp, Usd};
use agent_telemetry::{
    AgentsReport, CsvTable, ExportConfig, ExportFormat, ExportWriter, ModelCall, ModelsReport,
    Period, Record, RecordKind, Rollups, Severity, Stats, Violation,
};
use proptest::prelude::*;

use crate::story::{model, provider};
use crate::{arbitrary, story};

/// What RFC 4180 says, rows of cells; panics where a file does not keep to it.
fn parsed(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut left = text.chars().peekable();
    while let Some(character) = left.next() {
        match character {
            '"' => {
                assert!(cell.is_empty(), "a quote within {cell}");
                loop {
                    match left.next().expect("a closing quote") {
                        '"' if left.next_if_eq(&'"').is_some() => cell.push('"'),
                        '"' => break,
                        other => cell.push(other),
                    }
                }
                assert!(
                    matches!(left.peek(), Some(',' | '\r')),
                    "text behind a quote"
                );
            }
            ',' => row.push(std::mem::take(&mut cell)),
            '\r' => {
                assert_eq!(left.next(), Some('\n'), "a line ends in CR LF");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => {
                assert_ne!(other, '\n', "a line break that is not quoted");
                cell.push(other);
            }
        }
    }
    assert!(
        row.is_empty() && cell.is_empty(),
        "the last line has an end"
    );
    rows
}

/// Rows by the names of their columns, without what is empty.
pub(crate) fn named(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = parsed(text);
    let names = rows.remove(0);
    let row = |cells: Vec<String>| {
        assert_eq!(cells.len(), names.len());
        let cells = names.iter().cloned().zip(cells);
        cells.filter(|(_, cell)| !cell.is_empty()).collect()
    };
    rows.into_iter().map(row).collect()
}

fn exported(config: &ExportConfig, records: &[Record]) -> String {
    let mut out = Vec::new();
    let done = config.write(records, &mut out).unwrap();
    assert_eq!(done.records + done.left_out, records.len() as u64);
    String::from_utf8(out).unwrap()
}

fn csv(records: &[Record]) -> String {
    exported(&ExportConfig::default(), records)
}

#[test]
fn table_of_a_day_is_the_golden_one() {
    let text = csv(&story::records());
    assert_eq!(text, include_str!("../golden/records.csv"), "\n{text}");
}

#[test]
fn one_kind_has_its_rows_and_its_columns_alone() {
    let records = story::records();
    for kind in RecordKind::ALL {
        let alone = exported(&ExportConfig::default().kinds([*kind]), &records);
        let wide = named(&csv(&records));
        let of_kind = wide
            .into_iter()
            .filter(|row| row["record"] == kind.as_str());
        assert_eq!(named(&alone), of_kind.collect::<Vec<_>>(), "{kind}");
        assert!(parsed(&alone)[0].len() < 25, "{kind}: {alone}");
    }
}

#[test]
fn text_is_no_formula_unless_it_is_for_programs() {
    let at = Timestamp::UNIX_EPOCH;
    let texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\u{ff1d}1",
        "\u{ff20}SUM(A1)",
        "a=1",
        "\"=1,\r\n2\"",
        "'=1",
    ];
    let records = texts.map(|text| Record::new(at, Violation::new("k", Severity::Info, text)));
    let messages = |config: &ExportConfig| -> Vec<String> {
        let rows = named(&exported(config, &records));
        rows.into_iter().map(|row| row["message"].clone()).collect()
    };
    let shown = messages(&ExportConfig::default());
    for (shown, text) in shown.iter().zip(texts) {
        let is_formula =
            text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff20}']);
        let wanted = if is_formula {
            format!("'{text}")
        } else {
            text.to_owned()
        };
        assert_eq!(*shown, wanted);
    }
    assert_eq!(messages(&ExportConfig::default().for_programs()), texts);
}

#[test]
fn figures_are_exact() {
    let call = ModelCall::new(provider("p"), model("m"))
        .cost(Usd::from_picos(-1))
        .latency(Duration::new(u64::MAX, 999_999_999))
        .first_token(Duration::from_nanos(1));
    let record = Record::new(Timestamp::from_unix_nanos(1), call);
    let rows = named(&csv(&[record]));
    assert_eq!(rows[0]["cost_usd"], "-0.000000000001");
    assert_eq!(rows[0]["latency_s"], "18446744073709551615.999999999");
    assert_eq!(rows[0]["first_token_s"], "0.000000001");
    assert_eq!(rows[0]["at_utc"], "1970-01-01T00:00:00.000000001Z");
    assert_eq!(rows[0]["input"], "0");
    assert!(!rows[0].contains_key("failure"));
}

#[test]
fn lines_and_array_read_back_as_the_records() {
    let records = story::records();
    let lines = exported(&ExportConfig::new(ExportFormat::Jsonl), &records);
    let read = lines
        .lines()
        .map(|line| serde_json::from_str::<Record>(line).unwrap());
    assert_eq!(read.collect::<Vec<_>>(), records);
    let array = exported(&ExportConfig::new(ExportFormat::Json), &records);
    assert_eq!(
        serde_json::from_str::<Vec<Record>>(&array).unwrap(),
        records
    );
    for (format, nothing) in [(ExportFormat::Jsonl, ""), (ExportFormat::Json, "[]\n")] {
        assert_eq!(exported(&ExportConfig::new(format), &[]), nothing);
    }
}

#[test]
fn what_was_not_asked_for_is_counted() {
    let records = story::records();
    let calls = [RecordKind::ModelCall, RecordKind::ToolCall];
    let mut writer = ExportWriter::new(
        io::sink(),
        &ExportConfig::new(ExportFormat::Jsonl).kinds(calls),
    )
    .unwrap();
    for record in &records {
        writer.push(record).unwrap();
    }
    let done = writer.finish().unwrap();
    let wanted = records
        .iter()
        .filter(|it| calls.contains(&it.kind()))
        .count() as u64;
    assert_eq!(
        (done.records, done.left_out),
        (wanted, records.len() as u64 - wanted)
    );
}

/// Takes so many bytes, and then no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        match taken {
            0 => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn full_disk_is_an_error_and_not_a_short_file() {
    let records = story::records();
    for format in ExportFormat::ALL {
        if *format == ExportFormat::Parquet && cfg!(not(feature = "parquet")) {
            continue;
        }
        let config = ExportConfig::new(*format);
        let mut whole = Vec::new();
        config.write(&records, &mut whole).unwrap();
        for room in [0, 1, whole.len() / 2, whole.len() - 1] {
            let error = config.write(&records, Full(room)).unwrap_err();
            assert!(
                !error.is_unread() && error.to_string().contains("free space"),
                "{format}"
            );
            let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
            assert_eq!(cause.kind(), io::ErrorKind::StorageFull, "{format} {room}");
        }
        assert!(
            config.write(&records, Full(whole.len())).is_ok(),
            "{format}"
        );
    }
}

#[test]
fn record_that_cannot_be_read_ends_it() {
    let records = [
        Ok(story::records().remove(0)),
        Err(io::Error::other("torn")),
    ];
    let error = ExportConfig::default()
        .try_write(records, io::sink())
        .unwrap_err();
    assert!(error.is_unread());
    assert_eq!(error.source().unwrap().to_string(), "torn");
}

#[cfg(not(feature = "parquet"))]
#[test]
fn form_that_is_not_built_in_is_refused_with_what_to_do() {
    let config = ExportConfig::new(ExportFormat::Parquet);
    let error = config.write(Vec::<Record>::new(), io::sink()).unwrap_err();
    assert!(
        error.to_string().contains("with the feature \"parquet\""),
        "{error}"
    );
}

#[test]
fn config_is_plain_data() {
    let json = r#"{"format": "jsonl", "kinds": ["model_call"]}"#;
    let config: ExportConfig = serde_json::from_str(json).unwrap();
    assert_eq!(
        config,
        ExportConfig::new(ExportFormat::Jsonl).kinds([RecordKind::ModelCall])
    );
    assert!(serde_json::from_str::<ExportConfig>(r#"{"forms": "csv"}"#).is_err());
}

#[test]
fn tables_of_a_report_are_the_golden_ones() {
    let day = Period::parse("2026-11-20..2026-11-21", Timestamp::UNIX_EPOCH).unwrap();
    let sums = Rollups::of(&story::records(), day);
    let mut text = String::new();
    for tables in [
        CsvTable::of(&AgentsReport::of(day, &sums)).unwrap(),
        CsvTable::of(&ModelsReport::of(day, &sums)).unwrap(),
        CsvTable::of(&Stats::of(story::records())).unwrap(),
    ] {
        for table in tables {
            let columns = parsed(&table.text)[0].len();
            assert!(parsed(&table.text).iter().all(|row| row.len() == columns));
            text.extend(["# ", &table.name, "\n", &table.text]);
        }
    }
    assert_eq!(
        text,
        include_str!("../golden/report-tables.csv"),
        "\n{text}"
    );
}

#[test]
fn name_in_a_report_is_no_formula_in_its_tables() {
    // What Rust reads as a number is a name to a spreadsheet.
    let rows = [
        ("=1+1", "-0.5"),
        ("@a", "1e3"),
        ("-inf", "-12"),
        ("+1", "-"),
    ];
    let report = BTreeMap::from([(
        "rows",
        rows.map(|(name, cost)| BTreeMap::from([("name", name), ("usd", cost)])),
    )]);
    let tables = CsvTable::of(&report).unwrap();
    assert_eq!(
        tables[0].text,
        "name,usd\r\n\"'=1+1\",-0.5\r\n\"'@a\",1e3\r\n\"'-inf\",-12\r\n\"'+1\",\"'-\"\r\n"
    );
}

proptest! {
    #[test]
    fn every_cell_is_in_the_column_of_its_name(records in prop::collection::vec(arbitrary::record(), 1..20)) {
        for (row, record) in named(&csv(&records)).into_iter().zip(&records) {
            let alone = exported(&ExportConfig::default().kinds([record.kind()]), std::slice::from_ref(record));
            prop_assert_eq!(&named(&alone)[0], &row);
            let json = serde_json::to_value(record).unwrap();
            // JSON leaves them out where there are none.
            let unsaid = |cell: &(&str, &str)| row.get(cell.0).is_some_and(|it| it == cell.1) && json.get(cell.0).is_none();
            let unsaid = [("candidates", "[]"), ("omitted", "0")].iter().filter(|it| unsaid(it)).count();
            prop_assert_eq!(leaves(&json), row.len() - unsaid, "{}: {:?}", json, row);
        }
    }
}

/// How many cells a record has: durations and lists are one each, and what is empty is none.
fn leaves(json: &serde_json::Value) -> usize {
    use serde_json::Value;
    match json {
        Value::Null => 0,
        Value::String(text) => usize::from(!text.is_empty()),
        Value::Object(it) if it.contains_key("secs") => 1,
        // A party is its kind and its name.
        Value::Object(it)
            if it.len() == 1 && (it.contains_key("provider") || it.contains_key("agent")) =>
        {
            2
        }
        Value::Object(it) => it.values().map(leaves).sum(),
        _ => 1,
    }
}
