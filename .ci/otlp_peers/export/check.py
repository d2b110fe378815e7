"""Holds what a server got against what the records are to become: `check.py --records FILE --kept FILE --sent FILE …`

Prints a row of the table, or every difference, and then exits with 1. Everything is compared exactly, tokens, money and
times included. With --collector the requests came through somebody else's program, which makes its own of ours; without,
they are ours, and are held to the letter of the protocol too. With --repeats, requests may have come more than once: then
copies are told by their ids and counted, and any other difference of the copies is one.
"""

import argparse
import base64
import gzip
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

from capture import SIGNALS, attributes_of, frozen
from expected import Expected
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

RESOURCE = {
    "service.name": "peers",
    "service.instance.id": "exporter-1",
    "deployment.environment.name": "test",
    "telemetry.sdk.name": "agent-telemetry",
    "telemetry.sdk.language": "rust",
}
PAGE = Path(__file__).resolve().parents[3] / "agent-telemetry/docs/otlp-export.md"
# What the conventions' own list has not: a proposal.
PROPOSED = {"gen_ai.agent.handoff.source.name", "gen_ai.agent.handoff.target.name"}


def constants(module):
    return {it for it in vars(module).values() if isinstance(it, str) and it.startswith("gen_ai.")}


class Page:
    """What the page says of each span, event and metric: rows of its tables."""

    def __init__(self):
        text = PAGE.read_text(encoding="utf-8")
        self.common = set(re.findall(r"`([\w.]+)`", text.split("## Resource")[0]))
        self.sections = {part.split("\n")[0]: part for part in text.split("\n## ")}

    def row(self, section, name):
        """The names of the row that has this one, and those in the text around the table."""
        lines = self.sections[section].split("\n")
        rows = [line for line in lines if line.startswith("|") and f"`{name}`" in line.split("|")[section_column(section)]]
        assert rows, f"no row for {name} in {section}"
        around = [line for line in lines if not line.startswith("|")]
        return set(re.findall(r"`([^`]+)`", "\n".join(rows + around)))


def section_column(section):
    return {"Spans": 2, "Events": 2, "Metrics": 1}[section]


