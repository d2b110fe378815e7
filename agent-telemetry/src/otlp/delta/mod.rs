//! From cumulative values, and from deltas that may come twice, to what was added.
