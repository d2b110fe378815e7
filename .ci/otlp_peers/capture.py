"""A receiver that shows that senders and the truth agree, for when there is no host: `capture.py --dir FOLDER`

It keeps everything, decodes protobuf with the SDK's own classes, and adds up when its input ends: slowly, simply and
from the whole. Prints "listening on URL", and at the end its figures as one line of JSON, as the host does.
"""

import argparse
import base64
import gzip
import json
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from day import BUCKETS

SIGNALS = {
    "/v1/metrics": ("metrics", ExportMetricsServiceRequest, ExportMetricsServiceResponse),
    "/v1/logs": ("logs", ExportLogsServiceRequest, ExportLogsServiceResponse),
    "/v1/traces": ("traces", ExportTraceServiceRequest, ExportTraceServiceResponse),
}
CUMULATIVE = 2


def hex_to_base64(value):
    """OTLP's JSON writes ids in hex, where protobuf's own has base64."""
    if isinstance(value, list):
        return [hex_to_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in ("traceId", "spanId", "parentSpanId") and isinstance(item, str)
        else hex_to_base64(item)
        for key, item in value.items()
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are written one after the other, and neither waits.
    disable_nagle_algorithm = True

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers["content-length"]))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self):
        body = self.body()
        way = f"{self.headers['content-type']} {self.headers.get('content-encoding', 'none')}"
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        signal, request, response = SIGNALS[self.path]
        request = request()
        is_json = self.headers["content-type"].startswith("application/json")
        if is_json:
            json_format.ParseDict(hex_to_base64(json.loads(body)), request)
            answer = b"{}"
        else:
            request.ParseFromString(body)
            answer = response().SerializeToString()
        self.server.keep(signal, request, way)
        self.send_response(200)
        self.send_header("content-type", "application/json" if is_json else "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """Keeps what arrives, over HTTP and over gRPC."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock, self.requests, self.ways = threading.Lock(), defaultdict(list), set()

    def keep(self, signal, request, way):
        with self.lock:
            self.requests[signal].append(request)
            self.ways.add(way)

    def with_grpc(self):
        """A server of gRPC beside this one, and its port."""

        def keeping(signal, response):
            def take(request, _):
                self.keep(signal, request, "grpc")
                return response()

            return take

        server = grpc.server(ThreadPoolExecutor(4))
        for signal, request, response in SIGNALS.values():
            name = {"metrics": "metrics", "logs": "logs", "traces": "trace"}[signal]
            service = f"opentelemetry.proto.collector.{name}.v1.{name.title()}Service"
            method = grpc.unary_unary_rpc_method_handler(
                keeping(signal, response), request.FromString, response.SerializeToString
            )
            server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {"Export": method})])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, port


def value_of(value):
    which = value.WhichOneof("value")
    if which == "array_value":
        return tuple(value_of(item) for item in value.array_value.values)
    if which == "kvlist_value":
        return frozen(attributes_of(value.kvlist_value.values))
    return getattr(value, which) if which else None


def attributes_of(pairs):
    return {pair.key: value_of(pair.value) for pair in pairs}


def frozen(attributes):
    return tuple(sorted(attributes.items()))


