//! Message text as every JSON format writes it: a string, a list of text parts, or null.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Plain(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
pub(crate) struct Part {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    text: Option<String>,
}

/// The parts in one string, null as an empty one.
///
/// # Errors
/// What is no text, as a clause for an error message.
pub(crate) fn joined(text: Option<Text>) -> Result<String, String> {
    match text {
        None => Ok(String::new()),
        Some(Text::Plain(text)) => Ok(text),
        Some(Text::Parts(parts)) => parts
            .into_iter()
            .map(|part| {
                let kind = part.r#type;
                part.text.ok_or_else(|| {
                    format!(
                        "a content part of type {:?}; only text parts are read",
                        kind.as_deref().unwrap_or("unnamed")
                    )
                })
            })
            .collect(),
    }
}
