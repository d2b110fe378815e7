//! Calls of every kind from a seed: the generator of `data/litellm_costs.py`, number for number.

use agent_primitives::{Timestamp, TokenUsage};
use agent_telemetry::{Consumption, Item, PriceTier};

use crate::map::{READ, Raw};

pub(crate) struct Calls<'a> {
    names: Vec<&'a String>,
    state: u64,
}

pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) tier: PriceTier,
    pub(crate) at: Timestamp,
    pub(crate) consumption: Consumption,
}

const TIERS: [PriceTier; 6] = [
    PriceTier::Standard,
    PriceTier::Batch,
    PriceTier::Flex,
    PriceTier::Priority,
    PriceTier::Balanced,
    PriceTier::Ultrafast,
];

const EDGES: [u64; 9] = [
    1, 32_000, 100_000, 128_000, 200_000, 256_000, 272_000, 512_000, 1_000_000,
];

impl<'a> Calls<'a> {
    pub(crate) fn new(raw: &'a Raw) -> Self {
        Self {
            names: raw.keys().collect(),
            state: 20_261_120,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = self.state;
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }

    fn part(&mut self, left: u64, one_in: u64) -> u64 {
        if self.below(one_in) == 0 {
            self.below(left + 1)
        } else {
            0
        }
    }

    pub(crate) fn next(&mut self) -> Call<'a> {
        let name = self.index(self.names.len());
        let name = self.names[name].as_str();
        let tier = TIERS[self.index(TIERS.len())];
        let after = i64::try_from(self.below(14 * 86_400)).unwrap();
        let prompt = if self.below(2) == 0 {
            EDGES[self.index(EDGES.len())] + self.below(3)
        } else {
            self.below(1_200_000)
        };
        let mut left = prompt;
        let [read, write, hour, half_day, audio, image, video] =
            [2, 3, 3, 6, 6, 10, 10].map(|one_in| {
                let part = self.part(left, one_in);
                left -= part;
                part
            });
        let read_audio = self.part(read, 5);
        let output = self.below(100_000);
        let mut rest = output;
        let [reasoning, audio_out, image_out, video_out] = [2, 10, 10, 10].map(|one_in| {
            let part = self.part(rest, one_in);
            rest -= part;
            part
        });
        let usage = TokenUsage::new(left + audio + image + video, output)
            .with_cache_read(read)
            .with_cache_write_5m(write)
            .with_cache_write_1h(hour)
            .with_reasoning(reasoning)
            .unwrap();
        let consumption = Consumption::new(usage)
            .tokens(Item::CacheWrite12h, half_day)
            .tokens(Item::InputAudio, audio)
            .tokens(Item::InputImageToken, image)
            .tokens(Item::InputVideoToken, video)
            .tokens(Item::OutputAudio, audio_out)
            .tokens(Item::OutputImageToken, image_out)
            .tokens(Item::OutputVideoToken, video_out)
            .tokens(Item::CacheReadAudio, read_audio)
            .tier(tier);
        assert_eq!(consumption.prompt_tokens(), prompt);
        Call {
            name,
            tier,
            at: Timestamp::from_unix_seconds(READ.unix_seconds() + after),
            consumption,
        }
    }
}
