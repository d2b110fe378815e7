//! Choosing between candidates: what is skipped, what wins, and how it is learned.

mod adapts;
mod chooses;
mod configured;
mod holds;
mod kept;
mod learns;
mod repeats;
mod skips;
