//! Requests in JSON.

mod attribute;
mod base64;
mod cursor;
mod id;
mod layers;
mod logs;
mod metrics;
mod number;
mod number_point;
mod point;
mod spans;
mod string;

pub(super) use attribute::read as read_attributes;
pub(super) use logs::read_logs;
pub(super) use metrics::read_metrics;
pub(super) use spans::read_spans;
