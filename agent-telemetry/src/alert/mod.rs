//! Rules over records, and who is told when one begins to hold and when it ends.
//!
#![doc = include_str!("../../docs/alerts.md")]

mod check;
mod condition;
mod crew;
mod crossing;
mod deliver;
mod engine;
mod gauge;
mod limit;
mod machine;
mod measure;
mod notification;
mod outbox;
mod provider;
mod rule;
mod rules;
mod sentence;
mod share;
mod span;
mod spent;
mod state;
mod subject;
mod total;
mod watch;
mod window;

pub use check::InvalidRules;
pub use condition::{Bound, BudgetPeriod, Calls, Condition, Queue, WindowPair};
pub use deliver::{
    AlertStore, AlertStoreError, Alerting, AlertingBuilder, AlertingError, AlertingHealth,
    AlertingSink, DeliveryConfig, FileState, MemoryState, Receive, ReceiveError,
};
#[cfg(feature = "webhook")]
pub use deliver::{InvalidWebhook, Webhook};
pub use engine::{AlertCounts, Alerts, AlertsConfig, FiringAlert};
pub use notification::{Notification, Status};
pub use rule::{Dimension, Only, Rule};
pub use rules::Rules;
pub use state::AlertState;
pub use subject::Subject;
