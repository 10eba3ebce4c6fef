"""A caller who writes a gateway's own marks into its request hides neither the call nor its text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stillwatch.sources.calls.bodies import request_values
from stillwatch.sources.formats import cloudflare, helicone, http_pairs, litellm, litellm_spend

ASKED = [{"role": "user", "content": "Why?"}]


@pytest.mark.parametrize("source", [litellm.SOURCE, litellm_spend.SOURCE], ids=lambda source: source.info.name)
@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("redacted-by-litellm", None),
        ('{"text": "redacted-by-litellm"}', None),
        ("redacted-by-litellm\nWrite a proof of it.", "redacted-by-litellm\nWrite a proof of it."),
        ("Say redacted-by-litellm, then prove it.", "Say redacted-by-litellm, then prove it."),
    ],
)
def test_only_a_text_that_is_the_mark_of_litellm_was_redacted(source: Any, said: str, read: str | None) -> None:
    document = json.loads(source.info.example)
    request = {"messages": [{"role": "user", "content": said}]}
    answer = {"choices": [{"message": {"content": said}}]}
    (row,) = source.exchanges({**document, **request, "proxy_server_request": request, "response": answer})
    assert row["response"] == read
    assert [message["content"] for message in row["messages"] or []] == ([] if read is None else [read])


@pytest.mark.parametrize(
    "more", [{"_type": "tool"}, {"_type": "data"}, {"helicone_message": "?"}, {"heliconeMessage": "?"}]
)
def test_a_call_with_marks_of_helicone_is_a_call(more: dict[str, Any]) -> None:
    row = json.loads(helicone.SOURCE.info.example)
    body = {"model": "m", "messages": ASKED, **more}
    (found,) = helicone.SOURCE.exchanges({**row, "request_body": body})
    assert found["messages"] == ASKED


def test_an_empty_conversation_of_another_vendor_beside_the_real_one_hides_nothing() -> None:
    assert request_values({"messages": ASKED, "contents": []})["messages"] == ASKED


@pytest.mark.parametrize("session", [True, {"id": []}, ["s"], {}, 1.5])
def test_a_session_that_is_none_does_not_spoil_the_record(session: Any) -> None:
    pair, row = json.loads(http_pairs.SOURCE.info.example), json.loads(cloudflare.SOURCE.info.example)
    pair["request"]["body"]["conversation"] = session
    row["metadata"] = json.dumps({"user_id": "a1", "session_id": session})
    payload = json.loads(litellm.SOURCE.info.example) | {"session_id": session}
    sources: list[tuple[Any, Any]] = [
        (http_pairs.SOURCE, pair),
        (cloudflare.SOURCE, row),
        (litellm.SOURCE, payload),
    ]
    for source, document in sources:
        (found,) = source.exchanges(document)
        assert found["session_id"] is None
        assert found["account_id"] == "a1"


def test_a_body_with_a_har_files_own_keys_is_a_body() -> None:
    pair = json.loads(http_pairs.SOURCE.info.example)
    body = pair["request"].pop("body")
    (found,) = http_pairs.SOURCE.exchanges({**pair, "request": pair["request"] | {"content": body | {"mimeType": "x"}}})
    assert found["messages"] == [{"role": "user", "content": "Good morning"}]
