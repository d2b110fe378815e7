"""Makes up a day of agents as records: `records.py SEED > records-00000001.jsonl`, as JsonlSink writes them.

Sessions interleave. Agents have subagents, in the same session and in others; some crash and go on; some began before
the day, and some have not ended. Times are multiples of 1/512 s, so that doubles hold their sums exactly, and no two
records have one time.
"""

import json
import random
import sys

TICK = 1_953_125
SECOND = 512
START = 1_795_132_800 * SECOND
MODELS = [("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5-mini"), ("groq", "openai/gpt-oss-120b")]
TOOLS = ["grep", "edit_file", "run_tests"]
FAILURES = ["rate_limited", "overloaded", "timeout", "auth"]
OUTCOMES = ["success", "escalated", "failed", "aborted"]
TASKS = ["bug_fix", "review", None]


def span(ticks):
    return {"secs": ticks // SECOND, "nanos": ticks % SECOND * TICK}


class Day:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.now = START
        self.records = []

    def add(self, owner, record, /, **fields):
        said = {"at": self.now * TICK, **{key: value for key, value in owner.items() if value is not None}}
        told = {key: value for key, value in fields.items() if value is not ...}
        self.records.append({**said, "record": record, **told})
        # Of the next one.
        self.now += self.rng.randrange(1, 40)

    def maybe(self, value, share=0.5):
        return value if self.rng.random() < share else ...

    def ticks(self, most):
        return self.rng.randrange(most * SECOND)

    def call(self, owner):
        rng = self.rng
        provider, model = rng.choice(MODELS)
        failed = rng.random() < 0.1
        usage = dict.fromkeys(["input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning"], 0)
        if not failed:
            usage = {kind: rng.choice([0, rng.randrange(10), rng.randrange(60_000)]) for kind in usage}
            usage["reasoning"] = rng.randrange(usage["output"] + 1)
        picos = rng.choice([None, rng.randrange(10**6), rng.randrange(10**12)])
        self.add(
            owner,
            "model_call",
            provider=provider,
            model=model,
            usage=usage,
            cost=None if picos is None else f"{picos // 10**12}.{picos % 10**12:012}",
            latency=span(self.ticks(90)),
            first_token=None if rng.random() < 0.5 else span(self.ticks(5)),
            attempts=rng.randrange(4),
            failure=rng.choice(FAILURES) if failed else None,
            service_tier=self.maybe(rng.choice(["standard", "priority", "batch"])),
            stop_reason=self.maybe(rng.choice(["stop", "tool_calls", "length"])),
            streamed=rng.random() < 0.5,
        )

    def tool(self, owner):
        outcome = self.rng.choice(["ok", "ok", "ok", "failed", "aborted"])
        elapsed = span(self.ticks(20))
        self.add(owner, "tool_call", tool=self.rng.choice(TOOLS), outcome=outcome, elapsed=elapsed)

    def handoff(self, owner):
        sides = [{"agent": "coder"}, {"agent": "on-call"}, {"provider": "groq"}, {"provider": "anthropic"}]
        giver, taker = self.rng.sample(sides, 2)
        reason = self.rng.choice(["delegated", "overloaded", "manual", "quality"])
        initiator = self.rng.choice(["automatic", "manual"])
        self.add(owner, "handoff", **{"from": giver, "to": taker}, reason=reason, initiator=initiator)

    def decision(self, owner):
        rng = self.rng
        candidates = []
        for _, model in MODELS[: rng.randrange(4)]:
            candidate = {"name": model, "score": rng.randrange(64) / 64, "lost": "reason-canary"}
            candidates.append({key: candidate[key] for key in candidate if key == "name" or rng.random() < 0.6})
        fields = {"choice": self.maybe(MODELS[0][1]), "confidence": self.maybe(rng.randrange(64) / 64)}
        self.add(owner, "decision", id=f"d-{self.now}", subject="model", candidates=candidates, **fields)

    def moment(self, owner):
        rng = self.rng
        provider = rng.choice(MODELS)[0]
        kind = rng.choice(
            "attempt retry breaker cooldown context_pressure checkpoint_saved restored metric violation"
            " decision_outcome files_changed task_timing".split()
        )
        states = ["closed", "open", "half_open"]
        checkpoint = f"{rng.randrange(9)}-c0ffee"
        fields = {
            "attempt": {
                "provider": provider,
                "attempt": rng.randrange(1, 5),
                "elapsed": span(self.ticks(9)),
                "failure": rng.choice([None, *FAILURES]),
            },
            "retry": {
                "provider": provider,
                "attempt": rng.randrange(2, 5),
                "delay": span(self.ticks(9)),
                "failure": rng.choice(FAILURES),
            },
            "breaker": {"provider": provider, "from": rng.choice(states), "to": rng.choice(states)},
            "cooldown": {
                "provider": provider,
                "scope": rng.choice(["model", "provider"]),
                "failure": rng.choice(FAILURES),
                "duration": span(self.ticks(60)),
            },
            "context_pressure": {"used": rng.randrange(200_000), "window": 200_000},
            "checkpoint_saved": {
                "checkpoint": checkpoint,
                "kind": rng.choice(["auto", "manual"]),
                "logical_bytes": rng.randrange(10**6),
                "stored_bytes": rng.randrange(10**5),
                "elapsed": span(rng.randrange(9)),
            },
            "restored": {"checkpoint": checkpoint, "lost_bytes": rng.randrange(99), "elapsed": span(rng.randrange(9))},
            "metric": {
                "name": rng.choice(["test_pass_rate", "budget_used", "files_open"]),
                "value": rng.randrange(-64, 64) / 64,
                "unit": rng.choice(["ratio", "count", "seconds", "bytes", "tokens", "score"]),
            },
            "violation": {
                "kind": rng.choice(["unwrap_used", "tests"]),
                "severity": rng.choice(["info", "warning", "error", "critical"]),
                "message": "message-canary",
                "file": self.maybe("file-canary"),
                "line": self.maybe(rng.randrange(1, 99)),
                "fixed": rng.random() < 0.5,
            },
            "decision_outcome": {
                "decision": "d-1",
                "outcome": rng.choice(OUTCOMES),
                "score": self.maybe(rng.randrange(64) / 64),
            },
            "files_changed": {
                "files": rng.randrange(9),
                "lines_added": rng.randrange(99),
                "lines_removed": rng.randrange(99),
            },
            "task_timing": {"queued": span(self.ticks(60)), "ran": span(self.ticks(600))},
        }[kind]
        self.add(owner, kind, **fields)

    def begin(self, owner, resumed=False, parent=...):
        began = self.now
        fields = {
            "task_type": self.rng.choice(TASKS) or ...,
            "description": self.maybe("description-canary"),
            "user": self.maybe(f"{self.rng.getrandbits(128):032x}"),
        }
        self.add(owner, "session_resume" if resumed else "session_start", parent=parent, **fields)
        return owner, began

    def end(self, owner, began):
        self.add(owner, "session_end", outcome=self.rng.choice(OUTCOMES), elapsed=span(self.now - began))

    def work(self, owner):
        kinds = [self.call, self.call, self.tool, self.tool, self.moment, self.moment, self.handoff, self.decision]
        self.rng.choice(kinds)(owner)

    def play(self, sessions):
        rng = self.rng
        at_work, crashed, begun = [], [], 0
        while begun < sessions or at_work:
            if begun < sessions and rng.random() < 0.08:
                owner = {
                    "project": rng.choice(["acme/shop", None]),
                    "session": f"s-{begun}",
                    "agent": rng.choice(["coder", "reviewer", None]),
                }
                # Some began before the day.
                at_work.append((owner, self.now) if rng.random() < 0.1 else self.begin(owner))
                begun += 1
            if rng.random() < 0.02:
                self.work({})
            if not at_work:
                continue
            place = rng.randrange(len(at_work))
            owner, began = at_work[place]
            what = rng.random()
            if what < 0.8:
                self.work(owner if rng.random() < 0.95 else {**owner, "agent": None})
            elif what < 0.84:
                parent = {key: owner[key] for key in ("session", "agent") if owner[key] is not None}
                elsewhere = {"session": f"{owner['session']}-sub-{self.now}"} if rng.random() < 0.5 else {}
                subagent = {**owner, "agent": rng.choice(["tester", "searcher"]), **elsewhere}
                at_work.append(self.begin(subagent, parent=parent))
            elif what < 0.86:
                # A second handle of the same agent.
                at_work.append(self.begin(owner))
            elif what < 0.88:
                crashed.append(at_work.pop(place)[0])
            elif what < 0.9 and crashed:
                at_work.append(self.begin(crashed.pop(), resumed=True))
            else:
                self.end(*at_work.pop(place))
        return self.records


def main():
    for record in Day(int(sys.argv[1])).play(60):
        print(json.dumps(record))


if __name__ == "__main__":
    main()
