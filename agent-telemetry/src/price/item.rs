//! What is counted and priced: tokens of each kind, images, seconds, queries.

macro_rules! items {
    ($($(#[$doc:meta])* $variant:ident = $key:literal,)+) => {
        /// A thing that has a price of its own.
        ///
        /// The names are those of the LiteLLM price map; token items are per token, not per million.
        ///
        /// ```
        /// use agent_telemetry::Item;
        ///
        /// assert_eq!(Item::CacheRead.as_str(), "cache_read_input_token_cost");
        /// assert_eq!(Item::from_name("ocr_cost_per_page"), Some(Item::OcrPage));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Item {
            $($(#[$doc])* $variant,)+
        }

        impl Item {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The cost key without thresholds and tiers.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $key,)+
                }
            }

            /// The item that a cost key without thresholds and tiers names.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($key => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

items! {
    /// Input outside any cache.
    Input = "input_cost_per_token",
    /// Output; reasoning and other kinds of output too, unless they have a price of their own.
    Output = "output_cost_per_token",
    /// Input read from a cache.
    CacheRead = "cache_read_input_token_cost",
    /// Input written to a cache that lives five minutes, or the provider's usual time.
    CacheWrite = "cache_creation_input_token_cost",
    /// Input written to a cache that lives an hour.
    CacheWrite1h = "cache_creation_input_token_cost_above_1hr",
    /// Input written to a cache that lives twelve hours.
    CacheWrite12h = "cache_creation_input_token_cost_above_12hr",
    /// The part of the output that was reasoning.
    Reasoning = "output_cost_per_reasoning_token",
    /// Audio input.
    InputAudio = "input_cost_per_audio_token",
    /// Image input, by token.
    InputImageToken = "input_cost_per_image_token",
    /// Video input, by token.
    InputVideoToken = "input_cost_per_video_token",
    /// Audio output.
    OutputAudio = "output_cost_per_audio_token",
    /// Image output, by token.
    OutputImageToken = "output_cost_per_image_token",
    /// Video output, by token.
    OutputVideoToken = "output_cost_per_video_token",
    /// Audio input read from a cache.
    CacheReadAudio = "cache_read_input_audio_token_cost",
    /// Image input read from a cache.
    CacheReadImage = "cache_read_input_image_token_cost",
    /// Audio input written to a cache.
    CacheWriteAudio = "cache_creation_input_audio_token_cost",
    /// Input read from a cache that the caller made by name.
    CacheReadExplicit = "explicit_cache_read_input_token_cost",
    /// Older name of [`Item::CacheRead`], which comes first where both are given.
    CacheHit = "input_cost_per_token_cache_hit",
    /// Tokens of citations that a search model read.
    Citation = "citation_cost_per_token",
    /// A character of input.
    InputCharacter = "input_cost_per_character",
    /// A character of output.
    OutputCharacter = "output_cost_per_character",
    /// An image of input.
    InputImage = "input_cost_per_image",
    /// An image of output.
    OutputImage = "output_cost_per_image",
    /// An image of output of half a kilopixel a side.
    OutputImage0_5K = "output_cost_per_image_0.5K",
    /// An image of output of one kilopixel a side.
    OutputImage1K = "output_cost_per_image_1K",
    /// An image of output of two kilopixels a side.
    OutputImage2K = "output_cost_per_image_2K",
    /// An image of output of four kilopixels a side.
    OutputImage4K = "output_cost_per_image_4K",
    /// An object of output at resolution 512.
    OutputImage512 = "output_cost_per_image_512",
    /// An object of output at resolution 1024.
    OutputImage1024 = "output_cost_per_image_1024",
    /// An object of output at resolution 1536.
    OutputImage1536 = "output_cost_per_image_1536",
    /// A pixel of input.
    InputPixel = "input_cost_per_pixel",
    /// A pixel of output.
    OutputPixel = "output_cost_per_pixel",
    /// A second of input, or of a reserved unit's time.
    InputSecond = "input_cost_per_second",
    /// A second of output.
    OutputSecond = "output_cost_per_second",
    /// A second of output at 480 lines.
    OutputSecond480p = "output_cost_per_second_480p",
    /// A second of output at 720 lines.
    OutputSecond720p = "output_cost_per_second_720p",
    /// A second of output at 768 lines.
    OutputSecond768p = "output_cost_per_second_768p",
    /// A second of output at 1080 lines.
    OutputSecond1080p = "output_cost_per_second_1080p",
    /// A second of output at 2K.
    OutputSecond2k = "output_cost_per_second_2k",
    /// A second of output at 4K.
    OutputSecond4k = "output_cost_per_second_4k",
    /// A second of a reserved model unit.
    Second = "cost_per_second",
    /// A second of audio input.
    InputAudioSecond = "input_cost_per_audio_per_second",
    /// A second of video input.
    InputVideoSecond = "input_cost_per_video_per_second",
    /// A second of video input, where an embedding is made every 8 to 15 seconds.
    InputVideoSecondAbove8s = "input_cost_per_video_per_second_above_8s_interval",
    /// A second of video input, where an embedding is made every 15 seconds or less often.
    InputVideoSecondAbove15s = "input_cost_per_video_per_second_above_15s_interval",
    /// A second of video output.
    OutputVideoSecond = "output_cost_per_video_per_second",
    /// A query, such as one to a reranker.
    Query = "input_cost_per_query",
    /// A request, whatever its size.
    Request = "input_cost_per_request",
    /// A text message in a voice session.
    TextMessage = "input_cost_per_text_message",
    /// A page that was read.
    OcrPage = "ocr_cost_per_page",
    /// A credit of a reading service.
    OcrCredit = "ocr_cost_per_credit",
    /// A page that was annotated.
    AnnotationPage = "annotation_cost_per_page",
    /// A session of a code interpreter.
    CodeInterpreterSession = "code_interpreter_cost_per_session",
    /// A thousand input tokens of computer use.
    ComputerUseInput1k = "computer_use_input_cost_per_1k_tokens",
    /// A thousand output tokens of computer use.
    ComputerUseOutput1k = "computer_use_output_cost_per_1k_tokens",
    /// A thousand file searches.
    FileSearch1k = "file_search_cost_per_1k_calls",
    /// A gigabyte of file search storage for a day.
    FileSearchGbDay = "file_search_cost_per_gb_per_day",
    /// A gigabyte of vector store for a day.
    VectorStoreGbDay = "vector_store_cost_per_gb_per_day",
    /// An answer grounded in a map service.
    MapsQuery = "google_maps_grounding_cost_per_query",
    /// A web search with little context.
    WebSearchLow = "search_context_size_low",
    /// A web search with the usual context.
    WebSearch = "search_context_size_medium",
    /// A web search with much context.
    WebSearchHigh = "search_context_size_high",
    /// A unit of a guardrail's content policy.
    GuardrailContent = "contentPolicyUnits",
    /// A unit of a guardrail's content policy for images.
    GuardrailImage = "contentPolicyImageUnits",
    /// A unit of a guardrail's topic policy.
    GuardrailTopic = "topicPolicyUnits",
    /// A unit of a guardrail's word policy.
    GuardrailWord = "wordPolicyUnits",
    /// A unit of a guardrail's policy for sensitive information.
    GuardrailSensitive = "sensitiveInformationPolicyUnits",
    /// A unit of a guardrail's policy for sensitive information that is free.
    GuardrailSensitiveFree = "sensitiveInformationPolicyFreeUnits",
    /// A unit of a guardrail's grounding policy.
    GuardrailGrounding = "contextualGroundingPolicyUnits",
    /// A unit of a guardrail's automated reasoning policy.
    GuardrailReasoning = "automatedReasoningPolicyUnits",
}

impl Item {
    /// The item whose price holds where a size or resolution has none of its own.
    pub(super) const fn general(self) -> Option<Self> {
        match self {
            Self::OutputImage0_5K
            | Self::OutputImage1K
            | Self::OutputImage2K
            | Self::OutputImage4K
            | Self::OutputImage512
            | Self::OutputImage1024
            | Self::OutputImage1536 => Some(Self::OutputImage),
            Self::OutputSecond480p
            | Self::OutputSecond720p
            | Self::OutputSecond768p
            | Self::OutputSecond1080p
            | Self::OutputSecond2k
            | Self::OutputSecond4k => Some(Self::OutputSecond),
            _ => None,
        }
    }

    /// Whether it is counted in tokens, of which [`Consumption`](crate::Consumption) knows the number.
    pub fn is_token(self) -> bool {
        super::rule::TOKEN_ITEMS.contains(&self) || self == Self::CacheHit
    }
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
