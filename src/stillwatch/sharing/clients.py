"""Families of client software from what a client calls itself. Only the family's name leaves, never the text.

The text is written by the client, so a family is a claim. It is read as product names (RFC 9110, 10.1.5: names, each
with an optional version after a slash, and comments in brackets) and compared with a closed list; no pattern is run on
it.
"""

from __future__ import annotations

from typing import get_args

from stillwatch.sharing.bulletin import ClientFamily

__all__ = ["FAMILIES", "family_of"]

_READ = 512
_SEPARATORS = str.maketrans(dict.fromkeys("();,\t\r\n", " "))
_PRODUCTS: dict[ClientFamily, tuple[str, ...]] = {
    "litellm": ("litellm", "litellm-proxy"),
    "langchain": ("langchain", "langchain-openai", "langchain-anthropic", "langchainjs", "langchain-core"),
    "openai-python": ("openai-python", "openai/python", "asyncopenai/python", "azureopenai/python"),
    "openai-node": ("openai-node", "openai/js", "openai/node"),
    "anthropic-python": ("anthropic-python", "anthropic-sdk-python", "anthropic/python", "asyncanthropic/python"),
    "anthropic-typescript": ("anthropic-typescript", "anthropic-sdk-typescript", "anthropic/js"),
    "python-requests": ("python-requests", "requests"),
    "httpx": ("python-httpx", "httpx"),
    "aiohttp": ("aiohttp",),
    "node-fetch": ("node-fetch",),
    "undici": ("undici",),
    "axios": ("axios",),
    "go-http": ("go-http-client",),
    "okhttp": ("okhttp",),
    "java-http": ("java-http-client", "apache-httpclient", "java"),
    "curl": ("curl", "libcurl"),
    "browser": ("mozilla",),
}
"""The products of each family, the more telling first: a library names itself beside the HTTP client that it uses."""
FAMILIES: tuple[ClientFamily, ...] = get_args(ClientFamily)


def family_of(user_agent: str) -> ClientFamily:
    """The family of a client by its own words; "other" for the empty text and for what is on no list.

    >>> family_of("AsyncOpenAI/Python 1.30.1"), family_of("Python/3.11 aiohttp/3.9.1"), family_of("my-script")
    ('openai-python', 'aiohttp', 'other')
    """
    words = user_agent[:_READ].casefold().translate(_SEPARATORS).split()
    names = {word.partition("/")[0] for word in words} | set(words)
    for family, products in _PRODUCTS.items():
        if not names.isdisjoint(products):
            return family
    return "other"