class Figures:
    """Adds up what came."""

    def __init__(self, requests):
        self.requests = requests
        self.usage = defaultdict(lambda: defaultdict(int))
        self.cost = defaultdict(int)
        self.tools = {}
        self.metrics = defaultdict(dict)
        self.received = {"points": 0, "logs": 0, "spans": 0}
        self.calls, self.exemplars = {}, 0

    def series(self):
        """(session, name, attributes, amounts) of each series, each point once."""
        epochs, gauges = defaultdict(dict), {}
        for request in self.requests["metrics"]:
            for resource in request.resource_metrics:
                of = attributes_of(resource.resource.attributes)
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        which = metric.WhichOneof("data")
                        data = getattr(metric, which)
                        for point in data.data_points:
                            self.received["points"] += 1
                            self.exemplars += len(point.exemplars) if which != "summary" else 0
                            attributes = attributes_of(point.attributes)
                            key = (frozen(of), scope.scope.name, metric.name, frozen(attributes))
                            if which in ("gauge", "sum"):
                                amount = getattr(point, point.WhichOneof("value"))
                            else:
                                amount = point.sum
                            span = (point.start_time_unix_nano, point.time_unix_nano)
                            if which == "gauge":
                                gauges[key] = max(gauges.get(key, (0, 0)), (span[1], amount))
                            elif data.aggregation_temporality == CUMULATIVE:
                                # Of each start the last one counts.
                                epochs[key][span[0]] = max(epochs[key].get(span[0], (0, 0)), (span[1], amount))
                            else:
                                epochs[key][span] = (span[1], amount)
        for (of, _, name, attributes), amounts in epochs.items():
            amounts = [amount for _, amount in amounts.values()]
            yield session_of(dict(of), dict(attributes)), name, dict(attributes), amounts
        for (of, _, name, attributes), (_, amount) in gauges.items():
            self.metrics[session_of(dict(of), dict(attributes))][name] = {"last": amount}

    def told_by_metrics(self):
        told = defaultdict(lambda: defaultdict(int))
        cost = defaultdict(int)
        kinds = {"input": "input", "output": "output", "cacheRead": "cache_read", "cacheCreation": "cache_write"}
        new = "gen_ai.client.inference.usage."
        for session, name, attributes, amounts in self.series():
            model = attributes.get("gen_ai.response.model", attributes.get("model", "")).removesuffix("[1m]")
            key = (session, model)
            if name == "claude_code.token.usage":
                told[key][kinds[attributes["type"]]] += sum(amounts)
            elif name == "claude_code.cost.usage":
                cost[key] += sum(round(amount * 1e12) for amount in amounts)
            elif name == "gen_ai.client.token.usage":
                kind = {"input": "inclusive", "output": "output"}[attributes["gen_ai.token.type"]]
                told[key][kind] += round(sum(amounts))
            elif name.startswith(new):
                bucket = name.removeprefix(new).replace("_tokens", "").split(".")[0]
                bucket = {"input": "inclusive"}.get(bucket, bucket)
                told[key][bucket] += sum(amounts)
            elif name.startswith("peers."):
                self.metrics[session][name] = {"sum": sum(amounts)}
        for usage in told.values():
            if "inclusive" in usage:
                usage["input"] = usage.pop("inclusive") - usage["cache_read"] - usage["cache_write"]
        return told, cost

    def logs(self):
        for request in self.requests["logs"]:
            for resource in request.resource_logs:
                for scope in resource.scope_logs:
                    for log in scope.log_records:
                        self.received["logs"] += 1
                        yield log.event_name, attributes_of(log.attributes)

    def spans(self):
        for request in self.requests["traces"]:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self.received["spans"] += 1
                        assert span.end_time_unix_nano >= span.start_time_unix_nano
                        yield span, attributes_of(span.attributes)

    def call(self, session, key, model, usage, failed=False, cost_picos=None):
        known = self.calls.setdefault((session, key), {"model": model, "usage": usage, "failed": failed, "cost": 0})
        assert known["usage"] == usage and known["model"] == model, (known, usage)
        if cost_picos is not None:
            known["cost"] = cost_picos

    def tool(self, session, key, tool, ok):
        self.tools[(session, key)] = (tool, ok)

    def chat(self, session, key, it):
        model, name = it["gen_ai.response.model"], "gen_ai.usage."
        if "error.type" in it:
            self.call(session, key, model, {}, failed=True)
        elif f"{name}prompt_tokens" in it:
            usage = {"input": it[f"{name}prompt_tokens"], "output": it[f"{name}completion_tokens"]}
            self.call(session, key, model, usage)
        else:
            read, written = it[f"{name}cache_read.input_tokens"], it[f"{name}cache_creation.input_tokens"]
            amounts = [it[f"{name}input_tokens"] - read - written, read, written]
            amounts += [it[f"{name}output_tokens"], it[f"{name}reasoning.output_tokens"]]
            self.call(session, key, model, dict(zip(BUCKETS, amounts)))

    def told_by_items(self):
        claude = ["input_tokens", "cache_read_tokens", "cache_creation_tokens", "output_tokens"]
        for name, it in self.logs():
            if name:
                assert name == "gen_ai.client.inference.operation.details", name
                assert ("role", "user") in it["gen_ai.input.messages"][0], it
                self.chat(it["gen_ai.conversation.id"], it["gen_ai.response.id"], it)
                continue
            session = it["session.id"]
            assert it["team.name"].endswith("crew\" \U0001f680\n"), it["team.name"]
            if it["event.name"] == "api_request":
                usage = dict(zip(BUCKETS, (it[name] for name in claude)))
                self.call(session, it["request_id"], it["model"], usage, cost_picos=it["cost_usd_micros"] * 10**6)
            elif it["event.name"] == "api_error":
                self.call(session, it["client_request_id"], it["model"], {}, failed=True)
            elif it["event.name"] == "tool_result":
                self.tool(session, it["tool_use_id"], it["tool_name"], it["success"] == "true")
        for span, it in self.spans():
            session = it.get("session.id", it.get("gen_ai.conversation.id"))
            if span.name == "claude_code.llm_request":
                usage = dict(zip(BUCKETS, (it[name] for name in claude)))
                self.call(session, it["request_id"], it["model"], usage)
            elif span.name == "claude_code.tool":
                self.tool(session, it["tool_use_id"], it["tool_name"], it["success"])
            elif it["gen_ai.operation.name"] == "chat":
                self.chat(session, it.get("gen_ai.response.id", span.span_id), it)
            elif it["gen_ai.operation.name"] == "execute_tool":
                self.tool(session, it["gen_ai.tool.call.id"], it["gen_ai.tool.name"], "error.type" not in it)

    def figures(self):
        self.told_by_items()
        told, cost = self.told_by_metrics()
        sessions = defaultdict(lambda: {"models": {}, "tools": {}, "metrics": {}})

        def sums(session, model):
            empty = dict.fromkeys(["calls", "failed", *BUCKETS, "cost_picos"], 0)
            return sessions[session]["models"].setdefault(model, empty)

        for (session, _), call in self.calls.items():
            of = sums(session, call["model"])
            of["failed" if call["failed"] else "calls"] += 1
            of["cost_picos"] += call["cost"]
            for bucket, tokens in call["usage"].items():
                of[bucket] += tokens
        # Metrics tell of all requests; where single ones were told they are among them.
        for (session, model), usage in told.items():
            of = sums(session, model)
            if of["calls"] == 0:
                of.update(usage)
            else:
                told_input = of["input"] + of["cache_read"] + of["cache_write"]
                assert told_input == sum(usage[bucket] for bucket in BUCKETS[:3]), (session, usage, of)
                assert of["output"] == usage["output"], (session, usage, of)
        for (session, model), picos in cost.items():
            of = sums(session, model)
            of["cost_picos"] = of["cost_picos"] or picos
        for (session, _), (tool, ok) in self.tools.items():
            of = sessions[session]["tools"].setdefault(tool, {"ok": 0, "failed": 0})
            of["ok" if ok else "failed"] += 1
        for session, metrics in self.metrics.items():
            sessions[session]["metrics"] = metrics
        return {"sessions": sessions, "received": self.received, "exemplars": self.exemplars}


def session_of(resource, attributes):
    told = attributes.get("session.id", attributes.get("gen_ai.conversation.id"))
    return told or resource["service.instance.id"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", help="for the host's sake; nothing is written")
    parser.parse_args()
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    of_grpc, port = server.with_grpc()
    print(f"grpc on http://127.0.0.1:{port}", flush=True)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()
    server.shutdown()
    of_grpc.stop(1).wait()
    print(json.dumps(Figures(server.requests).figures() | {"ways": sorted(server.ways)}))


if __name__ == "__main__":
    main()
