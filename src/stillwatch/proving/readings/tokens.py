"""Whether a model's tokens are those that a mark is of: the same number for every token of the vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stillwatch.proving.material import tokenizer_of

__all__ = ["TOKENIZER", "unlike"]

TOKENIZER = "tokenizer.json"


def unlike(ours: Any, folder: Path) -> str:
    """In what the tokenizer of the model in ``folder`` differs from ``ours`` (both of the library `tokenizers`), in
    words that follow on its name; "" where it knows every token of ours by the same number.

    Tokens that it has besides do not matter: they are none of the mark's. Raises `InputError` where the folder's file
    is no tokenizer.
    """
    path = folder / TOKENIZER
    if not path.is_file():
        return f"has no {TOKENIZER}, so that nothing shows that its tokens are those of the marking model"
    theirs: dict[str, int] = tokenizer_of(path).get_vocab(with_added_tokens=True)
    known: dict[str, int] = ours.get_vocab(with_added_tokens=True)
    different = sorted((number, token) for token, number in known.items() if theirs.get(token) != number)
    if not different:
        return ""
    number, token = different[0]
    there = f"is number {theirs[token]} there" if token in theirs else "is unknown there"
    return (
        f"has other tokens than the marking model: {len(different):,} of {len(known):,} differ, the first of them "
        f"number {number}, {ascii(token)[:40]}, which {there}"
    )
