"""Three calls with OpenAI's client to a model on loopback, instrumented: ``python otlp.py MODULE FILE``.

Knows nothing of Stillwatch; runs with whatever Python has the packages that it imports.
"""

# ruff: noqa: PLC0415
from __future__ import annotations

import contextlib
import http.server
import importlib
import json
import sys
import threading
from pathlib import Path
from typing import Any

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 30,
    "total_tokens": 42,
    "completion_tokens_details": {"reasoning_tokens": 20},
    "prompt_tokens_details": {"cached_tokens": 4},
}
ANSWER = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "created": 1788739388,
    "model": "m-2026",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "So.", "reasoning_content": "Hm."},
        }
    ],
    "usage": USAGE,
}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}


def chunk(choices: list[dict[str, Any]], **more: Any) -> str:
    told = {"id": "chatcmpl-8", "object": "chat.completion.chunk", "created": 1788739389, "model": "m-2026"}
    return "data: " + json.dumps(told | {"choices": choices} | more) + "\n\n"


STREAM = (
    chunk([{"index": 0, "delta": {"role": "assistant", "content": "So"}, "finish_reason": None}])
    + chunk([{"index": 0, "delta": {"content": " be it."}, "finish_reason": "stop"}])
    + chunk([], usage=USAGE)
    + "data: [DONE]\n\n"
)


class Model(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status, kind, answer = 200, "application/json", json.dumps(ANSWER)
        if asked.get("user") == "refused":
            status, answer = 429, json.dumps({"error": {"message": "slow down", "type": "requests", "code": "limit"}})
        elif asked.get("stream"):
            kind, answer = "text/event-stream", STREAM
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


def instrumented(module: str, path: Path) -> Any:
    from opentelemetry import _logs, trace
    from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
    from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    spans, logs = TracerProvider(), LoggerProvider()
    spans.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))
    logs.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(path)))
    trace.set_tracer_provider(spans)
    _logs.set_logger_provider(logs)
    importlib.import_module(module).OpenAIInstrumentor().instrument()
    return trace


def main(module: str, path: Path) -> None:
    trace = instrumented(module, path)
    import openai

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1", max_retries=0)
    create = client.chat.completions.create
    seen = {"client.address": "203.0.113.9", "user_agent.original": "agent/1", "user.id": "a1"}
    asked: Any = [{"role": "user", "content": "Why?"}]
    tools: Any = [TOOL]
    with trace.get_tracer("app").start_as_current_span("POST", kind=trace.SpanKind.SERVER, attributes=seen):
        above: Any = [{"role": "system", "content": "Be brief."}]
        create(model="m", temperature=0.2, max_tokens=100, tools=tools, messages=above + asked)
        for _ in create(model="m", stream=True, stream_options={"include_usage": True}, messages=asked):
            pass
        with contextlib.suppress(openai.RateLimitError):
            create(model="m", user="refused", messages=asked)
    trace.get_tracer_provider().shutdown()
    server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
