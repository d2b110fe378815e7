//! When money, context or patience runs out, told from what was recorded before: pure folds, the time passed in.

mod band;
mod budget;
mod burn;
mod calendar;
mod context;
mod course;
mod forecaster;
mod history;
mod missing;
mod number;
mod outlook;
mod projection;
mod report;
mod text;
mod timeout;

pub use band::{CostBand, CountBand};
pub use budget::{Budget, BudgetForecast, BudgetPeriod, BudgetVerdict, InvalidBudget};
pub use burn::BurnRate;
pub use context::{ContextForecast, ContextSessions, ContextUse, ContextWatch};
pub use forecaster::Forecaster;
pub use history::SpendHistory;
#[cfg(feature = "sqlite")]
pub(crate) use history::Spent;
pub use missing::Missing;
pub use projection::{CostProjection, Projected, ProjectedDay};
pub use report::{ForecastBasis, ForecastConfig, ForecastReport};
pub use timeout::{CallTimes, RequestSize, TimeoutRisk};
