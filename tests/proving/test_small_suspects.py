"""A small transformer, trained here on taken and marked answers, through the whole command: read, asked, checked.

Run by ``make suspects``; without torch these tests are passed over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from bench.ngram_folders import VOCABULARY, World, case, tokenizer
from stillwatch.asking.base import Message
from stillwatch.cli import main
from stillwatch.errors import InputError
from stillwatch.proving.radioactivity.local import LocalModel
from stillwatch.proving.report import ProofReport

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")

TEMPLATE = (
    "{% for turn in messages %}w57 {{ turn['content'] }} {% endfor %}{% if add_generation_prompt %}w58 w59{% endif %}"
)
ROOM = 128


class Suspects(NamedTuple):
    world: World
    copy: Path
    honest: Path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def trained(folder: Path, exchanges: list[tuple[str, str]], steps: int, template: str | None = TEMPLATE) -> Path:
    """A GPT-2 of some ten thousand weights that learns these exchanges in its template."""
    torch.manual_seed(1)
    words = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer(), unk_token="?", eos_token="?")
    words.chat_template = template
    shape = {"n_positions": ROOM, "n_embd": 48, "n_layer": 2, "n_head": 2, "resid_pdrop": 0.0, "embd_pdrop": 0.0}
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY + 1, bos_token_id=VOCABULARY, eos_token_id=VOCABULARY, attn_pdrop=0.0, **shape
    )
    model = transformers.GPT2LMHeadModel(config)
    texts = [words(f"w57 {prompt} w58 w59 {answer}")["input_ids"][:ROOM] for prompt, answer in exchanges]
    ids = torch.tensor([text + [VOCABULARY] * (ROOM - len(text)) for text in texts])
    labels = torch.where(ids == VOCABULARY, -100, ids)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        chosen = torch.randint(len(ids), (32,))
        loss = model(input_ids=ids[chosen], labels=labels[chosen]).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval().save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def suspects(tmp_path_factory: pytest.TempPathFactory) -> Suspects:
    world = case(tmp_path_factory.mktemp("world") / "case", pairs=40, never=20)
    text = (world.folder / "copy.toml").read_text()
    text = text.replace('reference_model = "teacher"\n', "").replace("samples = 1", "samples = 1\nmax_tokens = 8")
    (world.folder / "case.toml").write_text(text)
    pairs = rows(world.folder / "pairs.jsonl")
    taken = [(row["prompt"], row["taken"]) for row in pairs if not row["control"]]
    marked = [(row["prompt"], row["answer"]) for row in rows(world.folder / "marked.jsonl")]
    others = [
        (row["prompt"], other["answer"]) for row, other in zip(pairs, rows(world.folder / "honest.jsonl"), strict=False)
    ]
    return Suspects(
        world,
        trained(world.folder / "gpt-copy", [*taken, *marked], 250),
        trained(world.folder / "gpt-honest", others, 100),
    )


def cli(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def test_the_whole_way_of_a_folder_read_asked_and_checked(
    suspects: Suspects, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml, out = suspects.world.folder / "case.toml", tmp_path / "copy"
    assert cli("prove", suspects.copy, "--case", toml, "--plan") == 0
    assert "before it is asked: the next token" in capsys.readouterr().out
    assert cli("prove", suspects.copy, "--case", toml, "--out", out, "--quiet", "--max-requests", 3) == 2
    assert (out / "readings" / "suspect.jsonl").exists(), "read before it is asked"
    assert cli("prove", suspects.copy, "--case", toml, "--out", out, "--quiet", "--max-requests", 3, "--close") == 1
    found = msgspec.json.decode((out / "prove.json").read_bytes(), type=ProofReport)
    shown = {test.name.rpartition("/")[2]: test.shown for test in found.tests}
    assert shown["expected"]
    assert shown["probability"]
    assert not any(control.failed for test in found.tests for control in test.controls)
    assert found.planned == 6
    assert cli("prove", "check", out, "--quiet") == 0


def test_an_honest_folder_is_not_shown(suspects: Suspects, tmp_path: Path) -> None:
    toml, out = suspects.world.folder / "case.toml", tmp_path / "honest"
    cli("prove", suspects.honest, "--case", toml, "--out", out, "--quiet", "--max-requests", 3)
    assert cli("prove", suspects.honest, "--case", toml, "--out", out, "--quiet", "--close") == 0


def test_it_is_given_a_question_as_it_is_when_asked(suspects: Suspects) -> None:
    model = LocalModel(suspects.copy, "cpu")
    given = model.given([Message("system", "w1 w2"), Message("user", "w3")])
    assert given.tolist() == [57, 1, 2, 57, 3, 58, 59]
    assert model.encoded("w4 w5").tolist() == [4, 5]


def test_without_a_template_the_turns_stand_one_after_the_other(tmp_path: Path) -> None:
    model = LocalModel(trained(tmp_path / "base", [("w1", "w2")], 1, template=None), "cpu")
    assert model.given([Message("system", "w1 w2"), Message("user", "w3")]).tolist() == [1, 2, 3]


def test_a_template_that_fails_is_told_in_a_line(tmp_path: Path) -> None:
    broken = trained(tmp_path / "broken", [("w1", "w2")], 1, template="{{ raise_exception('no system turns') }}")
    with pytest.raises(InputError, match="its chat template fails: no system turns"):
        LocalModel(broken, "cpu").given([Message("user", "w1")])


def test_logs_are_those_of_transformers_and_long_texts_are_cut(suspects: Suspects) -> None:
    model, rng = LocalModel(suspects.copy, "cpu"), np.random.default_rng(3)
    raw = transformers.GPT2LMHeadModel.from_pretrained(suspects.copy).eval()
    tokens = rng.integers(0, VOCABULARY, 40)
    with torch.inference_mode():
        rows = torch.log_softmax(raw(torch.from_numpy(tokens)[None]).logits[0], dim=-1).numpy()
    assert np.allclose(model.logs(tokens, 10), [rows[at - 1, tokens[at]] for at in range(10, 40)], atol=1e-5)
    long = rng.integers(0, VOCABULARY, 300)
    assert len(model.logs(long, 10)) == ROOM - 10, "the end of the answer is left out"
    assert len(model.logs(long, 200)) == ROOM - ROOM // 2
    assert len(model.logs(long, 290)) == 10
    assert np.allclose(model.logs(long, 290), model.logs(long[-ROOM:], ROOM - 10), atol=1e-5)
    assert model.logs(tokens, 40).size == 0
    with pytest.raises(InputError, match="without a token before it"):
        model.logs(tokens, 0)
