//! What input and output mean, whoever says them.

use super::*;

/// Uncached input, read, written, output, reasoning.
type Buckets = (u64, u64, u64, u64, u64);

/// The tokens of a call, and whether input and output were noted to be told without a part of theirs.
fn usage(text: &str) -> (Buckets, (bool, bool)) {
    let text = format!("gen_ai.operation.name=chat {text}");
    let (recognised, seen) = span("", &span_of("x", &text));
    let Recognised::Known(_, notes) = recognised else {
        panic!("known")
    };
    let it = calls(&seen)[0].usage.unwrap();
    let told = (
        it.input(),
        it.cache_read(),
        it.cache_write(),
        it.output(),
        it.reasoning(),
    );
    (told, (notes.exclusive_input, notes.exclusive_output))
}

const KEPT: (bool, bool) = (false, false);

#[test]
fn langfuse_12306_pydantic_ai_counts_cached_tokens_within_the_input() {
    for text in [
        "gen_ai.usage.input_tokens=130213 gen_ai.usage.cache_read_tokens=128955 gen_ai.usage.cache_write_tokens=1253 gen_ai.usage.output_tokens=40",
        "gen_ai.usage.input_tokens=130213 gen_ai.usage.details.cache_read_tokens=128955 gen_ai.usage.details.cache_write_tokens=1253 gen_ai.usage.output_tokens=40",
    ] {
        assert_eq!(usage(text), ((5, 128_955, 1_253, 40, 0), KEPT));
    }
}

#[test]
fn langfuse_10592_cached_tokens_of_openrouter_are_within_the_input() {
    let text = "gen_ai.usage.input_tokens=17903 gen_ai.usage.input_cached_tokens=17817 gen_ai.usage.output_tokens=9";
    assert_eq!(usage(text), ((86, 17_817, 0, 9, 0), KEPT));
}

#[test]
fn langfuse_13724_more_cached_tokens_than_input_are_beside_it_and_input_is_not_zero() {
    let text = "gen_ai.usage.input_tokens=4 gen_ai.usage.cache_read.input_tokens=20100 gen_ai.usage.output_tokens=9";
    assert_eq!(usage(text), ((4, 20_100, 0, 9, 0), (true, false)));
    // An ordinary hit, where nothing contradicts itself: the total alone tells it.
    let text = "gen_ai.usage.input_tokens=5000 gen_ai.usage.cache_read.input_tokens=1000 gen_ai.usage.output_tokens=100";
    assert_eq!(
        usage(&format!("{text} gen_ai.usage.total_tokens=6100")),
        ((5_000, 1_000, 0, 100, 0), (true, false))
    );
    assert_eq!(
        usage(&format!("{text} gen_ai.usage.total_tokens=5100")),
        ((4_000, 1_000, 0, 100, 0), KEPT)
    );
    assert_eq!(usage(text), ((4_000, 1_000, 0, 100, 0), KEPT));
}

#[test]
fn langfuse_12635_cached_tokens_are_told_apart_so_that_they_have_their_own_price() {
    let text = "gen_ai.usage.input_tokens=2500 gen_ai.usage.cache_read_input_tokens=41000 gen_ai.usage.cache_creation_input_tokens=785 gen_ai.usage.output_tokens=9";
    assert_eq!(usage(text), ((2_500, 41_000, 785, 9, 0), (true, false)));
}

/// latitude-llm#4346: both keys, without a total.
#[test]
fn input_without_cached_tokens_under_the_key_of_the_conventions_is_not_taken_to_nothing() {
    let text = "input_tokens=2 gen_ai.usage.input_tokens=2 gen_ai.usage.cache_read.input_tokens=129017 gen_ai.usage.output_tokens=9";
    assert_eq!(usage(text), ((2, 129_017, 0, 9, 0), (true, false)));
}

#[test]
fn cache_that_is_read_and_written_at_once_is_beside_an_input_that_cannot_hold_both() {
    let text = "gen_ai.usage.input_tokens=100 gen_ai.usage.cache_read.input_tokens=80 gen_ai.usage.cache_creation.input_tokens=60 gen_ai.usage.output_tokens=1";
    assert_eq!(usage(text), ((100, 80, 60, 1, 0), (true, false)));
    let text = "gen_ai.usage.input_tokens=140 gen_ai.usage.cache_read.input_tokens=80 gen_ai.usage.cache_write.input_tokens=60 gen_ai.usage.output_tokens=1";
    assert_eq!(usage(text), ((0, 80, 60, 1, 0), KEPT));
}

