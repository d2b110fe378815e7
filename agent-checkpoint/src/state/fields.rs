//! The components that the state beside the messages is made of.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::savable::{
    check_agents, check_artifacts, check_decisions, check_extra, check_servers, check_steps,
    check_workflow,
};
use super::{Work, workflow};
use crate::Error;

/// One field of [`Work`], saved as a component of its own.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Version of the newest layout that this version reads.
    pub(crate) newest: u16,
    /// Version of the layout that the value is written in: the oldest that holds it.
    pub(crate) schema: fn(&Work) -> u16,
    /// Says nothing, and is not written.
    pub(crate) is_empty: fn(&Work) -> bool,
    pub(crate) is_same: fn(&Work, &Work) -> bool,
    /// Whether it reads back.
    pub(crate) check: fn(&Work) -> Result<(), Error>,
    pub(crate) write: fn(&Work, &mut Vec<u8>) -> Result<(), serde_json::Error>,
    pub(crate) read: fn(&mut Work, u16, &[u8]) -> Result<(), serde_json::Error>,
}

fn write(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    serde_json::to_writer(out, value)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// A value of version 1, brought up to version 2.
fn migrated<T: DeserializeOwned>(
    schema: u16,
    bytes: &[u8],
    step: fn(Value) -> Value,
) -> Result<T, serde_json::Error> {
    if schema < 2 {
        T::deserialize(step(read(bytes)?))
    } else {
        read(bytes)
    }
}

macro_rules! field {
    ($name:ident, $newest:literal, empty: $empty:expr, schema: $schema:expr, check: $check:expr, step: $step:expr) => {
        Field {
            name: stringify!($name),
            newest: $newest,
            schema: $schema,
            is_empty: |work| {
                let empty: fn(&_) -> bool = $empty;
                empty(&work.$name)
            },
            is_same: |a, b| a.$name == b.$name,
            check: $check,
            write: |work, out| write(&work.$name, out),
            read: |work, schema, bytes| {
                let step: Option<fn(Value) -> Value> = $step;
                work.$name = match step {
                    Some(step) => migrated(schema, bytes, step)?,
                    None => read(bytes)?,
                };
                Ok(())
            },
        }
    };
}

const FIRST: fn(&Work) -> u16 = |_| 1;
const SECOND: fn(&Work) -> u16 = |_| 2;
const FREE: fn(&Work) -> Result<(), Error> = |_| Ok(());

/// Every field but `extra`, whose entries are components of their own.
pub(crate) const FIELDS: &[Field] = &[
    field!(agents, 2, empty: |v| std::collections::BTreeMap::is_empty(v), schema: SECOND, check: |w| check_agents(&w.agents), step: Some(agents_from_version_1)),
    field!(workflow, 2, empty: |v| Option::is_none(v), schema: SECOND, check: |w| check_workflow(w.workflow.as_ref()), step: Some(workflow::from_version_1)),
    field!(mcp_servers, 1, empty: |v| Vec::is_empty(v), schema: FIRST, check: |w| check_servers(&w.mcp_servers), step: None),
    field!(decisions, 1, empty: |v| Vec::is_empty(v), schema: FIRST, check: |w| check_decisions(&w.decisions), step: None),
    field!(artifacts, 1, empty: |v| Vec::is_empty(v), schema: FIRST, check: |w| check_artifacts(&w.artifacts), step: None),
    field!(next_steps, 2, empty: |v| Vec::is_empty(v), schema: |work| if work.next_steps.iter().all(super::NextStep::is_plain) { 1 } else { 2 }, check: |w| check_steps(&w.next_steps), step: None),
    field!(questions, 1, empty: |v| Vec::is_empty(v), schema: FIRST, check: |w| super::savable::check_questions(&w.questions), step: None),
    field!(usage, 1, empty: super::is_zero, schema: FIRST, check: FREE, step: None),
    field!(usage_by_model, 1, empty: |v| std::collections::BTreeMap::is_empty(v), schema: FIRST, check: FREE, step: None),
];

/// Version 1 kept any JSON for an agent.
fn agents_from_version_1(old: Value) -> Value {
    match old {
        Value::Object(agents) => agents
            .into_iter()
            .map(|(agent, memory)| (agent, serde_json::json!({ "memory": memory })))
            .collect(),
        other => other,
    }
}

/// Whether the additional components have names of their own.
pub(crate) fn check_names(work: &Work) -> Result<(), Error> {
    let mut names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    names.push("conversation");
    check_extra("the session's state", &work.extra, &names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_field_of_the_state_is_a_component() {
        let mut work = Work::default();
        let agent = agent_primitives::AgentId::new("a").unwrap();
        work.agents.insert(agent, json!({"k": 1}).into());
        work.workflow = Some(super::workflow::Workflow::new("w"));
        work.mcp_servers.push(super::super::McpServer::default());
        work.decisions.push(super::super::Decision::default());
        work.artifacts.push(super::super::Artifact::default());
        work.next_steps.push("n".into());
        work.questions.push(super::super::Question::default());
        work.add_usage("m", agent_primitives::TokenUsage::new(1, 1));
        let json = serde_json::to_value(&work).unwrap();
        let mut names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        let mut fields: Vec<_> = FIELDS.iter().map(|f| f.name.to_owned()).collect();
        names.sort();
        fields.sort();
        assert_eq!(names, fields);
        let empty = Work::default();
        for field in FIELDS {
            assert!(
                (field.is_empty)(&empty) && !(field.is_empty)(&work),
                "{}",
                field.name
            );
            assert!(!(field.is_same)(&empty, &work), "{}", field.name);
            let mut bytes = Vec::new();
            (field.write)(&work, &mut bytes).unwrap();
            let mut back = empty.clone();
            (field.read)(&mut back, (field.schema)(&work), &bytes).unwrap();
            assert!((field.is_same)(&back, &work), "{}", field.name);
            assert!((field.schema)(&work) <= field.newest);
        }
    }
}
