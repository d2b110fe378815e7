//! Who is asked: what candidates are able to do, what a request needs, and the choice between them.

mod capabilities;
mod needs;
mod profile;

pub use capabilities::Capabilities;
pub use needs::Needs;
pub use profile::Profile;
