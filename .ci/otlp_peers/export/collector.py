"""Rotel between the exporter and a server: `collector.py PROGRAM URL`

Prints "listening on URL", and ends it with its input: what it took by then it passes on first.
"""

import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Collector:
    """Takes OTLP over HTTP at `port`, and passes it on over HTTP."""

    def __init__(self, program, to, port=None):
        self.program, self.to, self.port = program, to, port or free_port()
        self.folder = tempfile.TemporaryDirectory()
        self.start()

    def start(self):
        options = {
            "otlp-http-endpoint": f"127.0.0.1:{self.port}",
            "otlp-grpc-endpoint": f"127.0.0.1:{free_port()}",
            "exporter": "otlp",
            "otlp-exporter-endpoint": self.to,
            "otlp-exporter-protocol": "http",
            "otlp-exporter-retry-initial-backoff": "100ms",
            "batch-timeout": "100ms",
            "pid-file": f"{self.folder.name}/pid",
            "log-file": f"{self.folder.name}/log",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen([self.program, "start", *arguments], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket() as it:
                if it.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{self.program} does not listen")

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait()


def main():
    collector = Collector(*sys.argv[1:])
    print(f"listening on http://127.0.0.1:{collector.port}", flush=True)
    sys.stdin.read()
    collector.stop()


if __name__ == "__main__":
    main()
