"""Plays a day (see day.py) with the OpenTelemetry SDK for Python, and prints what it sent as one line of JSON."""

import argparse
import importlib
import json
import logging
import math
import sys
import time
from datetime import datetime, timezone

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

KINDS = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}
# Small, so that one flush is several requests.
BATCH = 8


def exporters(protocol):
    """The exporters of metrics, logs and traces, and their word for gzip."""
    package = {"http/protobuf": "proto.http", "http/json": "json.http", "grpc": "proto.grpc"}[protocol]
    base = f"opentelemetry.exporter.otlp.{package}"
    modules = [importlib.import_module(f"{base}.{name}") for name in ("metric_exporter", "_log_exporter", "trace_exporter")]
    names = ("OTLPMetricExporter", "OTLPLogExporter", "OTLPSpanExporter")
    if protocol == "http/json":
        compression = importlib.import_module("opentelemetry.exporter.otlp.common.http").Compression
        words = {"none": compression.NONE, "gzip": compression.GZIP}
    else:
        compression = importlib.import_module("grpc" if protocol == "grpc" else base).Compression
        words = {"none": compression.NoCompression, "gzip": compression.Gzip}
    return [getattr(module, name) for module, name in zip(modules, names, strict=True)], words


def points(data):
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


class Sent:
    """What the SDK handed to its exporters, and whether each said that it arrived."""

    def __init__(self):
        self.counts = {"requests": 0, "refused": 0, "points": 0, "logs": 0, "spans": 0}

    def counting(self, exporter, kind, measure=len):
        export = exporter.export

        def counted(items, *args, **kwargs):
            result = export(items, *args, **kwargs)
            self.counts["requests"] += 1
            if result.name == "SUCCESS":
                self.counts[kind] += measure(items)
            else:
                self.counts["refused"] += 1
            return result

        exporter.export = counted
        return exporter


class Process:
    """What one process has of the SDK."""

    def __init__(self, step, options, sent):
        resource = Resource.create(step["resource"])
        (metrics, logs, traces), words = exporters(options.protocol)
        common = {"compression": words[options.compression], "timeout": 30}

        if options.protocol == "grpc":
            common["insecure"] = True

        def url(signal):
            return options.endpoint if options.protocol == "grpc" else f"{options.endpoint}/v1/{signal}"

        temporality = {}
        if options.temporality == "delta":
            temporality = dict.fromkeys([Counter, Histogram, ObservableCounter], AggregationTemporality.DELTA)
        exporter = metrics(endpoint=url("metrics"), preferred_temporality=temporality, **common)
        reader = PeriodicExportingMetricReader(sent.counting(exporter, "points", points), math.inf)
        views = []
        if step["histograms"] == "exponential":
            views = [View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())]
        self.meters = MeterProvider([reader], resource=resource, views=views)
        self.loggers = LoggerProvider(resource)
        exporter = sent.counting(logs(endpoint=url("logs"), **common), "logs")
        batched = {"schedule_delay_millis": 3_600_000, "max_export_batch_size": BATCH}
        self.loggers.add_log_record_processor(BatchLogRecordProcessor(exporter, **batched))
        self.tracers = TracerProvider(resource=resource)
        exporter = sent.counting(traces(endpoint=url("traces"), **common), "spans")
        self.tracers.add_span_processor(BatchSpanProcessor(exporter, **batched))
        self.instruments = {}

    def measure(self, step, context):
        key = (step["scope"], step["name"])
        instrument = self.instruments.get(key)
        if instrument is None:
            meter = self.meters.get_meter(step["scope"], "2.1.300")
            instrument = getattr(meter, f"create_{step['kind']}")(step["name"], unit=step["unit"])
            self.instruments[key] = instrument
        value = float(step["value"]) if step["number"] == "double" else step["value"]
        add = {"histogram": "record", "gauge": "set"}.get(step["kind"], "add")
        getattr(instrument, add)(value, step["attributes"], context)

    def flush(self, signals):
        for signal in signals:
            {"metrics": self.meters, "logs": self.loggers, "traces": self.tracers}[signal].force_flush()

    def stop(self):
        self.meters.shutdown()
        self.loggers.shutdown()
        self.tracers.shutdown()


def play(steps, options, sent):
    processes, spans, contexts = {}, {}, {}
    for step in steps:
        process = processes.get(step["process"])
        match step["do"]:
            case "start":
                processes[step["process"]] = Process(step, options, sent)
            case "measure":
                process.measure(step, contexts.get(step["within"]))
            case "log":
                now = time.time_ns()
                stamp = datetime.fromtimestamp(now / 1e9, timezone.utc).isoformat(timespec="milliseconds")
                attributes = {
                    key: stamp.replace("+00:00", "Z") if value == "$now" else value
                    for key, value in step["attributes"].items()
                }
                process.loggers.get_logger(step["scope"], "2.1.300").emit(
                    timestamp=now,
                    context=contexts.get(step["within"]),
                    severity_number=SeverityNumber.INFO,
                    severity_text="INFO",
                    body=step["body"],
                    event_name=step["event"],
                    attributes=attributes,
                )
            case "span":
                now = time.time_ns()
                lasts = step["lasts_ms"]
                span = process.tracers.get_tracer(step["scope"], "2.1.300").start_span(
                    step["name"],
                    context=contexts.get(step["parent"]),
                    kind=KINDS[step["kind"]],
                    attributes=step["attributes"],
                    start_time=now - (lasts or 0) * 1_000_000,
                )
                contexts[step["id"]] = trace.set_span_in_context(span)
                if step["error"]:
                    span.set_status(Status(StatusCode.ERROR, step["error"]))
                if lasts is None:
                    spans[step["id"]] = span
                else:
                    span.end(now)
            case "end":
                span = spans.pop(step["id"])
                span.set_attributes(step["attributes"])
                span.end()
            case "wait":
                time.sleep(step["ms"] / 1e3)
            case "flush":
                process.flush(step["signals"])
            case "stop":
                processes.pop(step["process"]).stop()
            case other:
                sys.exit(f"no such step: {other}")
    if processes or spans:
        sys.exit("the day left something open")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--day", required=True)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--protocol", choices=["http/protobuf", "http/json", "grpc"], required=True)
    parser.add_argument("--temporality", choices=["cumulative", "delta"], required=True)
    parser.add_argument("--compression", choices=["none", "gzip"], required=True)
    options = parser.parse_args()
    # What an exporter says of each answer of 503 is meant to happen here.
    logging.basicConfig(level=logging.ERROR)
    sent = Sent()
    with open(options.day, encoding="utf-8") as file:
        play(json.load(file)["steps"], options, sent)
    print(json.dumps(sent.counts | {"protocol": options.protocol, "compression": options.compression}))
    return 1 if sent.counts["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())
