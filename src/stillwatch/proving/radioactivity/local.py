"""A suspect that lies in a folder, read through transformers on this machine: the extra ``local``.

As in `asking.endpoints.transformers`, nothing is fetched, no code of the folder's is run, and weights must be
safetensors. Its tokens must be those of the marking model: ids are passed as they are.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.errors import InputError, PluginError
from stillwatch.proving.radioactivity.base import Probabilities, Tokens

__all__ = ["LocalModel"]


class LocalModel:
    """`NextTokens` of a causal language model in a folder, at temperature 1 without cuts."""

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
        self._folder = folder
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

    def _block(self, text: Tokens, at: Tokens, start: int) -> Probabilities:
        torch = self._torch
        if not at.size:
            return np.empty((0, int(self._model.get_output_embeddings().weight.shape[0])), dtype=np.float32)
        with torch.inference_mode():
            ids = torch.from_numpy(text[start : start + self._room].copy())[None].to(self._model.device)
            logits = self._model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0]
            chosen = logits[torch.from_numpy(at - start - 1).to(logits.device)].float()
            probabilities: Probabilities = torch.softmax(chosen, dim=-1).cpu().numpy()
        return probabilities
