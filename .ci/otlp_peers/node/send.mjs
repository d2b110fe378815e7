// Plays a day (see day.py) with the OpenTelemetry SDK for JavaScript, and prints what it sent as one line of JSON.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { ROOT_CONTEXT, SpanKind, SpanStatusCode, ValueType, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as LogsGrpc } from "@opentelemetry/exporter-logs-otlp-grpc";
import { OTLPLogExporter as LogsJson } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as LogsProto } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as MetricsGrpc } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { OTLPMetricExporter as MetricsJson } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as MetricsProto } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as TracesGrpc } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as TracesJson } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as TracesProto } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const EXPORTERS = {
  "http/protobuf": [MetricsProto, LogsProto, TracesProto],
  "http/json": [MetricsJson, LogsJson, TracesJson],
  grpc: [MetricsGrpc, LogsGrpc, TracesGrpc],
};
const TEMPORALITIES = { cumulative: AggregationTemporality.CUMULATIVE, delta: AggregationTemporality.DELTA };
const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT };
const INSTRUMENTS = {
  counter: ["createCounter", "add"],
  up_down_counter: ["createUpDownCounter", "add"],
  histogram: ["createHistogram", "record"],
  gauge: ["createGauge", "record"],
};
const HOUR = 3_600_000;
// Small, so that one flush is several requests.
const BATCH = 8;

/** What the SDK handed to its exporters, and whether each said that it arrived. */
class Sent {
  counts = { requests: 0, refused: 0, points: 0, logs: 0, spans: 0 };

  counting(exporter, kind, measure = (items) => items.length) {
    const send = exporter.export.bind(exporter);
    exporter.export = (items, done) =>
      send(items, (result) => {
        this.counts.requests += 1;
        if (result.code === 0) {
          this.counts[kind] += measure(items);
        } else {
          this.counts.refused += 1;
          console.error(kind, result.error);
        }
        done(result);
      });
    return exporter;
  }
}

const points = (data) =>
  data.scopeMetrics.flatMap((scope) => scope.metrics).reduce((sum, metric) => sum + metric.dataPoints.length, 0);

/** What one process has of the SDK. */
class Process {
  constructor(step, options, sent) {
    const resource = resourceFromAttributes(step.resource);
    const [Metrics, Logs, Traces] = EXPORTERS[options.protocol];
    const to = (signal) => ({
      url: options.protocol === "grpc" ? options.endpoint : `${options.endpoint}/v1/${signal}`,
      compression: options.compression,
      timeoutMillis: 30_000,
    });
    const temporalityPreference = TEMPORALITIES[options.temporality];
    const views =
      step.histograms === "exponential"
        ? [{ instrumentType: InstrumentType.HISTOGRAM, aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }]
        : [];
    const exporter = sent.counting(new Metrics({ ...to("metrics"), temporalityPreference }), "points", points);
    this.meters = new MeterProvider({
      resource,
      views,
      readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: HOUR, exportTimeoutMillis: 30_000 })],
    });
    const batched = { scheduledDelayMillis: HOUR, maxExportBatchSize: BATCH };
    this.loggers = new LoggerProvider({
      resource,
      processors: [
        new BatchLogRecordProcessor({ exporter: sent.counting(new Logs(to("logs")), "logs"), ...batched }),
      ],
    });
    this.tracers = new BasicTracerProvider({
      resource,
      spanProcessors: [new BatchSpanProcessor(sent.counting(new Traces(to("traces")), "spans"), batched)],
    });
    this.instruments = new Map();
  }

  measure(step, context) {
    const key = `${step.scope} ${step.name}`;
    const [create, add] = INSTRUMENTS[step.kind];
    let instrument = this.instruments.get(key);
    if (instrument === undefined) {
      const valueType = step.number === "double" ? ValueType.DOUBLE : ValueType.INT;
      instrument = this.meters.getMeter(step.scope, "2.1.300")[create](step.name, { unit: step.unit, valueType });
      this.instruments.set(key, instrument);
    }
    instrument[add](step.value, step.attributes, context);
  }

  async flush(signals) {
    for (const signal of signals) {
      await { metrics: this.meters, logs: this.loggers, traces: this.tracers }[signal].forceFlush();
    }
  }

  async stop() {
    await this.meters.shutdown();
    await this.loggers.shutdown();
    await this.tracers.shutdown();
  }
}

async function play(steps, options, sent) {
  const processes = new Map();
  const spans = new Map();
  const contexts = new Map();
  for (const step of steps) {
    const process = processes.get(step.process);
    switch (step.do) {
      case "start":
        processes.set(step.process, new Process(step, options, sent));
        break;
      case "measure":
        process.measure(step, contexts.get(step.within));
        break;
      case "log": {
        const now = new Date();
        const stamped = ([key, value]) => [key, value === "$now" ? now.toISOString() : value];
        process.loggers.getLogger(step.scope, "2.1.300").emit({
          timestamp: now,
          context: contexts.get(step.within) ?? ROOT_CONTEXT,
          severityNumber: SeverityNumber.INFO,
          severityText: "INFO",
          body: step.body ?? undefined,
          eventName: step.event ?? undefined,
          attributes: Object.fromEntries(Object.entries(step.attributes).map(stamped)),
        });
        break;
      }
      case "span": {
        const now = Date.now();
        const startTime = now - (step.lasts_ms ?? 0);
        const span = process.tracers
          .getTracer(step.scope, "2.1.300")
          .startSpan(
            step.name,
            { kind: KINDS[step.kind], attributes: step.attributes, startTime },
            contexts.get(step.parent) ?? ROOT_CONTEXT,
          );
        contexts.set(step.id, trace.setSpan(ROOT_CONTEXT, span));
        if (step.error !== null) {
          span.setStatus({ code: SpanStatusCode.ERROR, message: step.error });
        }
        if (step.lasts_ms === null) {
          spans.set(step.id, span);
        } else {
          span.end(now);
        }
        break;
      }
      case "end": {
        const span = spans.get(step.id);
        spans.delete(step.id);
        span.setAttributes(step.attributes);
        span.end();
        break;
      }
      case "wait":
        await sleep(step.ms);
        break;
      case "flush":
        await process.flush(step.signals);
        break;
      case "stop":
        processes.delete(step.process);
        await process.stop();
        break;
      default:
        throw new Error(`no such step: ${step.do}`);
    }
  }
  if (processes.size > 0 || spans.size > 0) {
    throw new Error("the day left something open");
  }
}

const names = ["day", "endpoint", "protocol", "temporality", "compression"];
const { values: options } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" }])) });
for (const name of names) {
  if (options[name] === undefined) {
    throw new Error(`--${name} is missing`);
  }
}
const sent = new Sent();
await play(JSON.parse(readFileSync(options.day, "utf8")).steps, options, sent);
const { protocol, compression } = options;
console.log(JSON.stringify({ ...sent.counts, protocol, compression }));
process.exitCode = sent.counts.refused > 0 ? 1 : 0;
