"""Servers that go away while the exporter has its queue on disk: `faults.py --exporter … --rotel … --records … --dir …`

In the end everything is there, and what came twice is told by its ids. Prints a row for each kind of fault.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from collector import Collector, free_port

HERE = Path(__file__).resolve().parent
STYLE = {"names": "latest", "temporality": "delta", "handoffs": "own"}
MOST = 60


class Fault:
    """One run: a server that keeps what it gets, an exporter, and what is between."""

    def __init__(self, options, name):
        self.options, self.name = options, name
        self.dir = Path(options.dir) / name
        self.dir.mkdir()
        self.kept, self.port = self.dir / "kept", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.deaths = Counter()

    def serve(self, *dying):
        arguments = [HERE / "server.py", "--keep", self.kept, "--port", self.port, *dying]
        server = subprocess.Popen(
            [sys.executable, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert server.stdout.readline().startswith("listening"), "the server does not listen"
        return server

    def export(self, url, *more):
        style = [part for key, value in STYLE.items() for part in (f"--{key}", value)]
        arguments = ["--records", self.options.records, "--endpoint", url, "--queue", self.dir / "queue"]
        arguments += [*style, "--gzip", "--batch", "20", *more]
        command = [self.options.exporter, *map(str, arguments)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self, exporter, server):
        said, _ = exporter.communicate(timeout=MOST)
        assert exporter.returncode == 0, f"the exporter failed with {exporter.returncode}"
        server.stdin.close()
        assert server.wait(MOST) == 0, "the server failed"
        (self.dir / "sent.json").write_text(said.splitlines()[-1], encoding="utf-8")

    def check(self, *more):
        style = [part for key, value in STYLE.items() for part in (f"--{key}", value)]
        files = ["--records", f"{self.options.records}/records-00000001.jsonl", "--kept", self.kept]
        command = [sys.executable, HERE / "check.py", *files, "--sent", self.dir / "sent.json", *style, *more]
        done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, check=False)
        *wrong, row = done.stdout.splitlines()
        deaths = ", ".join(f"{count} {what}" for what, count in self.deaths.items())
        print(f"{self.name:42} {row}\n    {deaths}", *wrong, sep="\n" if wrong else "")
        return done.returncode == 0


def dying_server(options):
    """The server dies with a request that it has not kept, or has, and is there again: as often as can be."""
    fault, rng = Fault(options, "server"), random.Random(12)
    exporter = fault.export(fault.url, "--pause", "4")
    for turn in range(12):
        dying = ["before", "after"][turn % 2]
        server = fault.serve("--die-after", str(rng.randrange(2, 9)), "--dying", dying)
        assert server.wait(MOST) == -signal.SIGKILL, "the server lived on"
        fault.deaths[f"deaths {dying} a request was kept"] += 1
        # For a while there is nobody.
        time.sleep(0.05)
    fault.end(exporter, fault.serve())
    lines = fault.kept.read_text(encoding="utf-8").splitlines()
    twice = len(lines) - len(set(lines))
    # Each request that was kept and not answered came again, and no other.
    wanted = fault.deaths["deaths after a request was kept"]
    if twice != wanted:
        print(f"    {twice} requests came twice and {wanted} were to")
    return fault.check("--gzip", "--repeats") and twice == wanted


def settled(path):
    """Waits until a file has not grown for a while."""
    size, since = -1, time.monotonic()
    while time.monotonic() < since + 0.6:
        now = path.stat().st_size if path.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.05)


def killed_collector(options):
    """The collector is killed once it has passed on what it took: what it only took would be its own loss."""
    fault = Fault(options, "collector")
    server = fault.serve()
    collector = Collector(options.rotel, fault.url)
    exporter = fault.export(f"http://127.0.0.1:{collector.port}", "--stop-after", "10")
    assert exporter.stdout.readline() == "stopped\n", "the exporter did not stop"
    settled(fault.kept)
    collector.kill()
    fault.deaths["kill"] += 1
    exporter.stdin.write("\n")
    exporter.stdin.flush()
    # All that is left is on disk by then.
    time.sleep(0.5)
    assert exporter.poll() is None, "the exporter ended though nobody took what it had"
    collector.start()
    assert exporter.wait(MOST) == 0, "the exporter failed"
    collector.stop()
    fault.end(exporter, server)
    # Nothing was under way: nothing comes twice.
    return fault.check("--collector")


def restarted_collector(options):
    """The collector ends in the midst of it, in good order, and is there again a little later."""
    fault = Fault(options, "restarted")
    server = fault.serve()
    collector = Collector(options.rotel, fault.url)
    exporter = fault.export(f"http://127.0.0.1:{collector.port}", "--pause", "15")
    for _ in range(3):
        time.sleep(0.2)
        assert exporter.poll() is None, "the exporter has ended already"
        collector.stop()
        fault.deaths["restarts"] += 1
        time.sleep(0.05)
        collector.start()
    assert exporter.wait(MOST) == 0, "the exporter failed"
    collector.stop()
    fault.end(exporter, server)
    return fault.check("--collector", "--repeats")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("exporter", "rotel", "records", "dir"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    done = [fault(options) for fault in (dying_server, killed_collector, restarted_collector)]
    print(f"{sum(done)} of {len(done)} faults lost nothing and counted nothing twice")
    return 0 if all(done) else 1


if __name__ == "__main__":
    sys.exit(main())
