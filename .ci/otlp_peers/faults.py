"""A way to the receiver that is bad in a known manner: `faults.py URL`

Prints "listening on URL". Of each five new requests it answers the second with 503 without passing it on, and passes
the fourth on and answers 503 all the same, as if the receiver's answer had been lost: an SDK sends both again, so the
receiver sees the fourth twice. All others pass unchanged, and so does what was sent before: no SDK has to give up. At
the end of its input it prints how often it did so.
"""

import http.client
import json
import sys
import threading
from http.server import ThreadingHTTPServer
from urllib.parse import urlsplit

from capture import Handler as Reading


class Handler(Reading):
    def do_POST(self):
        body = self.body()
        with self.server.lock:
            known, key = self.server.known, (self.path, body)
            turn = 0 if key in known else (len(known) + 1) % 5
            known.add(key)
            self.server.done[{2: "refused", 4: "sent_twice"}.get(turn, "passed")] += 1
        status, headers, answer = 503, [("retry-after", "0")], b""
        if turn != 2:
            told = [(key, value) for key, value in self.headers.items() if key.lower() not in ("transfer-encoding", "host")]
            there = http.client.HTTPConnection(self.server.to.hostname, self.server.to.port, timeout=30)
            there.request("POST", self.path, body, dict(told))
            response = there.getresponse()
            said = response.read()
            there.close()
            # What the receiver itself refuses is its own affair.
            if turn != 4 or response.status != 200:
                status, answer = response.status, said
                headers = [(key, value) for key, value in response.getheaders() if key.lower() == "content-type"]
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.lock, server.known, server.to = threading.Lock(), set(), urlsplit(sys.argv[1])
    server.done = {"passed": 0, "refused": 0, "sent_twice": 0}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()
    server.shutdown()
    print(json.dumps(server.done))


if __name__ == "__main__":
    main()
