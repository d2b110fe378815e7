//! The server that takes OTLP over HTTP.
