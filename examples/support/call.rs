//! A tool call as OpenAI's JSON writes it, which others have copied.

use serde::Deserialize;

use crate::ToolCall;

#[derive(Deserialize)]
pub(crate) struct FunctionCall {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

impl From<FunctionCall> for ToolCall {
    fn from(call: FunctionCall) -> Self {
        Self::new(call.id, call.function.name, call.function.arguments)
    }
}
