"""A model that answers what the log says was answered: the upstream of a replay through LiteLLM's proxy.

python -m bench.gateway_replay_upstream LOG PORT

Which exchange is asked for stands in a header that the replay's door adds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
from aiohttp import web

COLUMNS = ("exchange_id", "response", "reasoning", "status", "input_tokens", "output_tokens", "reasoning_tokens")


def application(answers: dict[str, dict[str, Any]]) -> web.Application:
    """Chat completions from ``answers`` by exchange."""

    async def chat(request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read())
        row = answers[request.headers["x-replay-exchange"]]
        status = row["status"] or 200
        if status != 200:
            said = {"error": {"message": "as logged", "type": "logged", "code": str(status)}}
            return web.Response(body=msgspec.json.encode(said), status=status, content_type="application/json")
        message = {"role": "assistant", "content": row["response"] or ""}
        if row["reasoning"]:
            message["reasoning_content"] = row["reasoning"]
        sent, given, thought = (row[name] or 0 for name in ("input_tokens", "output_tokens", "reasoning_tokens"))
        said = {
            "id": f"chatcmpl-{row['exchange_id']}",
            "object": "chat.completion",
            "created": 1788739388,
            "model": asked["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {
                "prompt_tokens": sent,
                "completion_tokens": given,
                "total_tokens": sent + given,
                "completion_tokens_details": {"reasoning_tokens": thought},
            },
        }
        return web.Response(body=msgspec.json.encode(said), content_type="application/json")

    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post("/v1/chat/completions", chat)
    return app


def main(log: Path, port: int) -> None:
    """Serve on loopback until killed."""
    rows = pq.read_table(log, columns=list(COLUMNS)).to_pylist()
    web.run_app(application({row["exchange_id"]: row for row in rows}), host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
