//! The frame of a page: its head, its style, and what it begins and ends with.

use std::fmt;

use agent_primitives::Timestamp;

use super::escape::escaped;
use super::{Out, Sheet};

const STYLE: &str = include_str!("style.css");

/// Several sheets on one page.
pub(crate) fn page(title: &str, made: Option<Timestamp>, sheets: &[Sheet]) -> String {
    let mut out = String::with_capacity(32 * 1024);
    // It cannot fail.
    let _ = write(&mut out, title, made, sheets);
    out
}

fn write(out: Out<'_>, title: &str, made: Option<Timestamp>, sheets: &[Sheet]) -> fmt::Result {
    let title = escaped(title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header class=\"page\">\n<h1>{title}</h1>\n",
    )?;
    if let [Sheet { period, .. }] = sheets {
        super::section::period(out, period.as_deref())?;
    }
    out.write_str("</header>\n")?;
    contents(out, sheets)?;
    out.write_str("<main>\n")?;
    for (number, sheet) in (1..).zip(sheets) {
        sheet.write_html(out, number, sheets.len() > 1)?;
    }
    out.write_str("</main>\n<footer><p>")?;
    if let Some(made) = made {
        let text = made.to_string();
        let minute = text.get(..16).unwrap_or(&text).replace('T', " ");
        write!(
            out,
            "Made at <time datetime=\"{text}\">{minute} UTC</time>. "
        )?;
    }
    out.write_str("All times are UTC.</p></footer>\n</body>\n</html>\n")
}

/// Where there is more than one thing to go to.
fn contents(out: Out<'_>, sheets: &[Sheet]) -> fmt::Result {
    let entries: Vec<(String, &str)> = match sheets {
        [sheet] => sheet
            .titled()
            .map(|(number, title)| (format!("r1-{number}"), title))
            .collect(),
        _ => (1..)
            .zip(sheets)
            .map(|(number, sheet)| (format!("r{number}"), sheet.title.as_str()))
            .collect::<Vec<(String, &str)>>(),
    };
    if entries.len() < 2 {
        return Ok(());
    }
    out.write_str("<nav aria-label=\"Contents\"><ul>\n")?;
    for (id, title) in entries {
        writeln!(out, "<li><a href=\"#{id}\">{}</a></li>", escaped(title))?;
    }
    out.write_str("</ul></nav>\n")
}
