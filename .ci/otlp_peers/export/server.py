"""Keeps what is sent to it, as it came: `server.py --keep FILE [--port PORT] [--die-after N --dying before|after]`

Prints "listening on URL" and ends with its input. A request is in the file, a line of JSON for each, before it is
answered. With --die-after it dies at once at the N-th request, before it is kept or after: in between, the sender
hears nothing of it.
"""

import argparse
import base64
import json
import os
import signal
import sys
import threading
from http.server import ThreadingHTTPServer

from capture import SIGNALS
from capture import Handler as Reading


class Handler(Reading):
    def do_POST(self):
        body = self.body()
        said = {key: self.headers.get(f"content-{key}") for key in ("type", "encoding")}
        line = json.dumps({"path": self.path, **said, "body": base64.b64encode(body).decode()}) + "\n"
        server = self.server
        with server.lock:
            server.count += 1
            dies = server.count == server.die_after
            if dies and server.dying == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            os.write(server.file, line.encode())
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
        answer = SIGNALS[self.path][2]().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--die-after", type=int)
    parser.add_argument("--dying", choices=["before", "after"], default="before")
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.lock, server.count = threading.Lock(), 0
    server.die_after, server.dying = options.die_after, options.dying
    server.file = os.open(options.keep, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
