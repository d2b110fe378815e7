//! The families of counters that totals have, and what each value is.

use crate::prometheus::lines::Number;
use crate::{AgentCell, ModelCell, ToolCell};
use Number::Count;

/// A family of counters over cells of type `C`.
pub(super) struct Sum<C: 'static> {
    pub(super) name: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) help: &'static str,
    pub(super) values: Values<C>,
}

pub(super) type Part<C> = (&'static str, fn(&C) -> Number);

pub(super) enum Values<C: 'static> {
    One(fn(&C) -> Number),
    /// By a label of few words.
    By(&'static str, &'static [Part<C>]),
}

const fn one<C>(name: &'static str, help: &'static str, value: fn(&C) -> Number) -> Sum<C> {
    let values = Values::One(value);
    Sum {
        name,
        unit: None,
        help,
        values,
    }
}

const fn by<C>(
    name: &'static str,
    help: &'static str,
    label: &'static str,
    parts: &'static [Part<C>],
) -> Sum<C> {
    let values = Values::By(label, parts);
    Sum {
        name,
        unit: None,
        help,
        values,
    }
}

const fn unit<C>(unit: &'static str, sum: Sum<C>) -> Sum<C> {
    Sum {
        name: sum.name,
        unit: Some(unit),
        help: sum.help,
        values: sum.values,
    }
}

/// Types of tokens are disjoint: their sum is all of them.
macro_rules! tokens {
    () => {
        &[
            ("input", |it| Count(it.usage.input())),
            ("cache_read", |it| Count(it.usage.cache_read())),
            ("cache_write", |it| Count(it.usage.cache_write())),
            ("output", |it| Count(it.usage.output())),
        ]
    };
}

pub(super) static AGENTS: [Sum<AgentCell>; 18] = [
    one("agent_records", "Records of any kind.", |it| {
        Count(it.records)
    }),
    one("agent_sessions_started", "Sessions that began.", |it| {
        Count(it.sessions)
    }),
    one(
        "agent_sessions_resumed",
        "Times that a session went on in a new process or handle.",
        |it| Count(it.resumptions),
    ),
    by(
        "agent_sessions_ended",
        "Sessions that ended, by outcome.",
        "outcome",
        &[
            ("success", |it| Count(it.success)),
            ("escalated", |it| Count(it.escalated)),
            ("failed", |it| Count(it.failed)),
            ("aborted", |it| Count(it.aborted)),
        ],
    ),
    unit(
        "seconds",
        one(
            "agent_session_duration_seconds",
            "Time in sessions that ended.",
            |it| Number::seconds(it.elapsed_ns),
        ),
    ),
    by(
        "agent_calls",
        "Model calls of an agent, by whether they were answered.",
        "result",
        &[
            ("ok", |it| {
                Count(it.model_calls.saturating_sub(it.failed_calls))
            }),
            ("failed", |it| Count(it.failed_calls)),
        ],
    ),
    one(
        "agent_unpriced_calls",
        "Model calls whose cost is not known and missing from the sum.",
        |it| Count(it.unpriced_calls),
    ),
    by(
        "agent_tokens",
        "Tokens of model calls, by disjoint types.",
        "type",
        tokens!(),
    ),
    unit(
        "usd",
        one(
            "agent_cost_usd",
            "What model calls cost, in US dollars.",
            |it| Number::usd(it.cost),
        ),
    ),
    by(
        "agent_tool_uses",
        "Tool calls of an agent, by outcome.",
        "outcome",
        &[
            ("ok", |it| Count(it.tools_ok)),
            ("failed", |it| Count(it.tools_failed)),
            ("aborted", |it| Count(it.tools_aborted)),
        ],
    ),
    one(
        "agent_session_handoffs",
        "Times that work changed hands.",
        |it| Count(it.handoffs),
    ),
    one(
        "agent_retries",
        "Times that a provider was called again.",
        |it| Count(it.retries),
    ),
    by(
        "agent_violations",
        "Broken rules, by severity.",
        "severity",
        &[
            ("info", |it| Count(it.violations_info)),
            ("warning", |it| Count(it.violations_warning)),
            ("error", |it| Count(it.violations_error)),
            ("critical", |it| Count(it.violations_critical)),
        ],
    ),
    one(
        "agent_violations_fixed",
        "Broken rules of any severity that were mended.",
        |it| Count(it.violations_fixed),
    ),
    one("agent_files_changed", "Files changed.", |it| {
        Count(it.files)
    }),
    by(
        "agent_lines_changed",
        "Lines of files added and removed.",
        "change",
        &[
            ("added", |it| Count(it.lines_added)),
            ("removed", |it| Count(it.lines_removed)),
        ],
    ),
    one("agent_tasks", "Tasks that were timed.", |it| {
        Count(it.tasks)
    }),
    unit(
        "seconds",
        by(
            "agent_task_seconds",
            "Time of tasks that were timed, waiting and running.",
            "phase",
            &[
                ("queued", |it| Number::seconds(it.queued_ns)),
                ("running", |it| Number::seconds(it.ran_ns)),
            ],
        ),
    ),
];

pub(super) static MODELS: [Sum<ModelCell>; 5] = [
    by(
        "agent_model_calls",
        "Calls of a model, by whether they were answered.",
        "result",
        &[
            ("ok", |it| Count(it.calls.saturating_sub(it.failed))),
            ("failed", |it| Count(it.failed)),
        ],
    ),
    one(
        "agent_model_attempts",
        "Calls to providers that it took.",
        |it| Count(it.attempts),
    ),
    one(
        "agent_model_unpriced_calls",
        "Calls whose cost is not known and missing from the sum.",
        |it| Count(it.unpriced),
    ),
    by(
        "agent_model_tokens",
        "Tokens of a model, by disjoint types.",
        "type",
        tokens!(),
    ),
    unit(
        "usd",
        one(
            "agent_model_cost_usd",
            "What calls of a model cost, in US dollars.",
            |it| Number::usd(it.cost),
        ),
    ),
];

pub(super) static TOOLS: [Sum<ToolCell>; 1] = [by(
    "agent_tool_calls",
    "Calls of a tool, by outcome.",
    "outcome",
    &[
        ("ok", |it| Count(it.ok)),
        ("failed", |it| Count(it.failed)),
        ("aborted", |it| Count(it.aborted)),
    ],
)];
