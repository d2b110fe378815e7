"""Has LiteLLM compute the costs that `published.rs` compares with.

pip install litellm==1.109.1
python litellm_costs.py MAP COUNT > COSTS

Prints one line for each call: the cost in dollars as Python writes it, or the kind of error. The calls
come from the same generator as in `calls.rs`. Only the arithmetic is run; nothing is sent anywhere.
"""

import json
import logging
import os
import sys
from datetime import datetime, timezone

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from litellm.cost_calculator import batch_cost_calculator  # noqa: E402
from litellm.litellm_core_utils.llm_cost_calc.utils import generic_cost_per_token  # noqa: E402
from litellm.types.utils import (  # noqa: E402
    CacheCreationTokenDetails,
    CompletionTokensDetailsWrapper,
    PromptTokensDetailsWrapper,
    Usage,
)

logging.disable(logging.CRITICAL)

MASK = 2**64 - 1
TIERS = ["standard", "batch", "flex", "priority", "balanced", "ultrafast"]
EDGES = [1, 32_000, 100_000, 128_000, 200_000, 256_000, 272_000, 512_000, 1_000_000]


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % bound

    def part(self, left, one_in):
        """Some of what is left, one time of so many."""
        return self.below(left + 1) if self.below(one_in) == 0 else 0


def call(random, names):
    name = names[random.below(len(names))]
    tier = TIERS[random.below(len(TIERS))]
    at = 1_795_132_800 + random.below(14 * 86_400)
    prompt = EDGES[random.below(len(EDGES))] + random.below(3) if random.below(2) == 0 else random.below(1_200_000)
    left = prompt
    parts = []
    for one_in in [2, 3, 3, 6, 6, 10, 10]:
        part = random.part(left, one_in)
        left -= part
        parts.append(part)
    read_audio = random.part(parts[0], 5)
    output = random.below(100_000)
    rest = output
    outputs = []
    for one_in in [2, 10, 10, 10]:
        part = random.part(rest, one_in)
        rest -= part
        outputs.append(part)
    return name, tier, at, prompt, parts, read_audio, output, outputs


def cost(entry, name, tier, at, prompt, parts, read_audio, output, outputs):
    read, write_5m, write_1h, write_12h, audio, image, video = parts
    reasoning, audio_out, image_out, video_out = outputs
    usage = Usage(
        prompt_tokens=prompt,
        completion_tokens=output,
        total_tokens=prompt + output,
        prompt_tokens_details=PromptTokensDetailsWrapper(
            cached_tokens=read,
            cached_tokens_details={"audio_tokens": read_audio},
            cache_creation_tokens=write_5m + write_1h + write_12h,
            cache_creation_token_details=CacheCreationTokenDetails(
                ephemeral_5m_input_tokens=write_5m,
                ephemeral_1h_input_tokens=write_1h,
                ephemeral_12h_input_tokens=write_12h,
            ),
            audio_tokens=audio + read_audio,
            image_tokens=image,
            video_tokens=video,
        ),
        completion_tokens_details=CompletionTokensDetailsWrapper(
            reasoning_tokens=reasoning,
            audio_tokens=audio_out,
            image_tokens=image_out,
            video_tokens=video_out,
        ),
    )
    provider = entry.get("litellm_provider")
    if tier == "batch":
        # Only xAI's thresholds depend on the provider here; some others would have LiteLLM log in.
        provider = "xai" if provider == "xai" else "openai"
        return sum(batch_cost_calculator(usage, name, provider, model_info=dict(entry)))
    return sum(
        generic_cost_per_token(
            model=name,
            usage=usage,
            custom_llm_provider=provider,
            service_tier=None if tier == "standard" else tier,
            model_info=dict(entry),
            current_time=datetime.fromtimestamp(at, timezone.utc),
        )
    )


def main():
    with open(sys.argv[1]) as file:
        models = json.load(file)
    names = sorted(set(models) - {"sample_spec", "fallback_generalizations"}, key=str.encode)
    random = SplitMix(20261120)
    for _ in range(int(sys.argv[2])):
        name, *rest = call(random, names)
        try:
            print(repr(cost(models[name], name, *rest)))
        except Exception as error:  # noqa: BLE001
            print(type(error).__name__)


main()
