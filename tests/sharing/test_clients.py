"""Families of client software: known ones are recognised, and no text of a client gets out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sharing.clients import FAMILIES, family_of


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("OpenAI/Python 1.30.1", "openai-python"), ("AsyncOpenAI/Python 2.3.0", "openai-python"),
        ("openai-python/2.3.0", "openai-python"), ("OpenAI/JS 4.52.7", "openai-node"),
        ("Anthropic/Python 0.34.2", "anthropic-python"), ("anthropic-sdk-python/0.64.1", "anthropic-python"),
        ("Anthropic/JS 0.27.3", "anthropic-typescript"), ("litellm/1.40.0 python-httpx/0.27", "litellm"),
        ("langchain/0.2 OpenAI/Python 1.30", "langchain"), ("curl/8.5.0", "curl"),
        ("python-requests/2.31.0", "python-requests"), ("python-httpx/0.27.0", "httpx"),
        ("Python/3.11 aiohttp/3.9.1", "aiohttp"), ("node-fetch/1.0 (+https://example.com/node-fetch)", "node-fetch"),
        ("undici", "undici"), ("axios/1.6.2", "axios"), ("Go-http-client/2.0", "go-http"), ("okhttp/4.12.0", "okhttp"),
        ("Java-http-client/17.0.9", "java-http"), ("Apache-HttpClient/5.2.1 (Java/17)", "java-http"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0", "browser"),
        ("my-script", "other"), ("", "other"), ("curlish/1.0", "other"), ("x" * 100_000 + " curl/8", "other"),
    ],
)  # fmt: skip
def test_families_by_example(agent: str, family: str) -> None:
    assert family_of(agent) == family


@given(st.text())
def test_any_text_has_a_family_of_the_list(agent: str) -> None:
    assert family_of(agent) in FAMILIES
