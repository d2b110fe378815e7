//! Columns for people.

use std::fmt::Write;
use std::time::Duration;

/// Rows under headings, each column as wide as its widest cell.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
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
        text.push_str(shown.trim_end());
        text.push('\n');
    };
    line(headings);
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
    text
}

/// `45s`, `2m 5s`, `3h 0m`; rounded up, so that who waits so long never comes too early.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}
