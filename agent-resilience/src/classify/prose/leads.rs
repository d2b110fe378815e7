//! The words before the numbers of a context error, as each vendor writes them.

/// What a number is, by the words right before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Tokens of the input.
    Used,
    /// Input and output together: the input, where nothing better is said.
    Total,
    /// Tokens that fit.
    Limit,
    /// Tokens that fit, in words that also tell of other things.
    Bound,
    /// The whole allowance of a period.
    Allowance,
    /// What one request takes of it.
    Requested,
}

/// The first that fits counts. A number is looked at after one `(` or `~`, which are left out here.
pub(super) const LEADS: [(&str, Role); 27] = [
    // Anthropic: "prompt is too long: 215000 tokens > 200000 maximum" and "exceed context limit:
    // 188240 + 21333 > 200000". vLLM: "(30000 > 32768 - 5000)".
    ("too long: ", Role::Used),
    ("context limit: ", Role::Used),
    (" > ", Role::Limit),
    // OpenAI, vLLM, OpenRouter: "maximum context length is 8192 tokens. However, you requested about
    // 9000 tokens (5000 in the messages, 4000 in the completion)", "your messages resulted in 10244
    // tokens", "your request has 40000 input tokens". xAI: "maximum prompt length is 131072 but the
    // request contains 149617 tokens".
    ("maximum context length is ", Role::Limit),
    ("maximum prompt length is ", Role::Limit),
    ("resulted in ", Role::Used),
    ("request has ", Role::Used),
    ("request contains ", Role::Used),
    ("you requested about ", Role::Total),
    ("you requested ", Role::Total),
    ("tokens ", Role::Used),
    // Mistral: "Prompt contains 140000 tokens ..., too large for model with 131072 maximum context
    // length".
    ("prompt contains ", Role::Used),
    ("model with ", Role::Bound),
    // Gemini: "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)".
    ("input token count ", Role::Used),
    ("number of tokens allowed ", Role::Limit),
    // Copilot: "prompt token count of 514673 exceeds the limit of 128000".
    ("token count of ", Role::Used),
    ("exceeds the limit of ", Role::Bound),
    // Cerebras: "Current length is 9000 while limit is 8192".
    ("current length is ", Role::Used),
    ("while limit is ", Role::Bound),
    // llama.cpp, Ollama: "request (17993 tokens) exceeds the available context size (16384 tokens)";
    // its Python server: "Requested tokens (2285) exceed context window of 2048".
    ("request ", Role::Used),
    ("context size ", Role::Limit),
    ("context window of ", Role::Limit),
    // Cohere: "total number of tokens in the prompt cannot exceed 4081 - received 4292".
    ("tokens in the prompt cannot exceed ", Role::Limit),
    (" received ", Role::Used),
    // OpenAI, Groq: "Limit 6000, Requested 9345" and "Limit 7000, Used 0, Requested ~12903".
    ("limit ", Role::Allowance),
    ("limit: ", Role::Allowance),
    ("requested ", Role::Requested),
];
