//! A session's log as values: found, understood, extended. Pure: no file, no clock.

pub(crate) mod batch;
pub(crate) mod blobs;
pub(crate) mod chain;
pub(crate) mod decode;
pub(crate) mod doubt;
pub(crate) mod drops;
pub(crate) mod entry;
pub(crate) mod lineage;
pub(crate) mod numbering;
pub(crate) mod reach;
pub(crate) mod remains;
pub(crate) mod replay;
pub(crate) mod salvage;
pub(crate) mod scan;
pub(crate) mod seal;
pub(crate) mod values;
pub(crate) mod view;
pub(crate) mod weight;
pub(crate) mod workers;
