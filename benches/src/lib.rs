#![doc = include_str!("../README.md")]

pub mod claude_code;
pub mod dictionary;
pub mod forecast;
pub mod gates;
pub mod growth;
pub mod harness;
pub mod held;
pub mod idle;
pub mod large;
pub mod rows;
mod session;
pub mod shipped_prices;
pub mod soak;
mod stores;
