"""The stand-in's HTTP side: requests in, server-sent events out."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from messages import BYTES_PER_TOKEN, JsonObject, events

if TYPE_CHECKING:
    from standin import StandIn


class Server(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 and answers with what a stand-in says."""

    daemon_threads = True

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Print nothing: the tests own the output."""

    def do_HEAD(self) -> None:
        self._send(200, b"")

    def do_GET(self) -> None:
        self.server.standin.others.append(f"GET {self.path}")
        self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": self.path}})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        standin = self.server.standin
        if path == "/v1/messages/count_tokens":
            standin.others.append(f"POST {path}")
            self._json(200, {"input_tokens": len(raw) // BYTES_PER_TOKEN})
            return
        if path != "/v1/messages":
            standin.others.append(f"POST {path}")
            self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": path}})
            return
        body = json.loads(raw)
        status, message, step = standin.answer(body, dict(self.headers.items()), len(raw))
        time.sleep(step.get("delay", 0))
        if status != 200 or not body.get("stream"):
            self._json(status, message)
            return
        self._stream(message, step.get("pace", 0))

    def _stream(self, message: JsonObject, pace: float) -> None:
        """Send a message event by event."""
        self._head(200, "text/event-stream", "Transfer-Encoding", "chunked")
        for name, data in events(message):
            text = f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
            self._write(b"%x\r\n%s\r\n" % (len(text), text))
            if pace and name == "content_block_stop":
                time.sleep(pace)
        self._write(b"0\r\n\r\n")

    def _json(self, status: int, value: JsonObject) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, body: bytes) -> None:
        self._head(status, "application/json", "Content-Length", str(len(body)))
        self._write(body)

    def _head(self, status: int, kind: str, *framing: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header(*framing)
        self.send_header("request-id", "req_standin")
        self.end_headers()

    def _write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            # The client gave the request up: it was interrupted, or it ended.
            self.close_connection = True
