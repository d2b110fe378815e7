//! The table that a person reads.

use super::row::Row;

const HEADER: [&str; 16] = [
    "group",
    "case",
    "version",
    "T",
    "time/op",
    "±",
    "allocs",
    "bytes",
    "peak",
    "× best peer",
    "× floor",
    "p99",
    "p99 × floor",
    "written",
    "device",
    "disk",
];
const LEFT_ALIGNED: usize = 3;

/// The rows as text, columns aligned, a blank line between groups, `-` for what was not measured.
pub(crate) fn table(rows: &[Row]) -> String {
    let cells: Vec<[String; HEADER.len()]> = rows.iter().map(cells).collect();
    let header = HEADER.map(str::to_owned);
    let mut widths = [0; HEADER.len()];
    for line in std::iter::once(&header).chain(&cells) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = line(&header, &widths);
    let mut group = None;
    for (row, mut cells) in rows.iter().zip(cells) {
        let here = Some((row.group, row.threads));
        if here == group {
            if let Some(first) = cells.first_mut() {
                first.clear();
            }
        } else {
            text.push('\n');
            group = here;
        }
        text.push_str(&line(&cells, &widths));
    }
    text
}

fn line(cells: &[String; HEADER.len()], widths: &[usize; HEADER.len()]) -> String {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(at, (cell, width))| {
            if at < LEFT_ALIGNED {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        })
        .collect();
    padded.join("  ").trim_end().to_owned() + "\n"
}

fn cells(row: &Row) -> [String; HEADER.len()] {
    let some = |value: Option<f64>, show: fn(f64) -> String| value.map_or("-".to_owned(), show);
    let spread = row
        .ns_median
        .zip(row.ns_mad)
        .map(|(median, mad)| 100.0 * mad / median.max(f64::MIN_POSITIVE));
    [
        row.group.to_owned(),
        row.case.clone(),
        row.version.clone(),
        row.threads.to_string(),
        some(row.ns_median, time),
        some(spread, |percent| format!("{percent:.0} %")),
        some(row.allocations, count),
        some(row.allocated_bytes, count),
        some(row.peak_bytes, count),
        some(row.ratio_to_best_peer, |ratio| format!("{ratio:.2}")),
        some(row.ratio_to_floor, |ratio| format!("{ratio:.2}")),
        some(row.ns_p99, time),
        some(row.p99_to_floor, |ratio| format!("{ratio:.2}")),
        some(row.written_per_byte, |ratio| format!("{ratio:.2}")),
        some(row.device_per_byte, |ratio| format!("{ratio:.2}")),
        some(row.disk_per_byte, |ratio| format!("{ratio:.2}")),
    ]
}

fn time(nanos: f64) -> String {
    let (scaled, unit) = match nanos {
        ..1e3 => (nanos, "ns"),
        ..1e6 => (nanos / 1e3, "µs"),
        ..1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let decimals = match scaled {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{scaled:.decimals$} {unit}")
}

/// Whole numbers without a point, so that a zero is seen to be one.
fn count(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::Kind;
    use super::*;

    pub(crate) fn row(group: &'static str, case: &str, ns_median: Option<f64>) -> Row {
        Row {
            group,
            case: case.to_owned(),
            version: "1.4.0".to_owned(),
            kind: Kind::Peer,
            threads: 1,
            ns_median,
            ns_mad: ns_median.map(|median| median / 10.0),
            ns_p99: None,
            samples: 61,
            allocations: Some(0.0),
            allocated_bytes: Some(0.5),
            peak_bytes: None,
            ratio_to_best_peer: Some(0.683),
            ratio_to_floor: None,
            p99_to_floor: None,
            written_per_byte: None,
            device_per_byte: None,
            disk_per_byte: None,
        }
    }

    #[test]
    fn times_keep_three_digits_in_a_fitting_unit() {
        let shown = [2.345, 22.04, 390.2, 14_700.0, 42_000_000.0, 2.5e9].map(time);
        assert_eq!(
            shown,
            [
                "2.35 ns", "22.0 ns", "390 ns", "14.7 µs", "42.0 ms", "2.50 s"
            ]
        );
    }

    #[test]
    fn group_is_named_once_and_columns_line_up() {
        let text = table(&[
            row("breaker", "recloser", Some(22.04)),
            row("breaker", "a much longer name", Some(14_700.0)),
            row("retry", "µ", None),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "breaker  recloser            1.4.0    1  22.0 ns  10 %       0   0.50     -         0.68        -    -\
             \u{20}           -        -       -     -"
        );
        assert_eq!(
            lines[3],
            "         a much longer name  1.4.0    1  14.7 µs  10 %       0   0.50     -         0.68        -    -\
             \u{20}           -        -       -     -"
        );
        assert_eq!(lines[4], "");
        assert!(lines[5].contains("  -     -  "), "{text}");
    }
}
