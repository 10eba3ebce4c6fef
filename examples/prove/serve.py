"""Serves suspects whose answers are known, as an OpenAI-compatible endpoint on 127.0.0.1."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answers = Mapping[str, Mapping[str, Sequence[str]]]
"""By model and prompt, what it says the first time, the second time, and so on."""


class Suspects(ThreadingHTTPServer):
    """``asked`` counts requests by model and prompt; ``pause`` is how long each answer takes, in seconds."""

    daemon_threads = True

    def __init__(self, answers: Answers, pause: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.pause = answers, pause
        self.asked: Counter[tuple[str, str]] = Counter()
        self.lock = threading.Lock()

    def address(self, model: str) -> str:
        return f"openai:{model}@http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Suspects

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model, prompt = asked["model"], asked["messages"][-1]["content"]
        with self.server.lock:
            number = self.server.asked[model, prompt]
            self.server.asked[model, prompt] += 1
        time.sleep(self.server.pause)
        known = self.server.answers[model].get(prompt, ["I do not know."])
        text = known[number % len(known)]
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        body = json.dumps({"id": "1", "object": "chat.completion", "model": model, "choices": [choice], "usage": usage})
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def serving(answers: Answers, pause: float = 0.0) -> Iterator[Suspects]:
    """Serve from a thread, as long as the block lasts."""
    server = Suspects(answers, pause)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
