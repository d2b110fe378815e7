//! What is found again after a restart, as bytes: what it is of, the version, then its fields.

use agent_primitives::SessionId;

use super::super::seen::{CallKeys, CallSeen, ToolSeen, Who};
use super::field::{Field, put_text};
use super::key::Ids;
use super::once::{Channels, KEYS, Told};
use super::session::{Account, Figures, ModelSums};
use crate::ToolOutcome;

// None of them is what the state of a series begins with.
const CALL: u8 = b'c';
const TOOL: u8 = b't';
const SESSION: u8 = b'e';
const SUMS: u8 = b'a';
const GONE: u8 = b'g';
const VERSION: u8 = 1;
/// Bytes of nearly all of them.
const USUAL: usize = 160;

/// One state.
#[derive(Debug)]
pub(super) enum Mark {
    Call(Told<CallSeen>),
    Tool(Told<ToolSeen>),
    Session(SessionId, Figures),
    Sums(Account, Box<str>, ModelSums),
    /// Of what turned out to be another one, which has its keys now.
    Gone,
}

impl Mark {
    pub(super) fn is_account(state: &[u8]) -> bool {
        matches!(state, [SESSION | SUMS, ..])
    }

    pub(super) fn read(state: &[u8]) -> Option<Self> {
        let [kind, VERSION, from @ ..] = state else {
            return None;
        };
        let from = &mut &*from;
        let mark = match *kind {
            CALL => Self::Call(call(from)?),
            TOOL => Self::Tool(tool(from)?),
            SESSION => {
                let (session, figures) = (Field::get(from)?, Figures::get(from)?);
                figures
                    .is_sound()
                    .then_some(Self::Session(session, figures))?
            }
            SUMS => Self::Sums(Field::get(from)?, Field::get(from)?, Field::get(from)?),
            GONE => Self::Gone,
            _ => return None,
        };
        from.is_empty().then_some(mark)
    }
}

/// By time first, so that a database finds what is stored together on the same pages: neither the time nor the first key
/// of what was recorded changes any more.
pub(super) fn key<T>(told: &Told<T>) -> Option<u128> {
    let first = *told.keys.first()?;
    let time = u128::from(told.at.unix_nanos().cast_unsigned());
    Some(time << 64 | first & u128::from(u64::MAX))
}

pub(super) fn of_session(session: &SessionId, figures: &Figures) -> Vec<u8> {
    let mut to = begin(SESSION);
    session.put(&mut to);
    figures.put(&mut to);
    to
}

pub(super) fn of_sums(account: &Account, model: &str, sums: &ModelSums) -> Vec<u8> {
    let mut to = begin(SUMS);
    account.put(&mut to);
    put_text(model, &mut to);
    sums.put(&mut to);
    to
}

pub(super) fn of_gone() -> Vec<u8> {
    vec![GONE, VERSION]
}

pub(super) fn of_call(told: &Told<CallSeen>) -> Vec<u8> {
    let mut to = begin(CALL);
    put_told(told, &mut to);
    let call = &told.what;
    call.provider.put(&mut to);
    call.model.put(&mut to);
    call.usage.put(&mut to);
    call.cost.put(&mut to);
    to
}

pub(super) fn of_tool(told: &Told<ToolSeen>) -> Vec<u8> {
    let mut to = begin(TOOL);
    put_told(told, &mut to);
    told.what.tool.put(&mut to);
    to
}

fn begin(kind: u8) -> Vec<u8> {
    let mut to = Vec::with_capacity(USUAL);
    to.extend([kind, VERSION]);
    to
}

fn call(from: &mut &[u8]) -> Option<Told<CallSeen>> {
    let told = get_told(from)?;
    let call = CallSeen {
        keys: CallKeys::default(),
        provider: Field::get(from)?,
        model: Field::get(from)?,
        usage: Field::get(from)?,
        cost: Field::get(from)?,
        latency: None,
        first_token: None,
        attempts: 1,
        failure: None,
        stop_reason: None,
        service_tier: None,
        streamed: false,
    };
    Some(told.of(call))
}

fn tool(from: &mut &[u8]) -> Option<Told<ToolSeen>> {
    let told = get_told(from)?;
    let tool = ToolSeen {
        call: None,
        span: None,
        item: None,
        tool: Field::get(from)?,
        outcome: ToolOutcome::Ok,
        elapsed: None,
    };
    Some(told.of(tool))
}

fn put_told<T>(told: &Told<T>, to: &mut Vec<u8>) {
    told.at.put(to);
    told.who.session.put(to);
    told.channels.0.put(to);
    told.ids.request.put(to);
    told.ids.response.put(to);
    told.keys.put(to);
}

fn get_told(from: &mut &[u8]) -> Option<Told<()>> {
    let at = Field::get(from)?;
    let who = Who {
        session: Field::get(from)?,
        ..Who::default()
    };
    let channels = Channels(Field::get(from)?);
    let ids = Ids {
        request: Field::get(from)?,
        response: Field::get(from)?,
        ..Ids::default()
    };
    let keys: Vec<u128> = Field::get(from)?;
    let told = Told {
        who,
        at,
        channels,
        ids,
        keys,
        recorded: true,
        what: (),
    };
    (told.keys.len() <= KEYS).then_some(told)
}

impl Told<()> {
    fn of<T>(self, what: T) -> Told<T> {
        Told {
            who: self.who,
            at: self.at,
            channels: self.channels,
            ids: self.ids,
            keys: self.keys,
            recorded: self.recorded,
            what,
        }
    }
}
