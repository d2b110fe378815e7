"""What records are to become on the wire, by the words of agent-telemetry/docs/otlp-export.md and by nothing of the
exporter's code.

A span or a work that something belongs to is named here by what it stands for, a tuple; on the wire it has an id, and
which it is the comparison finds out.
"""

from collections import defaultdict

INTERNAL, CLIENT = 1, 3
SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
LONG = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6]
TOKENS = [float(4**n) for n in range(14)]
UNITS = {"ratio": "1", "count": "{count}", "seconds": "s", "bytes": "By", "tokens": "{token}", "score": "{score}"}


def nanos(time):
    return time["secs"] * 10**9 + time["nanos"]


def seconds(time):
    return time["secs"] + time["nanos"] / 1e9


def picos(cost):
    whole, _, part = cost.partition(".")
    return int(whole) * 10**12 + int(part.ljust(12, "0"))


def known(pairs):
    return {key: value for key, value in pairs.items() if value is not None}


class Works:
    """Whose work something is: the stretches of each session."""

    def __init__(self):
        self.sessions = defaultdict(list)

    @staticmethod
    def trace(record):
        return ("trace", record.get("project"), record["session"])

    def begin(self, record, resumed):
        project, session, agent = record.get("project"), record["session"], record.get("agent")
        giver = link = None
        if parent := record.get("parent"):
            theirs = {"project": project, "session": parent["session"], "agent": parent.get("agent")}
            giver = self.span_of(theirs)
            if parent["session"] != session:
                giver, link = None, giver and (self.trace(theirs), giver)
        stretches = self.sessions[project, session]
        root = ("work", project, session, agent)
        goes_on = resumed or any(it["agent"] == agent for it in stretches)
        span = ("stretch", project, session, agent, record["at"]) if goes_on else root
        # No two have one name: one that was not seen to begin is told by when it did, and may not be the only one.
        while any(it["span"] == span for it in stretches):
            span = (*span[:4], span[4] + 1)
        above = root if goes_on else giver
        stretch = {"agent": agent, "began": record["at"], "open": True, "span": span, "link": link, "task": record}
        stretches.append(stretch | {"parent": above})

    def end(self, record, began):
        project, session, agent = record.get("project"), record["session"], record.get("agent")
        mine = [it for it in self.sessions[project, session] if it["open"] and it["agent"] == agent]
        if not mine:
            # Nobody has seen it begin.
            self.begin({**{key: value for key, value in record.items() if key != "record"}, "at": began}, False)
            mine = self.sessions[project, session][-1:]
            mine[0]["task"] = {}
        stretch = min(mine, key=lambda it: abs(it["began"] - began))
        stretch["open"] = False
        return stretch

    def span_of(self, record):
        project, session, agent = record.get("project"), record["session"], record.get("agent")
        stretches = self.sessions[project, session]
        if agent is None:
            return stretches[0]["span"] if stretches else None
        mine = [it["span"] for it in stretches if it["agent"] == agent]
        return mine[-1] if mine else ("work", project, session, agent)

    def place(self, record):
        if "session" not in record:
            return None, None
        return self.trace(record), self.span_of(record)


