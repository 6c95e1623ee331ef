"""A system of an agency: a web server on this machine that takes webhooks, and answers as the test says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """`answers` are used up one after the other, the last one again and again: a status, or (status, headers)."""

    def __init__(self):
        self.answers: list = [204]
        self.taken: list[tuple[dict, bytes]] = []
        self.wait = threading.Event()  # cleared: every answer waits for it
        self.wait.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                receiver.wait.wait(30)
                answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                """Quietly."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"

    @contextmanager
    def serving(self) -> Iterator["Receiver"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stop()
            thread.join(5)

    def stop(self) -> None:
        self.wait.set()
        self._server.shutdown()
        self._server.server_close()
