//! The store on a Postgres server. Each test has a schema of its own on one server that the tests
//! start, or on the one that `AGENT_TELEMETRY_POSTGRES` names.

#[cfg(feature = "sqlite")]
mod agreement;
mod faults;
mod kill;
mod marks;
mod outage;
mod proxy;
mod reports;
mod retention;
mod rights;
mod schema_page;
mod server;
mod store;
mod writers;
