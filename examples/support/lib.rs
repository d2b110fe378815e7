//! Starter code shared by the examples.
