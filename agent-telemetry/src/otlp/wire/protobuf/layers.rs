//! What all three signals share: resources, scopes within them, and items within those.

use std::borrow::Cow;

use super::super::found::{Entry, Found};
use super::super::item::Scope;
use super::super::malformed::Fault;
use super::super::raw::RawAttributes;
use super::message::{Message, bytes};
use super::run::{Finder, Run};

/// `resource_metrics`, `resource_logs`, `resource_spans` of a request.
const RESOURCES: u32 = bytes(1);
/// `resource`, and `scope_metrics`, `scope_logs`, `scope_spans`, of these.
const RESOURCE: u32 = bytes(1);
const SCOPES: u32 = bytes(2);
/// `scope`, and `metrics`, `log_records`, `spans`, of those.
const SCOPE: u32 = bytes(1);
const ITEMS: u32 = bytes(2);
/// Of a resource.
const ATTRIBUTES: u32 = bytes(1);
/// Of a scope.
const NAME: u32 = bytes(1);
const VERSION: u32 = bytes(2);

pub(super) type FoundBytes<'a> = Found<'a, &'a [u8]>;

/// What takes one metric, log record or span.
pub(super) trait Take<'a>: Fn(&'a [u8], &mut FoundBytes<'a>) -> Result<(), Fault> {}
impl<'a, F: Fn(&'a [u8], &mut FoundBytes<'a>) -> Result<(), Fault>> Take<'a> for F {}

pub(super) fn collect<'a>(
    body: &'a [u8],
    found: &mut FoundBytes<'a>,
    take: impl Take<'a>,
) -> Result<(), Fault> {
    let mut request = Message::new(body);
    while let Some(tag) = request.tag()? {
        match tag {
            RESOURCES => resource(request.bytes()?, found, &take)?,
            other => request.skip(other)?,
        }
    }
    Ok(())
}

fn resource<'a>(
    bytes: &'a [u8],
    found: &mut FoundBytes<'a>,
    take: &impl Take<'a>,
) -> Result<(), Fault> {
    let place = found.open();
    let mut message = Message::new(bytes);
    let (mut run, mut parts) = (Finder::new(&[], ATTRIBUTES).found(), 0_u32);
    while let Some(tag) = message.tag()? {
        match tag {
            RESOURCE => {
                run = attributes(message.bytes()?, found.depth)?;
                parts = parts.saturating_add(1);
            }
            SCOPES => scope(message.bytes()?, found, take)?,
            other => message.skip(other)?,
        }
    }
    if parts > 1 {
        run = Run::of_parts(bytes, RESOURCE, ATTRIBUTES);
    }
    found.close(place, Entry::Resource(RawAttributes::protobuf(run)));
    Ok(())
}

fn attributes(bytes: &[u8], depth: usize) -> Result<Run<'_>, Fault> {
    let mut finder = Finder::new(bytes, ATTRIBUTES);
    let mut message = Message::new(bytes);
    loop {
        let before = message.left();
        match message.tag()? {
            None => break,
            Some(ATTRIBUTES) => finder.attributes(&mut message, before)?,
            Some(other) => message.skip(other)?,
        }
    }
    let run = finder.found();
    run.check(depth)?;
    Ok(run)
}

fn scope<'a>(
    bytes: &'a [u8],
    found: &mut FoundBytes<'a>,
    take: &impl Take<'a>,
) -> Result<(), Fault> {
    let place = found.open();
    let mut message = Message::new(bytes);
    let mut scope = Scope::default();
    while let Some(tag) = message.tag()? {
        match tag {
            SCOPE => read_scope(message.bytes()?, &mut scope)?,
            ITEMS => take(message.bytes()?, found)?,
            other => message.skip(other)?,
        }
    }
    found.close(place, Entry::Scope(scope));
    Ok(())
}

fn read_scope<'a>(bytes: &'a [u8], scope: &mut Scope<'a>) -> Result<(), Fault> {
    let mut message = Message::new(bytes);
    while let Some(tag) = message.tag()? {
        match tag {
            NAME => scope.name = Cow::Borrowed(message.text()?),
            VERSION => scope.version = Cow::Borrowed(message.text()?),
            other => message.skip(other)?,
        }
    }
    Ok(())
}