class Expected:
    def __init__(self, names, handoffs):
        self.names, self.handoffs = names, handoffs
        self.provider = "gen_ai.system" if names == "1.36" else "gen_ai.provider.name"
        self.works = Works()
        self.spans, self.events = [], []
        self.sums, self.gauges, self.distributions = defaultdict(int), {}, defaultdict(list)

    def of(self, records):
        for record in records:
            kind = record["record"]
            if kind in ("session_start", "session_resume"):
                self.works.begin(record, kind == "session_resume")
            for signal in (self.event, self.span, self.measure):
                signal(record)
        return self

    def reader(self, signal, record):
        return getattr(self, f"{signal}_{record['record']}", None)

    # Spans

    @staticmethod
    def owner(it):
        keys = {"gen_ai.conversation.id": "session", "gen_ai.agent.name": "agent", "agent.project": "project"}
        return known({key: it.get(field) for key, field in keys.items()})

    def span(self, it):
        if (reader := self.reader("span", it)) is None:
            return
        trace, parent = self.works.place(it)
        span = {"kind": INTERNAL, "start": it["at"], "end": it["at"], "failed": False, "link": None, "is": None}
        span |= {"trace": trace, "parent": parent}
        attributes = reader(it, span)
        self.spans.append(span | {"attributes": known(self.owner(it) | attributes)})

    def span_session_end(self, it, span):
        span["start"] -= nanos(it["elapsed"])
        work = self.works.end(it, span["start"])
        agent = it.get("agent")
        span["name"] = f"invoke_agent {agent}" if agent else "invoke_agent"
        span |= {"is": work["span"], "parent": work["parent"], "link": work["link"]}
        span["failed"] = it["outcome"] in ("failed", "aborted")
        return {
            "gen_ai.operation.name": "invoke_agent",
            "agent.outcome": it["outcome"],
            "agent.task.type": work["task"].get("task_type"),
            "user.hash": work["task"].get("user"),
            "error.type": it["outcome"] if span["failed"] else None,
        }

    def span_model_call(self, it, span):
        usage, names = it["usage"], self.names
        span |= {"name": f"chat {it['model']}", "kind": CLIENT, "failed": it["failure"] is not None}
        span["start"] -= nanos(it["latency"])
        written = usage["cache_write_5m"] + usage["cache_write_1h"]
        attributes = {
            "gen_ai.operation.name": "chat",
            self.provider: it["provider"],
            "gen_ai.request.model": it["model"],
            "gen_ai.usage.input_tokens": usage["input"] + usage["cache_read"] + written,
            "gen_ai.usage.output_tokens": usage["output"],
            "gen_ai.response.finish_reasons": (it["stop_reason"],) if "stop_reason" in it else None,
            "agent.attempts": it["attempts"],
            "agent.service_tier": it.get("service_tier"),
            "error.type": it["failure"],
        }
        if names != "1.36":
            word = "cache_creation" if names == "1.41" else "cache_write"
            first = it["first_token"]
            attributes |= {
                "gen_ai.usage.cache_read.input_tokens": usage["cache_read"],
                f"gen_ai.usage.{word}.input_tokens": written,
                "gen_ai.usage.reasoning.output_tokens": usage["reasoning"],
                "agent.usage.cache_write_1h.input_tokens": usage["cache_write_1h"] or None,
                "gen_ai.response.time_to_first_chunk": seconds(first) if first else None,
                "gen_ai.request.stream": True if it["streamed"] else None,
            }
        if it["cost"] is not None:
            cost = picos(it["cost"])
            attributes["agent.cost.pico_usd"] = cost
            if names == "latest":
                attributes |= {"gen_ai.usage.cost.amount": cost / 1e12, "gen_ai.usage.cost.currency": "USD"}
        return attributes

    def span_tool_call(self, it, span):
        span |= {"name": f"execute_tool {it['tool']}", "failed": it["outcome"] != "ok"}
        span["start"] -= nanos(it["elapsed"])
        return {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": it["tool"],
            "agent.tool.outcome": it["outcome"],
            "error.type": it["outcome"] if span["failed"] else None,
        }

    def span_handoff(self, it, span):
        [(giver_kind, giver)], [(taker_kind, taker)] = it["from"].items(), it["to"].items()
        is_tool = self.handoffs == "tool_call"
        tool = f"transfer_to_{taker}"
        span["name"] = f"execute_tool {tool}" if is_tool else f"handoff {taker}"
        return {
            "gen_ai.operation.name": "execute_tool" if is_tool else "handoff",
            "gen_ai.tool.name": tool if is_tool else None,
            "gen_ai.agent.handoff.source.name": giver,
            "gen_ai.agent.handoff.target.name": taker,
            "agent.handoff.source.kind": giver_kind,
            "agent.handoff.target.kind": taker_kind,
            "agent.handoff.reason": it["reason"],
            "agent.handoff.initiator": it["initiator"],
        }

    def span_decision(self, it, span):
        span["name"] = f"plan {it['subject']}"
        scores = enumerate(candidate.get("score") for candidate in it["candidates"])
        return {
            "gen_ai.operation.name": "plan",
            "agent.decision.id": it["id"],
            "agent.decision.subject": it["subject"],
            "agent.decision.choice": it.get("choice"),
            "agent.decision.confidence": it.get("confidence"),
            "agent.decision.candidates": tuple(candidate["name"] for candidate in it["candidates"]),
        } | {f"agent.decision.candidate.{place}.score": score for place, score in scores}

    # Events

    def event(self, it):
        if (reader := self.reader("event", it)) is None:
            return
        name, severity, attributes = reader(it)
        trace, parent = self.works.place(it)
        event = {"name": name, "time": it["at"], "severity": severity, "trace": trace, "parent": parent}
        self.events.append(event | {"attributes": known(self.owner(it) | attributes)})

    def event_session_start(self, it):
        parent = it.get("parent", {})
        word = "started" if it["record"] == "session_start" else "resumed"
        attributes = {
            "agent.task.type": it.get("task_type"),
            "agent.parent.conversation.id": parent.get("session"),
            "agent.parent.name": parent.get("agent"),
            "user.hash": it.get("user"),
        }
        return f"agent.session.{word}", "INFO", attributes

    event_session_resume = event_session_start

    def event_session_end(self, it):
        attributes = {"agent.outcome": it["outcome"], "agent.elapsed": seconds(it["elapsed"])}
        return "agent.session.ended", "ERROR" if it["outcome"] == "failed" else "INFO", attributes

    def event_attempt(self, it):
        attributes = {
            self.provider: it["provider"],
            "agent.attempt.number": it["attempt"],
            "agent.elapsed": seconds(it["elapsed"]),
            "error.type": it["failure"],
        }
        return "agent.attempt", "WARN" if it["failure"] else "INFO", attributes

    def event_retry(self, it):
        attributes = {
            self.provider: it["provider"],
            "agent.attempt.number": it["attempt"],
            "agent.delay": seconds(it["delay"]),
            "error.type": it["failure"],
        }
        return "agent.retry", "WARN", attributes

    def event_breaker(self, it):
        attributes = {self.provider: it["provider"], "agent.breaker.from": it["from"], "agent.breaker.to": it["to"]}
        return "agent.breaker.changed", "INFO" if it["to"] == "closed" else "WARN", attributes

    def event_cooldown(self, it):
        attributes = {
            self.provider: it["provider"],
            "agent.cooldown.scope": it["scope"],
            "agent.delay": seconds(it["duration"]),
            "error.type": it["failure"],
        }
        return "agent.cooldown", "WARN", attributes

    def event_context_pressure(self, it):
        return "agent.context.pressure", "WARN", {f"agent.context.{key}": it[key] for key in ("used", "window")}

    def event_checkpoint_saved(self, it):
        attributes = {
            "agent.checkpoint.id": it["checkpoint"],
            "agent.checkpoint.kind": it["kind"],
            "agent.checkpoint.logical_bytes": it["logical_bytes"],
            "agent.checkpoint.stored_bytes": it["stored_bytes"],
            "agent.elapsed": seconds(it["elapsed"]),
        }
        return "agent.checkpoint.saved", "INFO", attributes

    def event_restored(self, it):
        attributes = {
            "agent.checkpoint.id": it["checkpoint"],
            "agent.checkpoint.lost_bytes": it["lost_bytes"],
            "agent.elapsed": seconds(it["elapsed"]),
        }
        return "agent.checkpoint.restored", "INFO", attributes

    def event_metric(self, it):
        # A ratio or a score says how good something was, unless it is a share of a budget.
        is_score = it["unit"] in ("ratio", "score") and not it["name"].startswith("budget")
        if is_score and self.names != "1.36":
            event, name, value = "gen_ai.evaluation.result", "gen_ai.evaluation.name", "gen_ai.evaluation.score.value"
        else:
            event, name, value = "agent.metric", "agent.metric.name", "agent.metric.value"
        return event, "INFO", {name: it["name"], value: float(it["value"]), "agent.metric.unit": it["unit"]}

    def event_violation(self, it):
        attributes = {
            "agent.violation.kind": it["kind"],
            "agent.violation.severity": it["severity"],
            "agent.violation.fixed": it["fixed"],
        }
        severity = {"info": "INFO", "warning": "WARN", "error": "ERROR", "critical": "FATAL"}[it["severity"]]
        return "agent.violation", severity, attributes

    def event_decision_outcome(self, it):
        attributes = {
            "agent.decision.id": it["decision"],
            "agent.outcome": it["outcome"],
            "agent.decision.score": it.get("score"),
        }
        return "agent.decision.outcome", "INFO", attributes

    def event_files_changed(self, it):
        attributes = {
            "agent.files.changed": it["files"],
            "agent.lines.added": it["lines_added"],
            "agent.lines.removed": it["lines_removed"],
        }
        return "agent.files.changed", "INFO", attributes

    def event_task_timing(self, it):
        return "agent.task.timing", "INFO", {f"agent.task.{key}": seconds(it[key]) for key in ("queued", "ran")}

    # Metrics

    @staticmethod
    def series(name, unit, pairs, of=None):
        pairs = known(pairs | ({"gen_ai.agent.name": of.get("agent")} if of else {}))
        return name, unit, tuple(sorted(pairs.items()))

    def count(self, name, unit, pairs, amount, of=None):
        self.sums[self.series(name, unit, pairs, of)] += amount

    def value(self, name, unit, pairs, value, bounds, of=None):
        self.distributions[(*self.series(name, unit, pairs, of), tuple(bounds))].append(value)

    def measure(self, it):
        if reader := self.reader("measure", it):
            reader(it)

    def measure_model_call(self, it):
        names, usage = self.names, it["usage"]
        by = {self.provider: it["provider"], "gen_ai.request.model": it["model"]}
        called = {"gen_ai.operation.name": "chat"} | by
        written = usage["cache_write_5m"] + usage["cache_write_1h"]
        whole = usage["input"] + usage["cache_read"] + written
        word = "inference" if names == "latest" else "operation"
        failed = called | {"error.type": it["failure"]}
        self.value(f"gen_ai.client.{word}.duration", "s", failed, seconds(it["latency"]), SECONDS)
        if names != "1.36" and it["first_token"]:
            first = seconds(it["first_token"])
            self.value(f"gen_ai.client.{word}.time_to_first_chunk", "s", called, first, SECONDS)
        if names == "latest":
            for kind, amount in {
                "input_tokens": whole,
                "cache_read.input_tokens": usage["cache_read"],
                "cache_write.input_tokens": written,
                "output_tokens": usage["output"],
                "reasoning.output_tokens": usage["reasoning"],
            }.items():
                pairs = called | {"gen_ai.token.modality": "unknown"}
                self.count(f"gen_ai.client.inference.usage.{kind}", "{token}", pairs, amount)
        for kind, amount in {"input": whole, "output": usage["output"]}.items():
            if names == "latest":
                name, pairs = f"gen_ai.client.inference.operation.{kind}_tokens", called
            else:
                name, pairs = "gen_ai.client.token.usage", called | {"gen_ai.token.type": kind}
            self.value(name, "{token}", pairs, float(amount), TOKENS)
        if it["cost"] is not None:
            self.count("agent.cost", "USD", by, picos(it["cost"]), it)

    def measure_session_end(self, it):
        outcome = it["outcome"]
        self.count("agent.sessions", "{session}", {"agent.outcome": outcome}, 1, it)
        if self.names == "latest":
            failed = outcome if outcome in ("failed", "aborted") else None
            pairs = {"gen_ai.operation.name": "invoke_agent", "error.type": failed}
            self.value("gen_ai.invoke_agent.duration", "s", pairs, seconds(it["elapsed"]), LONG, it)

    def measure_tool_call(self, it):
        tool = {"gen_ai.tool.name": it["tool"]}
        self.count("agent.tool.calls", "{call}", tool | {"agent.tool.outcome": it["outcome"]}, 1, it)
        if self.names == "latest":
            pairs = tool | {"error.type": it["outcome"] if it["outcome"] != "ok" else None}
            self.value("gen_ai.execute_tool.duration", "s", pairs, seconds(it["elapsed"]), SECONDS)

    def measure_handoff(self, it):
        [giver], [taker] = it["from"].values(), it["to"].values()
        pairs = {"source": giver, "target": taker, "reason": it["reason"], "initiator": it["initiator"]}
        self.count("agent.handoffs", "{handoff}", {f"agent.handoff.{key}": it for key, it in pairs.items()}, 1)

    def measure_retry(self, it):
        self.count("agent.retries", "{retry}", {self.provider: it["provider"], "error.type": it["failure"]}, 1)

    def measure_violation(self, it):
        pairs = {"agent.violation.kind": it["kind"], "agent.violation.severity": it["severity"]}
        self.count("agent.violations", "{violation}", pairs, 1, it)

    def measure_checkpoint_saved(self, it):
        self.count("agent.checkpoints", "{checkpoint}", {"agent.checkpoint.kind": it["kind"]}, 1, it)

    def measure_files_changed(self, it):
        self.count("agent.files", "{file}", {}, it["files"], it)
        for word in ("added", "removed"):
            self.count("agent.lines", "{line}", {"agent.lines.type": word}, it[f"lines_{word}"], it)

    def measure_context_pressure(self, it):
        self.gauges[self.series("agent.context.utilization", "1", {}, it)] = (it["used"] / it["window"], it["at"])

    def measure_task_timing(self, it):
        for word in ("queued", "ran"):
            self.value(f"agent.task.{word}", "s", {}, seconds(it[word]), LONG, it)

    def measure_metric(self, it):
        pairs, unit = {"agent.metric.name": it["name"]}, it["unit"]
        self.gauges[self.series(f"agent.metric.{unit}", UNITS[unit], pairs, it)] = (float(it["value"]), it["at"])
