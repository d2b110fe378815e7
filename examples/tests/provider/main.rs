//! The scripted provider seen from outside: by a plain HTTP client, by a bare socket, and by
//! `HttpProvider`.

mod answers;
mod asking;
mod errors;
mod lifecycle;
mod refused;
mod spoiled;
mod verdicts;
mod wire;
