"""Makes up a day of an agent CLI: what the SDKs are to play, and the truth about it. `day.py SEED > day.json`

The day is a list of steps that every sender plays in the same order with its own SDK. The truth does not come from
an SDK: it is added up here, in integers.

What is told by several channels is in the truth once. Sessions differ in who tells:
  metrics  counters alone, so there are tokens and money, and no calls
  events   log records alone
  all      counters, log records and spans tell the same requests
  twins    two processes whose resources are equal, told apart by nothing but the start of their streams
  genai    spans and the histogram of tokens tell the same requests
  old      spans with names of before 2025
  counters the counters of 2026, whose input includes the cache
  nobody   a histogram of tokens with no session: counted under the service's instance
"""

import json
import random
import sys

EVENTS = "com.anthropic.claude_code.events"
METRICS = "com.anthropic.claude_code"
SPANS = "com.anthropic.claude_code.tracing"
GENAI = "peers.instrumentation.genai"
TOOLS = ["Bash", "Read", "Edit", "Grep"]
CLAUDE = ["claude-sonnet-4-5-20250929", "claude-opus-4-1-20250805"]
OPENAI = ["gpt-5-mini-2025-08-07", "gpt-5-2025-08-07"]
BUCKETS = ["input", "cache_read", "cache_write", "output", "reasoning"]
PICOS_PER_MICRO = 1_000_000


class Truth:
    """Sums by session and model, and by session and tool."""

    def __init__(self):
        self.sessions = {}

    def session(self, name):
        return self.sessions.setdefault(name, {"models": {}, "tools": {}, "metrics": {}})

    def model(self, session, model):
        empty = dict.fromkeys(["calls", "failed", *BUCKETS, "cost_picos", "cost_tolerance_picos"], 0)
        return self.session(session)["models"].setdefault(model, empty)

    def use(self, session, model, usage, cost_picos=0, calls=0):
        sums = self.model(session, model)
        sums["calls"] += calls
        sums["cost_picos"] += cost_picos
        for bucket, tokens in usage.items():
            sums[bucket] += tokens

    def tool(self, session, tool, ok):
        sums = self.session(session)["tools"].setdefault(tool, {"ok": 0, "failed": 0})
        sums["ok" if ok else "failed"] += 1

    def measured(self, session, name, value, adds):
        metrics = self.session(session)["metrics"]
        kind = "sum" if adds else "last"
        before = metrics.get(name, {kind: 0})[kind]
        metrics[name] = {kind: before + value if adds else value}


