//! What followed a commit whose successors are lost, pieced together.

use std::sync::Arc;

use super::salvage::Unproven;
use super::stored::WORK;
use crate::format::payload::{Reference, Span};
use crate::log::replay::{Entry, Replay};
use crate::log::salvage::Since;
use crate::state::fields::FIELDS;

/// What followed.
#[derive(Debug, Default)]
pub(super) struct Pieced {
    /// Messages behind the commit's history.
    pub(super) said: Vec<Span>,
    /// What of it no commit proves.
    pub(super) unproven: Option<Unproven>,
    /// Components of which a newer value may be lost.
    pub(super) doubted: Vec<String>,
}

impl Pieced {
    /// Pieces it together, and makes `entry` name the newest values.
    pub(super) fn of(replay: &Replay, entry: &mut Entry, since: &[Since]) -> Self {
        let mut pieced = Self::default();
        let mut lost_value = None;
        for since in since {
            let range = match since {
                Since::Said(span) => {
                    pieced.said.push(*span);
                    continue;
                }
                Since::Unclear(range) => range,
            };
            let doubt = replay.doubt(range);
            pieced.said.extend(doubt.spans);
            if !doubt.is_open {
                continue;
            }
            let unproven = pieced.unproven.get_or_insert_default();
            unproven.records.push(range.clone());
            let body = Arc::make_mut(&mut entry.body);
            lost_value = lost_value.max(doubt.lost_value);
            for (name, seq) in doubt.values {
                let was = body.components.get(&name).map(|reference| reference.schema);
                let Some(schema) = newest_schema(&name).or(was) else {
                    // Only its commit said which version it is of.
                    pieced.doubted.push(name);
                    continue;
                };
                unproven.taken.push(name.clone());
                body.components.insert(name, Reference { seq, schema });
            }
        }
        if let Some(lost) = lost_value {
            let named = entry.body.components.iter();
            let older = named.filter(|(_, reference)| reference.seq < lost);
            pieced.doubted.extend(older.map(|(name, _)| name.clone()));
        }
        if let Some(unproven) = &mut pieced.unproven {
            unproven.taken.sort_unstable();
            unproven.taken.dedup();
        }
        pieced
    }
}

/// The version of a value of the library's own types. Such a value is written in the newest one.
fn newest_schema(name: &str) -> Option<u16> {
    let field = name.strip_prefix(WORK)?;
    let known = FIELDS.iter().find(|known| known.name == field);
    Some(known.map_or(1, |known| known.newest))
}
