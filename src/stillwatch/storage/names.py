"""Names of files as text that every file of a run can hold."""

from __future__ import annotations

__all__ = ["told_name"]


def told_name(name: str) -> str:
    r"""``name`` with bytes that are no UTF-8, which Python keeps as half characters, spelt out.

    >>> told_name("caf\udce9.jsonl")
    'caf\\udce9.jsonl'
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