#[test]
fn reasoning_is_within_the_output_unless_that_cannot_be() {
    let base = "gen_ai.usage.input_tokens=10 gen_ai.usage.output_tokens=50 gen_ai.usage.reasoning.output_tokens";
    assert_eq!(usage(&format!("{base}=30")), ((10, 0, 0, 50, 30), KEPT));
    assert_eq!(
        usage(&format!("{base}=70")),
        ((10, 0, 0, 120, 70), (false, true))
    );
    assert_eq!(
        usage(&format!("{base}=30 gen_ai.usage.total_tokens=90")),
        ((10, 0, 0, 80, 30), (false, true))
    );
    assert_eq!(
        usage(&format!("{base}=30 gen_ai.usage.total_tokens=60")),
        ((10, 0, 0, 50, 30), KEPT)
    );
}

#[test]
fn total_that_fits_nothing_tells_nothing() {
    let text = "gen_ai.usage.input_tokens=10 gen_ai.usage.cache_read.input_tokens=4 gen_ai.usage.output_tokens=5 gen_ai.usage.total_tokens";
    for total in ["7", "999", "0"] {
        assert_eq!(
            usage(&format!("{text}={total}")),
            ((6, 4, 0, 5, 0), KEPT),
            "{total}"
        );
    }
}

#[test]
fn huge_and_negative_figures_neither_wrap_nor_panic() {
    let max = i64::MAX;
    let text = format!(
        "gen_ai.usage.input_tokens={max} gen_ai.usage.cache_read.input_tokens={max} gen_ai.usage.cache_write.input_tokens={max} gen_ai.usage.output_tokens={max} gen_ai.usage.reasoning.output_tokens={max} gen_ai.usage.total_tokens={max}"
    );
    let most = u64::try_from(max).unwrap();
    assert_eq!(usage(&text).0, (most, most, most, most, most));
    let text = "gen_ai.usage.input_tokens=-5 gen_ai.usage.output_tokens=3 gen_ai.usage.cache_read.input_tokens=-9";
    assert_eq!(usage(text), ((0, 0, 0, 3, 0), KEPT));
}

#[test]
fn claude_code_counts_input_without_the_cache_even_where_it_is_the_larger_one() {
    let (_, seen) = event(
        "service.name=claude-code",
        "claude_code.api_request",
        "model=m input_tokens=5000 cache_read_tokens=1000 cache_creation_tokens=10 output_tokens=7",
    );
    let it = calls(&seen)[0].usage.unwrap();
    assert_eq!(
        (it.input(), it.cache_read(), it.cache_write(), it.output()),
        (5_000, 1_000, 10, 7)
    );
}

#[test]
fn gemini_counts_thoughts_and_results_of_tools_beside() {
    let (_, seen) = event(
        "service.name=gemini-cli",
        "gemini_cli.api_response",
        "model=m input_token_count=100 cached_content_token_count=60 output_token_count=20 thoughts_token_count=30 tool_token_count=7 total_token_count=157",
    );
    let it = calls(&seen)[0].usage.unwrap();
    assert_eq!(
        (it.input(), it.cache_read(), it.output(), it.reasoning()),
        (47, 60, 50, 30)
    );
    assert_eq!(it.total(), 157, "as Gemini adds it up");
}

#[test]
fn one_request_has_one_usage_whichever_convention_tells_it() {
    let resource = "service.name=bot";
    let told = [
        event("service.name=claude-code", "claude_code.api_request", "model=m input_tokens=20 cache_read_tokens=70 cache_creation_tokens=10 output_tokens=50").1,
        event(resource, "codex.sse_event", "model=m event.kind=response.completed input_token_count=100 cached_token_count=70 cache_write_token_count=10 output_token_count=50").1,
        event("service.name=gemini-cli", "gemini_cli.api_response", "model=m input_token_count=90 cached_content_token_count=70 output_token_count=50").1,
        span(resource, &span_of("x", "gen_ai.operation.name=chat gen_ai.usage.input_tokens=100 gen_ai.usage.cache_read.input_tokens=70 gen_ai.usage.cache_write.input_tokens=10 gen_ai.usage.output_tokens=50")).1,
        span(resource, &span_of("x", "openinference.span.kind=LLM llm.token_count.prompt=100 llm.token_count.prompt_details.cache_read=70 llm.token_count.prompt_details.cache_write=10 llm.token_count.completion=50")).1,
        span(resource, &span_of("x", "llm.request.type=chat gen_ai.usage.prompt_tokens=100 gen_ai.usage.cache_read_input_tokens=70 gen_ai.usage.cache_creation_input_tokens=10 gen_ai.usage.completion_tokens=50")).1,
    ];
    for (place, seen) in told.iter().enumerate() {
        let it = calls(seen)[0].usage.unwrap();
        // Gemini does not tell of writes.
        let write = if place == 2 { 0 } else { 10 };
        assert_eq!(
            (it.input(), it.cache_read(), it.cache_write(), it.output()),
            (20, 70, write, 50),
            "{place}"
        );
    }
}
