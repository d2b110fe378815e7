//! Policies and verdicts for the HTTP clients that hosts use, each behind the feature of its name.

#[cfg(feature = "async-openai")]
mod async_openai;
mod reqwest;

#[cfg(feature = "async-openai")]
pub use async_openai::{OpenAiService, openai_error};
pub use reqwest::response;
