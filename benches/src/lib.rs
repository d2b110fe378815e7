//! The crates beside their peers, in one run.
