//! Requests in protobuf.

mod attribute;
mod head;
mod id;
mod layers;
mod logs;
mod message;
mod metrics;
mod number;
mod point;
mod run;
mod spans;
mod texts;

pub(super) use logs::read_logs;
pub(super) use metrics::read_metrics;
pub(super) use run::Run;
pub(super) use spans::read_spans;

/// An `int32` or an enumeration, of which protobuf keeps the lower half.
#[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
const fn int32(number: u64) -> i32 {
    number as i32
}
