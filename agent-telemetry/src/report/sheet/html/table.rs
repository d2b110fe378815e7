//! A table of a page.

use std::fmt;

use super::Out;
use super::escape::escaped;
use crate::stats::layout::Table;

/// Most rows of a table on a page; the data has them all.
const ROWS: usize = 200;

pub(super) fn write(out: Out<'_>, table: &Table) -> fmt::Result {
    let words: Vec<bool> = table.columns().map(|(_, is_text)| is_text).collect();
    // It scrolls by itself where the screen is narrow, also with the keyboard.
    out.write_str("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>\n<thead><tr>")?;
    for (name, is_text) in table.columns() {
        let class = class(is_text);
        write!(out, "<th scope=\"col\"{class}>{}</th>", escaped(name))?;
    }
    out.write_str("</tr></thead>\n<tbody>\n")?;
    for row in table.rows().iter().take(ROWS) {
        out.write_str("<tr>")?;
        for (at, (cell, is_text)) in row.iter().zip(&words).enumerate() {
            let (class, cell) = (class(*is_text), escaped(cell));
            match at {
                0 => write!(out, "<th scope=\"row\">{cell}</th>")?,
                _ => write!(out, "<td{class}>{cell}</td>")?,
            }
        }
        out.write_str("</tr>\n")?;
    }
    out.write_str("</tbody>\n</table></div>\n")?;
    more(out, table.rows().len().saturating_sub(ROWS))
}

/// How many are not shown.
pub(super) fn more(out: Out<'_>, number: usize) -> fmt::Result {
    match number {
        0 => Ok(()),
        _ => writeln!(out, "<p class=\"more\">… and {number} more</p>"),
    }
}

const fn class(is_text: bool) -> &'static str {
    if is_text { "" } else { " class=\"number\"" }
}
