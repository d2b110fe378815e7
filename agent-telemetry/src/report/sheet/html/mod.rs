//! A sheet as part of a self-contained page: no scripts, nothing from elsewhere.

mod chart;
mod escape;
mod page;
mod section;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use page::page;

use std::fmt;

use super::Sheet;

impl Sheet {
    /// A page of its own.
    pub(crate) fn html(&self) -> String {
        page(&self.title, None, std::slice::from_ref(self))
    }
}

/// What a page is written into. A `String` takes everything, so that no write fails.
type Out<'o> = &'o mut (dyn fmt::Write + 'o);