class Day:
    def __init__(self, seed):
        self.seed = seed
        self.random = random.Random(seed)
        self.truth = Truth()
        self.steps = []
        self.canary = f"canary{seed}"
        self.ids = 0
        self.sequences = {}

    def id(self, prefix):
        self.ids += 1
        return f"{prefix}_{self.seed:04}{self.ids:06}"

    def session_name(self, name):
        return f"day{self.seed}-{name}"

    # What senders do.

    def start(self, process, service, instance, histograms="explicit", **more):
        resource = {"service.name": service, "service.version": "2.1.300", "service.instance.id": instance, **more}
        resource |= {"os.type": "linux", "host.arch": "amd64"}
        self.steps.append({"do": "start", "process": process, "resource": resource, "histograms": histograms})

    def measure(self, process, scope, kind, number, name, unit, value, attributes, within=None):
        """Within a span an SDK may add the value as an example: it is in the sum already."""
        self.steps.append(
            {"do": "measure", "process": process, "scope": scope, "kind": kind, "number": number, "name": name}
            | {"unit": unit, "value": value, "attributes": attributes, "within": within}
        )

    def genai_log(self, process, name, attributes, within):
        """An event whose name is where it belongs by now."""
        self.steps.append(
            {"do": "log", "process": process, "scope": GENAI, "event": name, "body": None}
            | {"attributes": attributes, "within": within}
        )

    def log(self, process, session, name, attributes, within=None):
        number = self.sequences.get((process, session), 0)
        self.sequences[(process, session)] = number + 1
        attributes = self.standard(session) | {"event.name": name, "event.sequence": number} | attributes
        attributes["event.timestamp"] = "$now"
        self.steps.append(
            {"do": "log", "process": process, "scope": EVENTS, "event": None, "body": f"claude_code.{name}"}
            | {"attributes": attributes, "within": within}
        )

    def span(self, process, scope, name, kind, attributes, parent=None, lasts_ms=None, error=None):
        """A span that has ended where `lasts_ms` is given; else `end` ends it."""
        span = self.id("span")
        self.steps.append(
            {"do": "span", "process": process, "scope": scope, "id": span, "name": name, "kind": kind}
            | {"attributes": attributes, "parent": parent, "lasts_ms": lasts_ms, "error": error}
        )
        return span

    def end(self, process, span, attributes):
        self.steps.append({"do": "end", "process": process, "id": span, "attributes": attributes})

    def wait(self):
        """Streams of the SDK for JavaScript begin and end at whole milliseconds. One that began in the millisecond of
        its first collection has an unknown start, and two that began in one cannot be told apart: no receiver can
        know what was added. Days here have none of these."""
        self.steps.append({"do": "wait", "process": None, "ms": 2})

    def flush(self, process):
        self.wait()
        signals = ["metrics", "logs", "traces"]
        self.random.shuffle(signals)
        self.steps.append({"do": "flush", "process": process, "signals": signals})

    def stop(self, process):
        self.wait()
        self.steps.append({"do": "stop", "process": process})
        for key in [key for key in self.sequences if key[0] == process]:
            del self.sequences[key]

    # What happens in a session.

    def standard(self, session):
        """What an agent CLI says with everything. The address must never be found on a disk."""
        return {
            "session.id": session,
            "user.id": "7f" * 32,
            "user.email": f"{self.canary}@peers.example",
            "organization.id": "00000000-0000-4000-8000-000000000000",
            "terminal.type": "xterm",
            "team.name": 'Zoë\u2019s "crew" \U0001f680\n',
        }

    def usage(self, reasoning=False):
        usage = {
            "input": self.random.randrange(1, 3_000),
            "cache_read": self.random.choice([0, self.random.randrange(1, 180_000)]),
            "cache_write": self.random.choice([0, self.random.randrange(1, 20_000)]),
            "output": self.random.randrange(1, 4_000),
        }
        if reasoning:
            usage["reasoning"] = self.random.randrange(0, usage["output"] + 1)
        return usage

    def claude_metrics(self, process, session, model, usage, cost_picos):
        named = {"model": model, "query_source": self.random.choice(["main", "subagent"])}
        kinds = {"input": "input", "output": "output", "cache_read": "cacheRead", "cache_write": "cacheCreation"}
        for bucket, kind in kinds.items():
            if usage[bucket]:
                attributes = self.standard(session) | named | {"type": kind}
                self.measure(
                    process, METRICS, "counter", "int", "claude_code.token.usage", "tokens", usage[bucket], attributes
                )
        # The nearest double of an exact amount: the truth stays exact.
        dollars = cost_picos / 1e12
        attributes = self.standard(session) | named
        self.measure(process, METRICS, "counter", "double", "claude_code.cost.usage", "USD", dollars, attributes)

    def told_by_metrics(self, process, session):
        self.wait()
        model = self.random.choice(CLAUDE)
        usage = self.usage()
        # Not whole micro-dollars: one cached token costs less than one.
        cost = self.random.randrange(1, 3_000_000) * 100_000
        shown = model + self.random.choice(["", "[1m]"])
        self.claude_metrics(process, session, shown, usage, cost)
        self.truth.use(session, model, usage, cost)
        # Doubles are added up and rounded on their way: one pico-dollar for each that was added.
        self.truth.model(session, model)["cost_tolerance_picos"] += 1

    def told_by_events(self, process, session, everything=False):
        model = self.random.choice(CLAUDE)
        if not everything and self.random.random() < 0.1:
            self.log(
                process,
                session,
                "api_error",
                {"model": model, "error": f"Overloaded {self.canary}", "status_code": 529, "duration_ms": 61_000}
                | {"attempt": 11, "client_request_id": self.id("client")},
            )
            self.truth.model(session, model)["failed"] += 1
            return
        usage, request = self.usage(), self.id("req")
        micros = self.random.randrange(1, 900_000)
        tokens = {
            "input_tokens": usage["input"],
            "output_tokens": usage["output"],
            "cache_read_tokens": usage["cache_read"],
            "cache_creation_tokens": usage["cache_write"],
            "request_id": request,
            "duration_ms": self.random.randrange(300, 9_000),
        }
        costs = {"cost_usd": micros / 1e6, "cost_usd_micros": micros}
        within = None
        if everything:
            self.claude_metrics(
                process, session, model + self.random.choice(["", "[1m]"]), usage, micros * PICOS_PER_MICRO
            )
            within = self.span(
                process,
                SPANS,
                "claude_code.llm_request",
                "internal",
                self.standard(session)
                | {"span.type": "llm_request", "model": model, "ttft_ms": 250, "attempt": 1, "success": True}
                | tokens,
                lasts_ms=tokens["duration_ms"],
            )
            self.truth.model(session, model)["cost_tolerance_picos"] += 1
        within = self.random.choice([within, None])
        self.log(
            process, session, "api_request", {"model": model, "query_source": "repl_main_thread"} | tokens | costs, within
        )
        self.truth.use(session, model, usage, micros * PICOS_PER_MICRO, calls=1)

    def tool_by_events(self, process, session, everything=False):
        tool, ok, call = self.random.choice(TOOLS), self.random.random() < 0.8, self.id("toolu")
        duration = self.random.randrange(1, 4_000)
        if everything:
            self.span(
                process,
                SPANS,
                "claude_code.tool",
                "internal",
                self.standard(session)
                | {"span.type": "tool", "tool_name": tool, "tool_use_id": call, "duration_ms": duration, "success": ok},
                lasts_ms=duration,
            )
        self.log(
            process,
            session,
            "tool_result",
            {"tool_name": tool, "tool_use_id": call, "success": "true" if ok else "false", "duration_ms": duration}
            | {"tool_input": json.dumps({"command": f"echo {self.canary}"}), "tool_result_size_bytes": 120},
        )
        self.truth.tool(session, tool, ok)

    def prompt(self, process, session):
        self.log(process, session, "user_prompt", {"prompt_length": 20, "prompt": f"what is {self.canary}?"})

    def genai_histogram(self, process, named, inclusive, output, within=None):
        for kind, tokens in (("input", inclusive), ("output", output)):
            attributes = named | {"gen_ai.token.type": kind}
            self.measure(
                process, GENAI, "histogram", "int", "gen_ai.client.token.usage", "{token}", tokens, attributes, within
            )

    def genai_turn(self, process, session):
        """An agent's turn: some requests and what tools they asked for, below one span."""
        agent = self.span(
            process,
            GENAI,
            "invoke_agent researcher",
            "internal",
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher", "gen_ai.conversation.id": session},
        )
        for _ in range(self.random.randrange(1, 4)):
            model = self.random.choice(OPENAI)
            named = {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": model,
                "gen_ai.response.model": model,
            }
            of_session = {"gen_ai.conversation.id": session}
            lasts = self.random.randrange(200, 9_000)
            if self.random.random() < 0.1:
                error = {"error.type": "timeout"}
                self.span(process, GENAI, f"chat {model}", "client", named | of_session | error, agent, lasts, "timeout")
                self.truth.model(session, model)["failed"] += 1
                continue
            usage = self.usage(reasoning=True)
            inclusive = usage["input"] + usage["cache_read"] + usage["cache_write"]
            told = {
                "gen_ai.response.id": self.id("resp"),
                "gen_ai.response.finish_reasons": ["stop"],
                "gen_ai.usage.input_tokens": inclusive,
                "gen_ai.usage.output_tokens": usage["output"],
                "gen_ai.usage.cache_read.input_tokens": usage["cache_read"],
                "gen_ai.usage.cache_creation.input_tokens": usage["cache_write"],
                "gen_ai.usage.reasoning.output_tokens": usage["reasoning"],
            }
            messages = [{"role": "user", "parts": [{"type": "text", "content": self.canary}]}]
            written = {"gen_ai.input.messages": json.dumps(messages)}
            span = self.span(process, GENAI, f"chat {model}", "client", named | of_session | told | written, agent, lasts)
            if self.random.random() < 0.5:
                # The same call again, as an event whose attributes have a structure.
                name, more = "gen_ai.client.inference.operation.details", {"gen_ai.input.messages": messages}
                self.genai_log(process, name, named | of_session | told | more, span)
            self.genai_histogram(process, named | of_session, inclusive, usage["output"], span)
            self.measure(
                process,
                GENAI,
                "histogram",
                "double",
                "gen_ai.client.operation.duration",
                "s",
                lasts / 1e3,
                named | of_session,
            )
            self.truth.use(session, model, usage, calls=1)
            for _ in range(self.random.randrange(0, 3)):
                tool, ok = self.random.choice(TOOLS), self.random.random() < 0.8
                attributes = {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": tool,
                    "gen_ai.tool.call.id": self.id("call"),
                    "gen_ai.conversation.id": session,
                    "gen_ai.tool.call.arguments": json.dumps({"text": self.canary}),
                }
                error = None if ok else "tool_error"
                attributes |= {} if ok else {"error.type": error}
                self.span(process, GENAI, f"execute_tool {tool}", "internal", attributes, agent, 40, error)
                self.truth.tool(session, tool, ok)
        self.end(process, agent, {})

    def old_call(self, process, session):
        model, usage = self.random.choice(OPENAI), self.usage()
        attributes = {
            "gen_ai.system": "openai",
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.response.id": self.id("chatcmpl"),
            "gen_ai.usage.prompt_tokens": usage["input"],
            "gen_ai.usage.completion_tokens": usage["output"],
            "gen_ai.conversation.id": session,
        }
        self.span(process, GENAI, f"chat {model}", "client", attributes, lasts_ms=700)
        self.truth.use(session, model, {"input": usage["input"], "output": usage["output"]}, calls=1)

    def new_counters(self, process, session):
        model, usage = self.random.choice(OPENAI), self.usage(reasoning=True)
        named = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.token.modality": "text",
            "gen_ai.conversation.id": session,
        }
        amounts = {
            "input_tokens": usage["input"] + usage["cache_read"] + usage["cache_write"],
            "cache_read.input_tokens": usage["cache_read"],
            "cache_write.input_tokens": usage["cache_write"],
            "output_tokens": usage["output"],
            "reasoning.output_tokens": usage["reasoning"],
        }
        for name, tokens in amounts.items():
            self.measure(
                process, GENAI, "counter", "int", f"gen_ai.client.inference.usage.{name}", "{token}", tokens, named
            )
        self.truth.use(session, model, usage)

    def nobodys(self, process, instance):
        model, usage = self.random.choice(OPENAI), self.usage()
        named = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model}
        self.genai_histogram(process, named | {"gen_ai.response.model": model}, usage["input"], usage["output"])
        self.truth.use(instance, model, {"input": usage["input"], "output": usage["output"]})

    def own_metrics(self, process, session):
        """Of names that nobody knows: they are kept as they are."""
        up_down, level = self.random.randrange(-5, 6), self.random.randrange(0, 1_000) / 8
        attributes = {"session.id": session}
        self.measure(process, METRICS, "up_down_counter", "int", "peers.queue.waiting", "{task}", up_down, attributes)
        self.measure(process, METRICS, "gauge", "double", "peers.load", "1", level, attributes)
        self.truth.measured(session, "peers.queue.waiting", up_down, adds=True)
        self.truth.measured(session, "peers.load", level, adds=False)


