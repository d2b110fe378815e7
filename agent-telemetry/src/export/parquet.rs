//! Records as rows of a Parquet file: columns gathered for one row group at a time.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{
    SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter,
};
use parquet::schema::types::{Type, TypePtr};

use super::cells::{Cell, cells};
use super::column::{Column, ColumnType};
use crate::Record;

/// Most rows of a group: what programs that read in parallel are used to.
const ROWS: usize = 131_072;
/// Most bytes of text in a group.
const TEXT_BYTES: usize = 64 << 20;
/// Digits of an amount, and how many of them are decimals.
const DIGITS: i32 = 38;
const DECIMALS: i32 = 12;
/// 10³⁸ - 1, which is what fits.
const MOST_PICOS: i128 = 10_i128.pow(38) - 1;

/// One file.
pub(super) struct ParquetRows<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Gathered>,
    rows: usize,
    text_bytes: usize,
    /// The bounds of both for one row group.
    most: [usize; 2],
}

/// The cells of a column in the row group that is being gathered.
struct Gathered {
    column: Column,
    /// 1 for each row that has a cell, 0 for those before and between that have none.
    defined: Vec<i16>,
    values: Values,
}

enum Values {
    Text(Vec<ByteArray>),
    Whole(Vec<i64>),
    Real(Vec<f64>),
    Amount(Vec<FixedLenByteArray>),
    Flag(Vec<bool>),
}

impl<W: Write + Send> ParquetRows<W> {
    pub(super) fn new(out: W, columns: Vec<Column>) -> io::Result<Self> {
        Self::bounded(out, columns, [ROWS, TEXT_BYTES])
    }

    fn bounded(out: W, columns: Vec<Column>, most: [usize; 2]) -> io::Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_created_by(concat!("agent-telemetry ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let schema = schema(&columns).map_err(io_error)?;
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties));
        Ok(Self {
            file: file.map_err(io_error)?,
            columns: columns.into_iter().map(Gathered::of).collect(),
            rows: 0,
            text_bytes: 0,
            most,
        })
    }

    pub(super) fn push(&mut self, record: &Record) -> io::Result<()> {
        let (rows, text_bytes) = (self.rows, &mut self.text_bytes);
        let mut left = self.columns.iter_mut();
        cells(record, &mut |column, cell| {
            // Cells come in the order of the columns.
            if let Some(gathered) = left.find(|it| it.column == column) {
                *text_bytes += gathered.put(rows, cell);
            }
        });
        self.rows += 1;
        let [rows, text_bytes] = self.most;
        if self.rows >= rows || self.text_bytes >= text_bytes {
            self.end_group().map_err(io_error)?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for gathered in &mut self.columns {
            gathered.defined.resize(self.rows, 0);
            gathered.write(&mut group)?;
        }
        group.close()?;
        (self.rows, self.text_bytes) = (0, 0);
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.end_group().map_err(io_error)?;
        self.file.finish().map_err(io_error)?;
        self.file.inner_mut().flush()
    }
}

impl Gathered {
    fn of(column: Column) -> Self {
        let values = match column.holds() {
            ColumnType::Text => Values::Text(Vec::new()),
            ColumnType::Time | ColumnType::Count => Values::Whole(Vec::new()),
            ColumnType::Real | ColumnType::Seconds => Values::Real(Vec::new()),
            ColumnType::Usd => Values::Amount(Vec::new()),
            ColumnType::Flag => Values::Flag(Vec::new()),
        };
        Self {
            column,
            defined: Vec::new(),
            values,
        }
    }

    /// The cell of the row that so many stand before; how many bytes of new text it takes.
    fn put(&mut self, row: usize, cell: Cell<'_>) -> usize {
        self.defined.resize(row, 0);
        let mut bytes = 0;
        match (&mut self.values, cell) {
            (Values::Text(values), Cell::Text(text)) => {
                // Names recur from row to row: those that do share their bytes.
                let again = values.last().filter(|last| last.data() == text.as_bytes());
                let value = again.cloned().unwrap_or_else(|| {
                    bytes = text.len();
                    ByteArray::from(text.as_bytes().to_vec())
                });
                values.push(value);
            }
            (Values::Whole(values), Cell::Time(at)) => values.push(at.unix_nanos()),
            (Values::Whole(values), Cell::Count(it)) => {
                values.push(i64::try_from(it).unwrap_or(i64::MAX));
            }
            (Values::Real(values), Cell::Real(it)) => values.push(it),
            (Values::Real(values), Cell::Seconds(it)) => values.push(it.as_secs_f64()),
            (Values::Amount(values), Cell::Usd(it)) => {
                let picos = it.picos().clamp(-MOST_PICOS, MOST_PICOS);
                let amount = FixedLenByteArray::from(picos.to_be_bytes().to_vec());
                values.push(amount);
            }
            (Values::Flag(values), Cell::Flag(it)) => values.push(it),
            // A cell of another type than its column: there is none.
            _ => return 0,
        }
        self.defined.push(1);
        bytes
    }

