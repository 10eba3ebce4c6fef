"""Counts and blocks of an answer that one vendor means otherwise than the others."""

from __future__ import annotations

from typing import Any

import pytest

from stillwatch.sources.calls.bodies import response_values
from stillwatch.sources.calls.usage import usage_values


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 12, "completion_tokens": 387, "total_tokens": 399}, (12, 387, 386)),  # OpenAI
        ({"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 399}, (12, 387, 386)),  # xAI
        ({"prompt_tokens": 12, "completion_tokens": 1}, (12, 1, 386)),
        ({"prompt_tokens": 12, "completion_tokens": "1", "total_tokens": 399}, (12, "1", 386)),
        ({"prompt_tokens": None, "completion_tokens": 1, "total_tokens": []}, (None, 1, 386)),
    ],
)
def test_output_includes_reasoning_wherever_a_vendor_counts_it(usage: dict[str, Any], expected: Any) -> None:
    told = usage_values({**usage, "completion_tokens_details": {"reasoning_tokens": 386}})
    assert (told["input_tokens"], told["output_tokens"], told["reasoning_tokens"]) == expected


def test_what_a_tool_of_the_vendors_fetched_is_no_answer() -> None:
    content = [
        {"type": "mcp_tool_use", "id": "t", "name": "f", "server_name": "s", "input": {}},
        {"type": "mcp_tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "A page."}]},
        {"type": "text", "text": "So."},
    ]
    assert response_values({"content": content})["response"] == "So."
