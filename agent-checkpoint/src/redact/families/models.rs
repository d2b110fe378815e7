//! Keys of those who serve models, and of what agents use beside them.

use crate::redact::bytes::Set;
use crate::redact::family::{Family, exactly, family, least, parts, random};

const W: Set = Set::WORD;
const A: Set = Set::ALNUM;
const X: Set = Set::HEX;

pub(super) const FAMILIES: &[Family] = &[
    family(
        "openai-key",
        "gitleaks openai-api-key",
        &[
            least("sk-proj-", W, 40),
            least("sk-svcacct-", W, 40),
            least("sk-admin-", W, 40),
            least("sk-None-", W, 40),
        ],
    ),
    family(
        "anthropic-key",
        "gitleaks anthropic-api-key, anthropic-admin-api-key",
        &[least("sk-ant-", W, 24)],
    ),
    family(
        "openrouter-key",
        "TruffleHog openrouter",
        &[least("sk-or-v1-", X, 48)],
    ),
    family(
        "langfuse-key",
        "TruffleHog langfuse",
        &[least("sk-lf-", W, 32)],
    ),
    // OpenAI's older keys, DeepSeek, Moonshot, Qwen, LiteLLM and many more begin so.
    family(
        "sk-key",
        "gitleaks openai-api-key; TruffleHog deepseek",
        &[random("sk-", W, 20)],
    ),
    family("groq-key", "TruffleHog groq", &[least("gsk_", A, 32)]),
    family("xai-key", "TruffleHog xai", &[least("xai-", W, 40)]),
    family(
        "huggingface-token",
        "gitleaks huggingface-access-token, huggingface-organization-api-token",
        &[least("hf_", A, 30), least("api_org_", A, 30)],
    ),
    family(
        "perplexity-key",
        "gitleaks perplexity-api-key",
        &[least("pplx-", A, 40)],
    ),
    family(
        "replicate-token",
        "TruffleHog replicate",
        &[least("r8_", W, 30)],
    ),
    family("nvidia-key", "TruffleHog nvapi", &[least("nvapi-", W, 40)]),
    family(
        "fireworks-key",
        "Kingfisher kingfisher.fireworks.1",
        &[random("fw_", A, 20)],
    ),
    family(
        "together-key",
        "TruffleHog togetherai",
        &[least("tgp_v1_", W, 38)],
    ),
    family(
        "cerebras-key",
        "Betterleaks cerebras-api-key",
        &[random("csk-", A, 40)],
    ),
    family(
        "langsmith-key",
        "TruffleHog langsmith",
        &[least("lsv2_pt_", W, 32), least("lsv2_sk_", W, 32)],
    ),
    family(
        "pinecone-key",
        "TruffleHog pinecone",
        &[least("pcsk_", W, 36)],
    ),
    family("tavily-key", "TruffleHog tavily", &[random("tvly-", W, 20)]),
    family(
        "firecrawl-key",
        "TruffleHog firecrawl",
        &[exactly("fc-", X, 32, 32)],
    ),
    family(
        "elevenlabs-key",
        "TruffleHog elevenlabs",
        &[exactly("sk_", X, 48, 48)],
    ),
    family("heygen-key", "TruffleHog heygen", &[least("sk_V2_", W, 32)]),
    family(
        "hex-key",
        "TruffleHog runwayml; E2B API keys",
        &[least("key_", X, 48), exactly("e2b_", X, 40, 40)],
    ),
    family(
        "apify-token",
        "TruffleHog apify",
        &[least("apify_api_", W, 30)],
    ),
    family(
        "resend-key",
        "TruffleHog resend",
        &[parts("re_", b'_', &[(A, 8), (A, 20)])],
    ),
];