    /// Writes and forgets the cells.
    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<()> {
        let Some(mut column) = group.next_column()? else {
            return Err(ParquetError::General("a column too many".to_owned()));
        };
        let defined = &self.defined;
        match &mut self.values {
            Values::Text(values) => batch::<ByteArrayType>(&mut column, values, defined)?,
            Values::Whole(values) => batch::<Int64Type>(&mut column, values, defined)?,
            Values::Real(values) => batch::<DoubleType>(&mut column, values, defined)?,
            Values::Amount(values) => batch::<FixedLenByteArrayType>(&mut column, values, defined)?,
            Values::Flag(values) => batch::<BoolType>(&mut column, values, defined)?,
        }
        self.defined.clear();
        column.close()
    }
}

fn batch<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    defined: &[i16],
) -> Result<()> {
    let writer = column.typed::<T>();
    writer.write_batch(values, Some(defined), None)?;
    values.clear();
    Ok(())
}

fn schema(columns: &[Column]) -> Result<TypePtr> {
    let fields = columns.iter().map(|column| field(*column));
    let fields = fields.collect::<Result<Vec<TypePtr>>>()?;
    let schema = Type::group_type_builder("record").with_fields(fields);
    Ok(Arc::new(schema.build()?))
}

fn field(column: Column) -> Result<TypePtr> {
    let (physical, logical) = match column.holds() {
        ColumnType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnType::Time => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::NANOS)),
        ),
        ColumnType::Count => (Physical::INT64, None),
        ColumnType::Real | ColumnType::Seconds => (Physical::DOUBLE, None),
        ColumnType::Usd => (
            Physical::FIXED_LEN_BYTE_ARRAY,
            Some(LogicalType::decimal(DECIMALS, DIGITS)),
        ),
        ColumnType::Flag => (Physical::BOOLEAN, None),
    };
    let mut field = Type::primitive_type_builder(column.name(), physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    if column.holds() == ColumnType::Usd {
        field = field
            .with_length(16)
            .with_precision(DIGITS)
            .with_scale(DECIMALS);
    }
    Ok(Arc::new(field.build()?))
}

fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use agent_primitives::Timestamp;
    use parquet::file::metadata::RowGroupMetaData;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::{Metric, Severity, Violation};

    /// The rows of each group of a file with these bounds.
    fn groups(records: &[Record], most: [usize; 2]) -> Vec<i64> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.parquet");
        let file = std::fs::File::create(&path).unwrap();
        let mut rows = ParquetRows::bounded(file, Column::of(&[]), most).unwrap();
        for record in records {
            rows.push(record).unwrap();
        }
        rows.finish().unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let groups = reader.metadata().row_groups().iter();
        groups.map(RowGroupMetaData::num_rows).collect()
    }

    #[test]
    fn row_group_ends_where_it_has_rows_or_text_enough() {
        let at = Timestamp::UNIX_EPOCH;
        let metric = |_| Record::new(at, Metric::count("files", 3));
        let metrics: Vec<Record> = (0..10).map(metric).collect();
        assert_eq!(groups(&metrics, [4, 1_000_000]), [4, 4, 2]);
        assert_eq!(groups(&metrics, [5, 1_000_000]), [5, 5]);
        assert_eq!(groups(&[], [5, 1_000_000]), [0_i64; 0]);
        let text = |number: usize| {
            let message = format!("{number} {}", "x".repeat(1_000));
            Record::new(at, Violation::new("kind", Severity::Info, message))
        };
        let texts: Vec<Record> = (0..10).map(text).collect();
        assert_eq!(groups(&texts, [1_000, 3_500]), [4, 4, 2]);
    }
}
