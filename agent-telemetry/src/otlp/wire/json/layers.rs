//! What all three signals share: resources, scopes within them, and items within those.

use super::super::found::{Entry, Found};
use super::super::item::Scope;
use super::super::malformed::{Fault, Flaw};
use super::super::raw::RawAttributes;
use super::attribute;
use super::cursor::Cursor;

pub(super) type FoundText<'a> = Found<'a, &'a str>;

/// What takes one metric, log record or span.
pub(super) trait Take<'a>:
    Fn(&mut Cursor<'a>, &mut FoundText<'a>) -> Result<(), Fault>
{
}
impl<'a, F: Fn(&mut Cursor<'a>, &mut FoundText<'a>) -> Result<(), Fault>> Take<'a> for F {}

/// What a signal calls its layers.
pub(super) struct Names {
    pub(super) resources: &'static str,
    pub(super) scopes: &'static str,
    pub(super) items: &'static str,
}

pub(super) fn text(body: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(body).map_err(|error| {
        let rest = body.get(error.valid_up_to()..);
        Fault::new(Flaw::Utf8, rest.unwrap_or(body))
    })
}

pub(super) fn collect<'a>(
    text: &'a str,
    names: &Names,
    found: &mut FoundText<'a>,
    take: impl Take<'a>,
) -> Result<(), Fault> {
    let mut cursor = Cursor::new(text);
    cursor.object(|cursor, name| {
        if name != names.resources {
            return cursor.skip();
        }
        found.entries.clear();
        cursor.array(|cursor| resource(cursor, names, found, &take))
    })?;
    cursor.end()
}

fn resource<'a>(
    cursor: &mut Cursor<'a>,
    names: &Names,
    found: &mut FoundText<'a>,
    take: &impl Take<'a>,
) -> Result<(), Fault> {
    let place = found.open();
    let mut attributes = "";
    cursor.object(|cursor, name| {
        if name == "resource" {
            attributes = "";
            cursor.object(|cursor, name| {
                match name {
                    "attributes" => attributes = attribute::check(cursor, found.depth)?,
                    _ => cursor.skip()?,
                }
                Ok(())
            })
        } else if name == names.scopes {
            found.reopen(place);
            cursor.array(|cursor| scope(cursor, names, found, take))
        } else {
            cursor.skip()
        }
    })?;
    found.close(place, Entry::Resource(RawAttributes::json(attributes)));
    Ok(())
}

fn scope<'a>(
    cursor: &mut Cursor<'a>,
    names: &Names,
    found: &mut FoundText<'a>,
    take: &impl Take<'a>,
) -> Result<(), Fault> {
    let place = found.open();
    let mut scope = Scope::default();
    cursor.object(|cursor, name| {
        if name == "scope" {
            scope = Scope::default();
            cursor.object(|cursor, name| {
                match name {
                    "name" => scope.name = cursor.text()?,
                    "version" => scope.version = cursor.text()?,
                    _ => cursor.skip()?,
                }
                Ok(())
            })
        } else if name == names.items {
            found.reopen(place);
            cursor.array(|cursor| take(cursor, found))
        } else {
            cursor.skip()
        }
    })?;
    found.close(place, Entry::Scope(scope));
    Ok(())
}
