//! The check of every byte.

use super::Reader;
use crate::checkpointer::attach::report;
use crate::checkpointer::load::{Reading, load};
use crate::log::numbering::wide;
use crate::{Error, Report};

pub(super) fn verify(reader: &Reader) -> Result<Report, Error> {
    let reading = Reading {
        keeps_messages: false,
        limit: u64::MAX,
        ..reader.reading()
    };
    reader.look(|| {
        let loaded = load(&reader.store, &reader.session, reading)?;
        let mut report = report(&loaded, loaded.replay.head());
        report.unmended_bytes = loaded.lost.iter().map(|lost| wide(lost.bytes.len())).sum();
        Ok(report)
    })
}