def play(seed):
    day = Day(seed)
    name = day.session_name
    counted, told, both, twins = name("metrics"), name("events"), name("all"), name("twins")
    genai, old, counters = name("genai"), name("old"), name("counters")
    nobody = name("nobody")
    cli = "claude-code"
    one, two, twin = name("one"), name("two"), name("twin")

    day.start("one", cli, one)
    day.start("two", cli, two, histograms="exponential")
    day.start("twin-a", cli, twin)
    day.start("agent", "researcher", name("agent"))
    # The same resource again, a moment later.
    day.start("twin-b", cli, twin)
    day.start("nobody", "batch", nobody, histograms="exponential")
    works = [
        ("one", lambda: day.told_by_metrics("one", counted)),
        # Two processes in one session.
        ("two", lambda: day.told_by_metrics("two", counted)),
        ("twin-a", lambda: day.told_by_metrics("twin-a", twins)),
        ("twin-b", lambda: day.told_by_metrics("twin-b", twins)),
        ("two", lambda: day.told_by_events("two", told)),
        ("two", lambda: day.tool_by_events("two", told)),
        ("one", lambda: day.told_by_events("one", both, everything=True)),
        ("one", lambda: day.tool_by_events("one", both, everything=True)),
        ("one", lambda: day.prompt("one", both)),
        ("agent", lambda: day.genai_turn("agent", genai)),
        ("agent", lambda: day.old_call("agent", old)),
        ("two", lambda: day.new_counters("two", counters)),
        ("nobody", lambda: day.nobodys("nobody", nobody)),
        ("two", lambda: day.own_metrics("two", counted)),
    ]
    processes = ["one", "two", "twin-a", "twin-b", "agent", "nobody"]
    for part in range(3):
        # Each once, so that no kind is left out, and then as it comes.
        todo = works + day.random.choices(works, k=42)
        day.random.shuffle(todo)
        for index, (_, work) in enumerate(todo):
            work()
            if index % 12 == 11:
                day.flush(day.random.choice(processes))
        for process in processes:
            day.flush(process)
        if part == 0:
            # It ends and is started again, as the same service: counters begin anew.
            day.stop("one")
            day.start("one", cli, one)
    for process in processes:
        day.stop(process)
    return day


def main():
    day = play(int(sys.argv[1]))
    truth = {"seed": day.seed, "canary": day.canary, "sessions": day.truth.sessions}
    json.dump({"truth": truth, "steps": day.steps}, sys.stdout)


if __name__ == "__main__":
    main()
