//! Requests of OTLP in JSON from somebody else, to a processor with small bounds that lives on.
//!
//! Input: a letter for what the request carries, and whether all is recorded after it; the body.
#![no_main]

use agent_telemetry::otlp::Encoding;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| agent_fuzz::intake::feed(Encoding::Json, data));
