"""A proxy between a client and a server that loses what it is told to lose."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Forwards connections to a port of this machine.

    Attributes:
        lose: what happens to the next request that holds `marker`: "" nothing, "request" it never arrives, "reply"
            it arrives and its answer does not; the connection is cut in both cases.
        marker: bytes of the requests that are meant.
        is_down: whether new connections are cut at once.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.lose = ""
        self.marker = b"EVAL"
        self.is_down = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The address for a client."""
        return f"redis://127.0.0.1:{self.port}/0"

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if self.is_down:
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                while data := client.recv(1 << 16):
                    lose = self.lose if self.marker in data else ""
                    if lose == "request":
                        self.lose = ""
                        return
                    server.sendall(data)
                    answer = server.recv(1 << 16)
                    if lose == "reply":
                        self.lose = ""
                        return
                    client.sendall(answer)
