"""A suspect that lies in a folder, read through transformers on this machine: the extra ``local``.

As in `asking.endpoints.transformers`, nothing is fetched, no code of the folder's is run, and weights must be
safetensors; it is given a question as that one gives it. For marks in tokens its tokens must be those of the marking
model: ids are passed as they are.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.asking.base import Message, Question
from stillwatch.errors import InputError, PluginError
from stillwatch.proving.radioactivity.base import Probabilities, Tokens

__all__ = ["LocalModel"]

_AT_ONCE = 512  # rows of logits in single precision: vocabularies are large


class LocalModel:
    """`NextTokens`, and a `readings.base.OpenModel`, of a causal language model in a folder, at temperature 1 without
    cuts."""

    def __init__(self, folder: Path, device: str = "") -> None:
        """Load it.

        Args:
            folder: as transformers saves a model.
            device: torch's name of it; "" takes the accelerator where there is one.

        Raises:
            PluginError: torch or transformers is not installed.
            InputError: the folder holds no such model.
        """
        try:
            self._torch: Any = importlib.import_module("torch")
            transformers: Any = importlib.import_module("transformers")
        except ImportError as error:
            raise PluginError(
                f"needs {error.name}, which is not installed", folder, "pip install 'stillwatch[local]'"
            ) from error
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        if not (folder / "config.json").is_file():
            raise InputError("holds no model: it has no config.json", folder, "name a folder as transformers saves one")
        try:
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype="auto"
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InputError(
                f"cannot be loaded: {error}", folder, "give a causal language model in safetensors"
            ) from error
        self._folder, self._tokens = folder, None
        self._model = model.to(device or ("cuda" if self._torch.cuda.is_available() else "cpu")).eval()
        told = (getattr(model.config, name, None) for name in ("max_position_embeddings", "n_positions"))
        self._room = min((n for n in told if isinstance(n, int) and n > 0), default=2**31)

    def read(self, tokens: Tokens, positions: Tokens) -> Probabilities:
        """As `NextTokens.read`, in single precision; of a text that is too long for the model its end is read.

        Raises:
            InputError: a token that the model does not know, or a position without a token before it.
        """
        text, at = np.asarray(tokens, dtype=np.int64), np.asarray(positions, dtype=np.int64)
        known = int(self._model.get_input_embeddings().num_embeddings)
        if text.size and not (text.min() >= 0 and text.max() < known):
            raise InputError(
                f"has a token outside the model's {known}", self._folder, "give texts in the suspect's own tokens"
            )
        if at.size and not (at.min() >= 1 and at.max() <= text.size):
            raise InputError("is read at a position without a token before it", self._folder, "start after the first")
        if not at.size:
            return np.empty((0, known), dtype=np.float32)
        rows = [self._block(text, at[at <= self._room], 0)]
        for position in at[at > self._room]:  # rare: each is read with as much before it as fits
            rows.append(self._block(text[:position], np.asarray([position]), int(position) - self._room))
        return np.concatenate(rows)

    def given(self, turns: Sequence[Message]) -> Tokens:
        """(length,) all that stands before its answer, as `asking.endpoints.transformers` gives it.

        Raises:
            InputError: the folder has no tokenizer, or its chat template cannot take these turns.
        """
        endpoint: Any = importlib.import_module("stillwatch.asking.endpoints.transformers")
        try:
            told = endpoint.as_prompt(self._tokenizer(), Question("", tuple(turns)))
        except InputError:
            raise
        except Exception as error:  # templates are programs of the folder's maker: they may raise anything
            raise InputError(f"its chat template fails: {error}", self._folder, "mend it") from error
        return np.asarray(told["input_ids"][0].cpu().numpy(), dtype=np.int64)

    def encoded(self, text: str) -> Tokens:
        """(length,) a text in its tokens, as a part of an answer."""
        plain = text.encode("utf-8", "replace").decode()
        return np.asarray(self._tokenizer()(plain, add_special_tokens=False)["input_ids"], dtype=np.int64)

    def logs(self, tokens: Tokens, start: int) -> npt.NDArray[np.float64]:
        """(k,) natural logs of the probabilities of ``tokens[start:]``. Of what is too long for the model the beginning
        of what was given is left out, as far as half of its room, and then the end of the answer.

        Raises:
            InputError: nothing was given.
        """
        torch, text = self._torch, np.asarray(tokens, dtype=np.int64)
        if not 1 <= start <= text.size:
            raise InputError("is read at a position without a token before it", self._folder, "start after the first")
        kept = min(start, max(self._room - (text.size - start), self._room // 2, 1))
        text = text[start - kept :][: self._room]
        found = [np.empty(0)]
        with self._working():
            ids = torch.from_numpy(text.copy())[None].to(self._model.device)
            logits = self._logits(ids)
            for first in range(kept, text.size, _AT_ONCE):
                part = slice(first, min(first + _AT_ONCE, text.size))
                rows = torch.log_softmax(logits[part.start - 1 : part.stop - 1].float(), dim=-1)
                found.append(rows.gather(1, ids[0, part][:, None])[:, 0].double().cpu().numpy())
        return np.concatenate(found)

    def _tokenizer(self) -> Any:
        if self._tokens is None:
            transformers: Any = importlib.import_module("transformers")
            try:
                self._tokens = transformers.AutoTokenizer.from_pretrained(
                    self._folder, local_files_only=True, trust_remote_code=False
                )
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                raise InputError(f"has no tokenizer: {error}", self._folder, "put the suspect's there") from error
        return self._tokens

    @contextmanager
    def _working(self) -> Iterator[None]:
        """What fails in the model itself is told in one line."""
        try:
            with self._torch.inference_mode():
                yield
        except (RuntimeError, ValueError, IndexError) as error:
            what = f"cannot be read: {type(error).__name__}: {error}"
            raise InputError(what, self._folder, "see whether it is whole, and fits into memory") from error

    def _logits(self, ids: Any) -> Any:
        """(length, vocabulary)"""
        return self._model(input_ids=ids, attention_mask=self._torch.ones_like(ids), use_cache=False).logits[0]

    def _block(self, text: Tokens, at: Tokens, start: int) -> Probabilities:
        torch = self._torch
        if not at.size:
            return np.empty((0, int(self._model.get_output_embeddings().weight.shape[0])), dtype=np.float32)
        with self._working():
            ids = torch.from_numpy(text[start : start + self._room].copy())[None].to(self._model.device)
            chosen = self._logits(ids)[torch.from_numpy(at - start - 1).to(ids.device)].float()
            probabilities: Probabilities = torch.softmax(chosen, dim=-1).cpu().numpy()
        return probabilities
