//! The store on a PostgreSQL server. Each test has a database schema of its own on one server that the
//! tests start, or on the one that `AGENT_TELEMETRY_POSTGRES` names.

mod server;
mod store;
