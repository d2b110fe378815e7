//! How a host's own types become bytes, and the proof that the bytes become the value again.

mod encoding;
mod fault;
mod guard;
mod guard_compound;
mod json;
mod json_key;
#[cfg(test)]
mod json_tests;
mod shapes;
mod tracked;
mod tracked_access;
mod transcode;
mod verify;

pub(crate) use encoding::{decode, encode};
pub(crate) use fault::Fault;
pub(crate) use json::write_json;
pub(crate) use shapes::Shapes;
pub(crate) use transcode::to_value;
pub(crate) use verify::verify;

use crate::format::tags;

/// How the values of a host's type are written; see [`Snapshot::CODEC`](crate::Snapshot::CODEC).
///
/// | | reads back | older versions | size, speed |
/// |---|---|---|---|
/// | `Json` | what serde says, but for floats that are not finite | migrate by themselves | readable; the largest, as a rule the slowest |
/// | `MessagePack` | all that serde says | migrate by themselves | a little smaller and faster |
/// | `Bincode` | fixed structures only: no `serde_json::Value`, no `untagged`, `tag`, `flatten`, `skip_serializing_if` | need their old types | the fastest for numbers; `bincode` is unmaintained |
///
/// A `Some` that holds nothing (`Some(())`, `Some(None)`) is refused with the first two: both write it as they write `None`. Use
/// a `bool`, an enum of two variants or a struct with a field in its place.
///
/// Whatever a codec cannot bring back is refused by [`put`](crate::Checkpointer::put), with the name of the field.
///
/// ```
/// use agent_checkpoint::Codec;
///
/// assert_eq!(Codec::default(), Codec::Json);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Text that anybody can read.
    #[default]
    Json,
    /// Binary, with the names of the fields.
    #[cfg(feature = "msgpack")]
    MessagePack,
    /// Binary without names: numbers of fixed length, little-endian, fields one after the other.
    #[cfg(feature = "bincode")]
    Bincode,
}

impl Codec {
    pub(crate) const fn tag(self) -> tags::Codec {
        match self {
            Self::Json => tags::Codec::JSON,
            #[cfg(feature = "msgpack")]
            Self::MessagePack => tags::Codec::MESSAGE_PACK,
            #[cfg(feature = "bincode")]
            Self::Bincode => tags::Codec::BINCODE,
        }
    }

    /// `None` for one that this build does not read.
    pub(crate) const fn of(tag: tags::Codec) -> Option<Self> {
        match tag {
            tags::Codec::JSON => Some(Self::Json),
            #[cfg(feature = "msgpack")]
            tags::Codec::MESSAGE_PACK => Some(Self::MessagePack),
            #[cfg(feature = "bincode")]
            tags::Codec::BINCODE => Some(Self::Bincode),
            _ => None,
        }
    }

    /// Whether the bytes tell what they are, so that they read as JSON without the type.
    pub(crate) const fn describes_itself(self) -> bool {
        match self {
            Self::Json => true,
            #[cfg(feature = "msgpack")]
            Self::MessagePack => true,
            #[cfg(feature = "bincode")]
            Self::Bincode => false,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            #[cfg(feature = "msgpack")]
            Self::MessagePack => "MessagePack",
            #[cfg(feature = "bincode")]
            Self::Bincode => "bincode",
        }
    }
}
