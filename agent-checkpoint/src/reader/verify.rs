//! The check of every byte.

use super::Reader;
use crate::checkpointer::load::{Reading, load};
use crate::log::numbering::wide;
use crate::{Error, Report};

pub(super) fn verify(reader: &Reader) -> Result<Report, Error> {
    let reading = Reading {
        keeps_messages: false,
        ..reader.reading()
    };
    reader.look(|| {
        let loaded = load(&reader.store, &reader.session, reading)?;
        let mut report = Report::of(&loaded, loaded.replay.head());
        report.unmended_bytes = loaded.lost.iter().map(|lost| wide(lost.bytes.len())).sum();
        Ok(report)
    })
}
