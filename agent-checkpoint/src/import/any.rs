//! Finds out whose file it is.

use std::io::Read;

use super::fields::Fields;
use super::lines::{Line, Lines};
use super::{ImportError, Imported, Limits, Source, claude_code, codex, export, goose};

/// So many lines are looked at. The first ones may be damaged, or of kinds that tell nothing.
const LINES: usize = 64;

/// Reads a session file of any kind that this module knows, compressed with zstd or not.
///
/// # Errors
/// [`ImportError::Unrecognised`] where nothing tells whose file it is; [`ImportError::IsDatabase`] for goose's
/// database; else as for each kind.
pub fn any(reader: impl Read, limits: &Limits) -> Result<Imported, ImportError> {
    let mut lines = Lines::new(reader, limits)?;
    match recognise(&mut lines)? {
        Source::Codex => codex::of_lines(lines, limits),
        Source::ClaudeCode => claude_code::of_lines(lines, limits),
        Source::Goose => goose::of_lines(lines, limits),
        Source::Export => export::of_lines(lines, limits),
    }
}

fn recognise(lines: &mut Lines<'_>) -> Result<Source, ImportError> {
    for ahead in 0..LINES {
        let Some(line) = lines.peek(ahead)? else {
            break;
        };
        if let Some(source) = of_line(line, ahead == 0) {
            return Ok(source);
        }
        // An object over several lines: of what is read here, exports of goose alone are written so.
        if ahead == 0 && line.bytes.trim_ascii() == b"{" {
            return Ok(Source::Goose);
        }
    }
    Err(ImportError::Unrecognised)
}

fn of_line(line: &Line, is_first: bool) -> Option<Source> {
    let fields = Fields::of_line(&line.bytes).ok()?;
    if is_first && export::is_head(&fields) {
        Some(Source::Export)
    } else if is_first && goose::is_export(&fields) {
        Some(Source::Goose)
    } else if codex::is_line(&fields) {
        Some(Source::Codex)
    } else if goose::is_line(&fields) {
        Some(Source::Goose)
    } else if claude_code::is_line(&fields) {
        Some(Source::ClaudeCode)
    } else {
        None
    }
}
