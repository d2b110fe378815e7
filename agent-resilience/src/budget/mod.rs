//! Money: what a call costs, and what may be spent.

mod price;

pub use price::TokenPrice;
