//! Texts of anybody within a page.

use std::fmt::{self, Display, Write as _};

use crate::stats::width::is_hidden;

/// Most characters of one text: names are shorter, and whoever wrote a longer one must not fill the page.
const LONGEST: usize = 400;

/// For text and for values of attributes in double quotes, in HTML and in XML alike.
pub(super) fn escaped(text: &str) -> impl Display + Copy {
    Escaped(text)
}

#[derive(Clone, Copy)]
struct Escaped<'t>(&'t str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, character) in self.0.chars().enumerate() {
            match character {
                _ if at >= LONGEST => return f.write_char('…'),
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // No characters of a page: they would be an error in XML.
                '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                    f.write_char('·')?;
                }
                // What turns text around could make a page say something else.
                other if is_hidden(other) => f.write_char('·')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_text_says_is_markup() {
        let shown = escaped("<script>alert('a' & \"b\")</script>\u{1b}\n\u{ffff}").to_string();
        assert_eq!(
            shown,
            "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;···"
        );
    }

    #[test]
    fn text_is_not_turned_around() {
        assert_eq!(escaped("a\u{202e}b\u{200b}").to_string(), "a·b·");
    }

    #[test]
    fn text_without_end_is_cut() {
        assert_eq!(
            escaped(&"<".repeat(401)).to_string(),
            "&lt;".repeat(400) + "…"
        );
    }
}
