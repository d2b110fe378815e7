//! Records as OTLP, sent to a collector.
