//! From requests to records.