class Check:
    def __init__(self, options):
        self.options = options
        self.wrong, self.page = [], Page()
        self.counts = Counter()
        records = [json.loads(line) for line in Path(options.records).read_text(encoding="utf-8").splitlines()]
        self.records = len(records)
        self.expected = Expected(options.names, options.handoffs).of(records)
        self.requests = defaultdict(list)
        # From what it stands for to its id on the wire.
        self.ids = {}

    def need(self, holds, what):
        if not holds:
            self.wrong.append(what)

    def run(self):
        self.read()
        self.spans()
        self.events()
        self.metrics()
        meant = {"points": "metrics", "logs": "logs", "spans": "traces"}
        told = json.loads(Path(self.options.sent).read_text(encoding="utf-8"))
        for kind, signal in meant.items():
            sent, dropped = told[signal]["sent"], told[signal]["dropped"]
            self.need(dropped == 0, f"{dropped} {kind} dropped by the exporter")
            once = self.counts[kind] - self.counts[f"{kind} again"]
            self.need(once == sent, f"{once} {kind} came, the exporter says that it sent {sent}")
        self.need(told["queued"] == 0, "something is left in the queue")
        return told

    def read(self):
        for line in Path(self.options.kept).read_text(encoding="utf-8").splitlines():
            kept = json.loads(line)
            body = base64.b64decode(kept["body"])
            self.need(kept["type"] == "application/x-protobuf", f"content-type {kept['type']}")
            if not self.options.collector:
                wanted = "gzip" if self.options.gzip else None
                self.need(kept["encoding"] == wanted, f"content-encoding {kept['encoding']}")
            if kept["encoding"] == "gzip":
                body = gzip.decompress(body)
            signal, request, _ = SIGNALS[kept["path"]]
            request = request()
            request.ParseFromString(body)
            self.counts["requests"] += 1
            size = request.ByteSize()
            request.DiscardUnknownFields()
            self.need(request.ByteSize() == size, f"{signal}: unknown fields")
            # No field twice, none that is at its default, no number longer than it has to be.
            self.need(size == len(body), f"{signal}: {len(body)} bytes that can be said in {size}")
            self.requests[signal].append(request)

    def attributes(self, pairs, what):
        keys = [pair.key for pair in pairs]
        self.need(len(keys) == len(set(keys)), f"{what}: a key twice in {keys}")
        self.need(all(keys), f"{what}: a key without a name")
        self.need(all(pair.value.WhichOneof("value") for pair in pairs), f"{what}: a key without a value")
        told = attributes_of(pairs)
        if not any("canary" in str(value) for value in told.values()):
            return told
        self.wrong.append(f"{what}: a text of the host's in {told}")
        return told

    def scopes(self, signal, scope_field, items_field):
        resources = {"metrics": "resource_metrics", "logs": "resource_logs", "traces": "resource_spans"}[signal]
        for request in self.requests[signal]:
            for resource in getattr(request, resources):
                told = self.attributes(resource.resource.attributes, "resource")
                version = told.pop("telemetry.sdk.version", None)
                self.need(version, "a resource without telemetry.sdk.version")
                self.need(told == RESOURCE, f"resource {told}")
                for scope in getattr(resource, scope_field):
                    said = (scope.scope.name, scope.scope.version)
                    self.need(said == ("agent-telemetry", version), f"scope {said}")
                    yield from getattr(scope, items_field)

    def known_names(self, section, name, attributes):
        """Each key is in its row of the page, and in the list of the conventions where it is one of theirs."""
        row = self.page.row(section, name) | self.page.common
        # Candidates are numbered.
        keys = {re.sub(r"candidate\.\d+\.", "candidate.0.", key) for key in attributes}
        self.need(keys <= row, f"{name}: not on the page: {sorted(keys - row)}")
        # The repository of the latest ones publishes no list yet.
        if self.options.names != "latest":
            theirs = {key for key in keys if key.startswith("gen_ai.")} - PROPOSED
            strange = theirs - constants(gen_ai_attributes)
            self.need(not strange, f"{name}: not in the conventions: {sorted(strange)}")

    def meant(self, what, told, where):
        """Two names of one thing agree, and of two things differ."""
        if what is None:
            self.need(not told, f"{where}: {told.hex()} where nothing is to be")
            return
        known = self.ids.setdefault(what, told)
        self.need(known == told, f"{where}: {what} is {told.hex()} and was {known.hex()}")

    def spans(self):
        seen, got = {}, defaultdict(list)
        for span in self.scopes("traces", "scope_spans", "spans"):
            self.counts["spans"] += 1
            attributes = self.attributes(span.attributes, span.name)
            key = (span.trace_id, span.span_id)
            said = span.SerializeToString(deterministic=True)
            if key in seen:
                self.counts["spans again"] += 1
                self.need(self.options.repeats, f"{span.name} came twice")
                self.need(seen[key] == said, f"{span.name}: two spans with one id")
                continue
            seen[key] = said
            where = span.name
            self.need(len(span.trace_id) == 16 and any(span.trace_id), f"{where}: trace id {span.trace_id.hex()}")
            self.need(len(span.span_id) == 8 and any(span.span_id), f"{where}: span id {span.span_id.hex()}")
            self.need(len(span.parent_span_id) in (0, 8), f"{where}: parent {span.parent_span_id.hex()}")
            self.need(span.kind in (Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_CLIENT), f"{where}: kind {span.kind}")
            self.need(span.start_time_unix_nano <= span.end_time_unix_nano, f"{where}: ends before it begins")
            self.need(not span.events, f"{where}: events")
            failed = span.HasField("status")
            self.need(not failed or span.status.code == Status.STATUS_CODE_ERROR, f"{where}: status {span.status}")
            self.known_names("Spans", self.shape(span.name), attributes)
            times = (span.start_time_unix_nano, span.end_time_unix_nano)
            got[span.name, span.kind, *times, failed, frozen(attributes)].append(span)
        # Ids of works are known by their own spans first.
        wanted = sorted(self.expected.spans, key=lambda it: it["is"] is None)
        for it in wanted:
            key = (it["name"], it["kind"], it["start"], it["end"], it["failed"], frozen(it["attributes"]))
            if not got.get(key):
                self.wrong.append(f"no span {key}")
                continue
            span = got[key].pop()
            where = it["name"]
            self.need(span.span_id not in self.ids.values() or it["is"], f"{where}: the id of another span")
            own = it["trace"] or ("alone", span.span_id)
            self.meant(own, span.trace_id, f"{where}, its trace")
            if it["is"]:
                self.meant(it["is"], span.span_id, where)
            self.meant(it["parent"], span.parent_span_id, f"{where}, its parent")
            links = [(link.trace_id, link.span_id) for link in span.links]
            self.need(len(links) == (it["link"] is not None), f"{where}: {len(links)} links")
            for told in links:
                for what, id in zip(it["link"] or (), told):
                    self.meant(what, id, f"{where}, its link")
        left = [key for key, spans in got.items() if spans]
        self.need(not left, f"spans that nothing stands for: {left[:3]}")
        self.need(len({id for _, id in seen}) == len(seen), "two spans have one id")

    @staticmethod
    def shape(name):
        """The name of a span as the page has it."""
        word = name.split(" ")[0]
        if name.startswith("execute_tool transfer_to_"):
            return "execute_tool transfer_to_{target}"
        rest = {"invoke_agent": "agent", "chat": "model", "execute_tool": "tool", "handoff": "target", "plan": "subject"}
        return f"{word} {{{rest[word]}}}"

    def events(self):
        seen, got = set(), defaultdict(list)
        for log in self.scopes("logs", "scope_logs", "log_records"):
            self.counts["logs"] += 1
            said = log.SerializeToString(deterministic=True)
            if said in seen:
                self.counts["logs again"] += 1
                self.need(self.options.repeats, f"{log.event_name} came twice")
                continue
            seen.add(said)
            attributes = self.attributes(log.attributes, log.event_name)
            self.need(log.time_unix_nano == log.observed_time_unix_nano, f"{log.event_name}: two times")
            self.need(not log.HasField("body"), f"{log.event_name}: a body")
            text = SeverityNumber.Name(log.severity_number).removeprefix("SEVERITY_NUMBER_")
            self.need(text == log.severity_text, f"{log.event_name}: {text} is {log.severity_text}")
            self.known_names("Events", log.event_name, attributes)
            got[log.event_name, log.time_unix_nano, text, frozen(attributes)].append((log.trace_id, log.span_id))
        for it in self.expected.events:
            key = (it["name"], it["time"], it["severity"], frozen(it["attributes"]))
            if not got.get(key):
                self.wrong.append(f"no event {key}")
                continue
            trace, span = got[key].pop()
            self.meant(it["trace"], trace, f"{it['name']}, its trace")
            # Of a work that has not ended, and of which nothing else tells, this is the first that is heard.
            self.meant(it["parent"], span, f"{it['name']}, its span")
        left = [key for key, events in got.items() if events]
        self.need(not left, f"events that nothing stands for: {left[:3]}")
        self.need(len(set(self.ids.values())) == len(self.ids), "two things have one id")

    def metrics(self):
        wanted = getattr(AggregationTemporality, f"AGGREGATION_TEMPORALITY_{self.options.temporality.upper()}")
        points, seen = defaultdict(list), {}
        for metric in self.scopes("metrics", "scope_metrics", "metrics"):
            which = metric.WhichOneof("data")
            data = getattr(metric, which)
            name = metric.name
            if which != "gauge":
                self.need(data.aggregation_temporality == wanted, f"{name}: temporality {data.aggregation_temporality}")
            if which == "sum":
                self.need(data.is_monotonic, f"{name}: may fall")
            row = self.page.row("Metrics", name)
            if name.startswith("gen_ai.") and self.options.names != "latest":
                self.need(name in constants(gen_ai_metrics), f"{name}: not in the conventions")
            self.need(metric.unit in row or name.startswith("agent.metric."), f"{name}: unit {metric.unit}")
            for point in data.data_points:
                self.counts["points"] += 1
                attributes = self.attributes(point.attributes, name)
                self.known_names("Metrics", name, attributes)
                bounds = (tuple(point.explicit_bounds),) if which == "histogram" else ()
                series = (name, metric.unit, frozen(attributes), *bounds)
                key = (series, point.start_time_unix_nano, point.time_unix_nano)
                said = point.SerializeToString(deterministic=True)
                if key in seen:
                    self.counts["points again"] += 1
                    self.need(self.options.repeats, f"{name}: a point twice")
                    self.need(seen[key] == said, f"{name}: two points of one interval")
                    continue
                seen[key] = said
                points[which, series].append(point)
        kinds = {"sum": self.expected.sums, "gauge": self.expected.gauges, "histogram": self.expected.distributions}
        for which, wanted in kinds.items():
            told = {series for kind, series in points if kind == which}
            self.need(told <= wanted.keys(), f"{which}s of nothing: {sorted(told - wanted.keys())[:3]}")
            for series, value in wanted.items():
                found = sorted(points.get((which, series), []), key=lambda it: it.time_unix_nano)
                if not found:
                    self.wrong.append(f"no {which} {series}")
                    continue
                got = getattr(self, which)(found, series)
                if which == "histogram":
                    value = self.distribution(value, series[-1])
                self.need(got == value, f"{series[:3]}: {got} and not {value}")

    def intervals(self, points, series):
        """Of cumulative points all begin at once, of deltas each where the one before ended or later."""
        spans = [(it.start_time_unix_nano, it.time_unix_nano) for it in points]
        self.need(all(start and start < end for start, end in spans), f"{series}: intervals {spans}")
        if self.is_delta:
            self.need(all(end <= start for (_, end), (start, _) in zip(spans, spans[1:])), f"{series}: {spans}")
        else:
            self.need(len({start for start, _ in spans}) == 1, f"{series}: {spans}")

    @property
    def is_delta(self):
        return self.options.temporality == "delta"

    def sum(self, points, series):
        self.intervals(points, series)
        # Money is told in dollars, and held in pico-dollars.
        is_money = series[0] == "agent.cost"
        kind = "as_double" if is_money else "as_int"
        self.need(all(it.WhichOneof("value") == kind for it in points), f"{series}: not {kind}")
        amounts = [getattr(it, kind) for it in points]
        if is_money:
            amounts = [round(it * 10**12) for it in amounts]
        self.need(self.is_delta or amounts == sorted(amounts), f"{series}: a sum that falls")
        return sum(amounts) if self.is_delta else amounts[-1]

    def gauge(self, points, series):
        return points[-1].as_double, points[-1].time_unix_nano

    def histogram(self, points, series):
        self.intervals(points, series)
        for it in points:
            self.need(len(it.bucket_counts) == len(it.explicit_bounds) + 1, f"{series}: buckets")
            self.need(sum(it.bucket_counts) == it.count, f"{series}: {it.count} are not the sum of its buckets")
        if not self.is_delta:
            points = points[-1:]
        return {
            "count": sum(it.count for it in points),
            "sum": sum(it.sum for it in points),
            "min": min(it.min for it in points),
            "max": max(it.max for it in points),
            "buckets": [sum(counts) for counts in zip(*(it.bucket_counts for it in points))],
        }

    @staticmethod
    def distribution(values, bounds):
        # A bound belongs to the bucket below it.
        buckets = [0] * (len(bounds) + 1)
        for value in values:
            buckets[sum(bound < value for bound in bounds)] += 1
        return {"count": len(values), "sum": sum(values), "min": min(values), "max": max(values), "buckets": buckets}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("records", "kept", "sent", "names", "temporality", "handoffs"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("gzip", "collector", "repeats"):
        parser.add_argument(f"--{name}", action="store_true")
    check = Check(parser.parse_args())
    told = check.run()
    for line in check.wrong[:20]:
        print(f"    {line}")
    if len(check.wrong) > 20:
        print(f"    … and {len(check.wrong) - 20} more")
    tokens = sum(sum(it["usage"].values()) - it["usage"]["reasoning"] for it in calls(check.options.records))
    counts = check.counts
    print(
        f"{check.records:8} {counts['requests']:8} {counts['spans']:6} {counts['points']:7} {counts['logs']:5} "
        f"{told['retries']:7} {counts['spans again']:6} {counts['points again']:6} {counts['logs again']:6} "
        f"{tokens:10} {'no' if check.wrong else 'yes':>6}"
    )
    return 1 if check.wrong else 0


def calls(path):
    records = map(json.loads, Path(path).read_text(encoding="utf-8").splitlines())
    return [it for it in records if it["record"] == "model_call"]


if __name__ == "__main__":
    sys.exit(main())
