"""A stand-in for the admin listener of Larder: remembers orders, and answers as it is told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PURGED = {"purged": {"pages": 1, "variants": 1, "counted": "exact"}, "reached": ["memory"], "not_reached": []}


class StandIn:
    def __init__(self):
        self.orders = []
        self.tokens = []
        self.answer = lambda path, order: (200, PURGED)
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stand_in.tokens.append(self.headers.get("Authorization"))
                status, said = stand_in.answer(self.path, order)
                if status < 300:
                    stand_in.orders.append(order)
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.handler = Handler
        self.port = 0
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self.handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def tags(self):
        """The tags of all orders so far."""
        return {tag for order in self.orders for tag in order.get("tags", [])}

    def taken(self):
        """What came since this was last asked."""
        orders, self.orders = self.orders, []
        return orders
