"""A model in a folder is read as transformers itself would; needs torch (``make suspects``)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillwatch.errors import InputError, PluginError
from stillwatch.proving.radioactivity.local import LocalModel


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    shape = {"vocab_size": 50, "n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape, bos_token_id=0, eos_token_id=0)).eval()
    folder = tmp_path_factory.mktemp("suspect")
    model.save_pretrained(folder)
    return folder, model


def test_reads_what_the_model_would_say_next(saved: tuple[Path, Any]) -> None:
    torch, (folder, model) = pytest.importorskip("torch"), saved
    tokens = np.random.default_rng(2).integers(0, 50, 12)
    read = LocalModel(folder, "cpu").read(tokens, np.array([1, 5, 12]))
    for row, at in zip(read, (1, 5, 12), strict=True):
        with torch.inference_mode():
            alone = torch.softmax(model(torch.from_numpy(tokens[None, :at])).logits[0, -1], dim=-1).numpy()
        assert np.allclose(row, alone, atol=1e-5)


def test_nothing_after_a_position_matters_to_it(saved: tuple[Path, Any]) -> None:
    suspect, tokens = LocalModel(saved[0], "cpu"), np.arange(12)
    changed = np.concatenate([tokens[:6], [40, 41, 42]])
    assert np.allclose(suspect.read(tokens, np.array([3, 6])), suspect.read(changed, np.array([3, 6])), atol=1e-6)


def test_of_long_texts_the_end_is_read(saved: tuple[Path, Any]) -> None:
    suspect, tokens = LocalModel(saved[0], "cpu"), np.random.default_rng(3).integers(0, 50, 40)
    read = suspect.read(tokens, np.array([10, 16, 17, 40]))
    assert read.shape == (4, 50)
    assert np.allclose(read.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(read[2], suspect.read(tokens[1:17], np.array([16]))[0], atol=1e-5)
    assert np.allclose(read[3], suspect.read(tokens[24:], np.array([16]))[0], atol=1e-5)
    assert suspect.read(tokens, np.empty(0, dtype=np.int64)).shape == (0, 50)


def test_texts_that_cannot_be_read(saved: tuple[Path, Any], tmp_path: Path) -> None:
    suspect = LocalModel(saved[0], "cpu")
    with pytest.raises(InputError, match="outside the model's 50"):
        suspect.read(np.array([1, 50]), np.array([1]))
    with pytest.raises(InputError, match="without a token before it"):
        suspect.read(np.array([1, 2]), np.array([0]))
    with pytest.raises(InputError, match="holds no model"):
        LocalModel(tmp_path)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be loaded"):
        LocalModel(tmp_path)


def test_without_torch_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(PluginError, match=r"pip install 'stillwatch\[local\]'"):
        LocalModel(tmp_path)
