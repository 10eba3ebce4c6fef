"""A model on loopback that is none: the same answer to everything, over OpenAI's and Anthropic's APIs."""

from __future__ import annotations

import itertools
import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 30,
    "total_tokens": 42,
    "completion_tokens_details": {"reasoning_tokens": 20},
}
ANSWERED = {"role": "assistant", "content": "So.", "reasoning_content": "Hm."}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1788739388,
    "model": "m-1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": ANSWERED}],
    "usage": USAGE,
}
CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1788739388, "model": "m-1"}
CHAT_EVENTS = [
    CHUNK
    | {"choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "H"}, "finish_reason": None}]},
    CHUNK | {"choices": [{"index": 0, "delta": {"reasoning_content": "m."}, "finish_reason": None}]},
    CHUNK | {"choices": [{"index": 0, "delta": {"content": "S"}, "finish_reason": None}]},
    CHUNK | {"choices": [{"index": 0, "delta": {"content": "o."}, "finish_reason": "stop"}]},
    CHUNK | {"choices": [], "usage": USAGE},
]
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1788739388.0,
    "status": "completed",
    "model": "m-1",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "So.", "annotations": []}],
        },
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 20},
        "total_tokens": 42,
    },
}
RESPONSE_EVENTS = [
    {"type": "response.created", "sequence_number": 0, "response": RESPONSE | {"output": [], "usage": None}},
    {"type": "response.completed", "sequence_number": 1, "response": RESPONSE},
]
MESSAGE_USAGE = {"input_tokens": 3, "cache_read_input_tokens": 9, "output_tokens": 30}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m-1",
    "content": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, {"type": "text", "text": "So."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": MESSAGE_USAGE | {"output_tokens_details": {"thinking_tokens": 20}},
}
MESSAGE_EVENTS = [
    {"type": "message_start", "message": MESSAGE | {"content": [], "usage": MESSAGE_USAGE | {"output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "So."}},
    {"type": "content_block_stop", "index": 1},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 30, "output_tokens_details": {"thinking_tokens": 20}},
    },
    {"type": "message_stop"},
]
COMPLETION = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1788739388,
    "model": "m-1",
    "choices": [{"index": 0, "text": "So.", "finish_reason": "stop", "logprobs": None}],
    "usage": USAGE,
}
EMBEDDINGS = {
    "object": "list",
    "model": "m-1",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "usage": {"prompt_tokens": 12, "total_tokens": 12},
}
ANSWERS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "/v1/chat/completions": (CHAT, CHAT_EVENTS),
    "/v1/responses": (RESPONSE, RESPONSE_EVENTS),
    "/v1/messages": (MESSAGE, MESSAGE_EVENTS),
    "/v1/completions": (COMPLETION, []),
    "/v1/embeddings": (EMBEDDINGS, []),
}


FAILURES = {"absent": (404, "no such model"), "busy": (429, "slow down")}


class Quiet(BaseHTTPRequestHandler):
    """Says nothing on the terminal."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Model(Quiet):
    """Answers at once, streamed where that is asked for; "absent" is not found and "busy" has no time."""

    numbers = itertools.count(1)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.hears(asked)
        if asked["model"] in FAILURES:
            status, message = FAILURES[asked["model"]]
            said = json.dumps({"error": {"message": message}}).encode()
            self.answer(status, {"Content-Type": "application/json"}, said)
            return
        whole, events = ANSWERS[self.path]
        if not asked.get("stream"):
            self.answer(200, {"Content-Type": "application/json"}, self.numbered(json.dumps(whole)))
            return
        named = self.path != "/v1/chat/completions"
        text = "".join(
            (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events
        )
        ended = "" if named else "data: [DONE]\n\n"
        self.answer(200, {"Content-Type": "text/event-stream"}, self.numbered(text + ended))

    def hears(self, asked: dict[str, Any]) -> None:
        """What was asked; tests that want to know keep it."""

    def numbered(self, text: str) -> bytes:
        """An answer with an id of its own."""
        number = next(self.numbers)
        return re.sub(r'"(chatcmpl-|cmpl-|resp_)1"', rf'"\g<1>{number}"', text).encode()
