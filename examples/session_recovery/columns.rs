//! Columns for people, at most a hundred characters wide.

use std::fmt::Write;

/// As wide as a line may be.
pub(crate) const WIDTH: usize = 100;

/// Rows under headings, each column as wide as its widest cell; the last one is cut where it does not fit.
pub(crate) fn columns<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: [&str; N]| {
        let mut shown = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            // Writing to a string does not fail.
            let _ = write!(shown, "{cell:<width$}  ");
        }
        text.push_str(&clip(shown.trim_end(), WIDTH));
        text.push('\n');
    };
    line(headings);
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
    text
}

/// The text on one line of at most `max` characters; what cannot be printed is escaped.
pub(crate) fn clip(text: &str, max: usize) -> String {
    let mut clipped = String::new();
    let mut len = 0;
    for c in text.chars() {
        let shown: String = match c {
            '\n' => "⏎".to_owned(),
            '\t' => " ".to_owned(),
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        };
        len += shown.chars().count();
        if len > max {
            while clipped.chars().count() >= max {
                clipped.pop();
            }
            clipped.push('…');
            return clipped;
        }
        clipped.push_str(&shown);
    }
    clipped
}

/// `999 B`, `1.2 KB`, `3.4 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", count / unit, count % unit * 10 / unit);
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{} KB", tenths(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

/// A count and its noun.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}
