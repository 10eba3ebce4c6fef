"""A suspect that lies in a folder is read, sealed, tested and checked: with little models that truly learnt."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.ngram_folders import VOCABULARY, FolderModel, World, case, save, tokenizer, words
from bench.ngram_students import Teacher
from stillwatch.errors import AskingError, InputError, UsageError
from stillwatch.marks.keys import decoys
from stillwatch.progress import Silent
from stillwatch.proving.case import read_case
from stillwatch.proving.material import load
from stillwatch.proving.passages import marked_passages, passages_of
from stillwatch.proving.planning import lines
from stillwatch.proving.radioactivity.choices import chosen_by_key, said_by_key
from stillwatch.proving.radioactivity.reading import expected_scores, predicted_tokens
from stillwatch.proving.readings.sealed import Line, Text, read_readings, unpacked, unpacked_choice
from stillwatch.proving.running import Wanted, preview, run
from stillwatch.storage import chain
from tests.proving.read_suspects import BESIDE, READINGS, changed, cli, one_of, report_in, wanted


def test_a_copy_that_is_read_is_shown_by_each_of_its_probabilities(copied: Path) -> None:
    found = report_in(copied)
    for ends in ("/predicted", "/expected", "/chosen", "/said", "twins/probability"):
        one = one_of(found, ends)
        assert one.shown, ends
        assert one.controls
        assert not any(control.failed for control in one.controls)
    assert found.planned == 8, "three tests of answers, three of tokens that were read, two of twins"
    key = one_of(found, "/predicted")
    assert {control.what for control in key.controls} == {
        "the same test under 20 keys that were never used",
        "the same test of the reference model, in the suspect's place",
    }
    assert key.evidence.numbers["by"] == "planned"
    assert one_of(found, "/expected").evidence.numbers["against_reference"] is True
    twins = one_of(found, "twins/probability")
    assert twins.evidence.numbers["measures"] == ["log_probability_over_reference"]
    assert "nothing shows that the pairs" not in " ".join(twins.evidence.caveats), "settled in the readings' head"


def test_an_honest_suspect_that_is_read_is_not_shown(innocent: Path) -> None:
    found = report_in(innocent)
    assert not any(each.shown for each in found.tests)
    for ends in ("/predicted", "/expected", "/chosen", "/said", "twins/probability"):
        adjusted = one_of(found, ends).adjusted
        assert adjusted is not None
        assert adjusted > 1e-2


def test_what_is_tested_is_what_python_finds_with_the_model_itself(world: World, copied: Path) -> None:
    material = load(read_case(world.folder / "copy.toml"), world.folder)
    student, teacher = FolderModel(world.folder / "copy"), FolderModel(world.folder / "teacher")
    texts = marked_passages(material, world.key.id)
    found = report_in(copied)
    assert found.read is not None
    predicted = predicted_tokens(student, texts, world.key, planned=found.read.plan.planned[world.key.id])
    kept = one_of(found, "/predicted").evidence
    assert (kept.p_value, kept.statistic, kept.n) == (predicted.p_value, predicted.statistic, predicted.n)
    expected = expected_scores(student, texts, world.key, reference=teacher)
    kept = one_of(found, "/expected").evidence
    assert kept.statistic == pytest.approx(expected.statistic, rel=1e-3)
    assert np.log(kept.p_value or 0) == pytest.approx(np.log(expected.p_value or 0), rel=1e-2)
    unmarked = passages_of(material, material.usual)
    others = [each.secret for each in decoys(world.key, 68)][20:]
    chosen = chosen_by_key(student, teacher, unmarked, world.key, decoys=others)
    kept = one_of(found, "/chosen").evidence
    assert (kept.p_value, kept.statistic, kept.n) == (chosen.p_value, chosen.statistic, chosen.n)
    assert kept.n == found.read.plan.choices[world.key.id]
    rows = [json.loads(line) for line in (world.folder / "copy.jsonl").read_text().splitlines()]
    answers = passages_of(material, ((row["prompt"], row["answer"]) for row in rows))
    said = said_by_key(answers, teacher, world.key, decoys=others)
    kept = one_of(found, "/said").evidence
    assert (kept.p_value, kept.statistic, kept.n) == (said.p_value, said.statistic, said.n)


def test_all_that_was_read_is_told_in_every_report(copied: Path) -> None:
    found = report_in(copied)
    assert found.read is not None
    assert found.read.plan.candidates == 2 * (60 + 24)
    assert found.read.plan.suspect.folder == "copy"
    assert set(found.read.plan.suspect.files) == {"config.json", "model.safetensors", "tokenizer.json"}
    for page in ("prove.html", "statement.html"):
        text = (copied / page).read_text()
        assert found.read.seal[:16] in text
        assert "168 taken or twin answers" in text
        assert "the same along 20 unmarked answers" in text
    assert found.read.plan.suspect.files["model.safetensors"] in (copied / "prove.html").read_text()


def test_check_needs_no_model_and_finds_the_same_numbers(
    world: World, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"  # nothing but the folder, and no torch in this interpreter
    shutil.copytree(copied, elsewhere)
    assert cli("prove", "check", elsewhere) == 0
    text = capsys.readouterr().out
    assert "bit for bit" in text
    assert "read before the first of them was sealed" in text


@pytest.mark.parametrize(
    ("file", "share"),
    [*((READINGS, share) for share in (0.001, 0.3, 0.6, 0.999)), *((BESIDE, share) for share in (0.001, 0.5, 0.999))],
)
def test_check_names_a_reading_that_was_changed(
    copied: Path, tmp_path: Path, file: str, share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    data = bytearray((out / file).read_bytes())
    place = int(share * len(data))
    data[place] = ord("x") if data[place] != ord("x") else ord("y")
    (out / file).write_bytes(data)
    assert cli("prove", "check", out) == 1
    line = bytes(data[:place]).count(b"\n") + 1
    assert f"line {line} " in capsys.readouterr().out


def test_check_finds_readings_of_another_suspect_and_missing_ones(
    copied: Path, innocent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "proof"
    shutil.copytree(copied, out)
    shutil.copy(innocent / READINGS, out / READINGS)
    assert cli("prove", "check", out) == 1
    assert "not with the one in the answers' head" in capsys.readouterr().out
    (out / READINGS).write_bytes(b"".join((copied / READINGS).read_bytes().splitlines(keepends=True)[:-1]))
    assert cli("prove", "check", out) == 1
    assert "not with the one in the answers' head" in capsys.readouterr().out
    (out / READINGS).unlink()
    assert cli("prove", "check", out) == 1
    assert "cannot be read" in capsys.readouterr().out


def test_a_reading_that_was_made_up_and_sealed_anew_breaks_nothing(copied: Path, tmp_path: Path) -> None:
    """The chain holds, and what it holds is nonsense: told in a line, whatever it is."""
    kept = read_readings(copied / READINGS)
    line = next(each for each in kept.items.values() if each.text is not None)
    assert line.text is not None
    for spoilt in (
        msgspec.structs.replace(line.text, best=b"nonsense"),
        msgspec.structs.replace(line.text, windows=line.text.windows + 1),
        msgspec.structs.replace(line.text, weights=line.text.counts),
        msgspec.structs.replace(line.text, counts=line.text.best),
    ):
        with pytest.raises(InputError):
            unpacked(spoilt, line.text.windows, 64, "here")
    choice = next(each.choice for each in kept.items.values() if each.choice is not None)
    for wrong in (
        msgspec.structs.replace(choice, windows=choice.windows + 1),
        msgspec.structs.replace(choice, counts=b"nonsense"),
        msgspec.structs.replace(choice, counts=choice.tokens),
        msgspec.structs.replace(choice, p=choice.counts),
        msgspec.structs.replace(choice, p=choice.counts[:-2]),
        msgspec.structs.replace(choice, q=choice.tokens[:-1]),
    ):
        with pytest.raises(InputError):
            unpacked_choice(wrong, choice.windows, 64, "here")
    sealed = tmp_path / "readings.jsonl"
    sealed.write_bytes(msgspec.json.encode(chain.link(Line(item="x", text=Text(
        windows=0, best=b"", counts=b"", tokens=b"", weights=b"")), 1, chain.ZEROS)) + b"\n")  # fmt: skip
    with pytest.raises(InputError, match="holds no readings"):
        read_readings(sealed)


def test_a_killed_reading_goes_on_and_ends_as_one_that_was_not(world: World, copied: Path, tmp_path: Path) -> None:
    out, program = tmp_path / "proof", tmp_path / "slow.py"
    program.write_text(f"""
import sys, time
from pathlib import Path
from bench.ngram_folders import FolderModel
from stillwatch.progress import Silent
from stillwatch.proving.running import Wanted, run

class Slow(FolderModel):
    def read(self, tokens, positions):
        time.sleep(0.01)
        return super().read(tokens, positions)

folder = Path({str(world.folder)!r})
run(Wanted(folder / "copy.toml", f"transformers:{{folder / 'copy'}}", (folder / "copy.jsonl",), opener=Slow),
    Path({str(out)!r}), Silent())
""")
    sealed = out / READINGS
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, str(program)], env=here) as running:
        while running.poll() is None and (not sealed.exists() or sealed.read_bytes().count(b"\n") < 30):
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    before = sealed.read_bytes()
    whole = before[: before.rfind(b"\n") + 1]
    assert 30 <= whole.count(b"\n") < 200
    assert not (out / "prove.json").exists()
    sealed.write_bytes(whole + b'{"line":31,"ha')  # as a writer that was killed in the midst of a line leaves it
    models: list[FolderModel] = []

    def opened(folder: Path, device: str) -> FolderModel:
        models.append(FolderModel(folder))
        return models[-1]

    found = run(wanted(world, "copy")._replace(opener=opened), out, Silent())
    assert sealed.read_bytes().startswith(whole)
    assert models[1].reads < 60 + 20 + 168 - 25, "what was sealed is not read again"
    for one, other in zip(found.tests, report_in(copied).tests, strict=True):
        assert one.evidence.p_value == other.evidence.p_value
    assert cli("prove", "check", out, "--quiet") == 0


def test_an_interruption_is_told_in_a_line_and_says_how_to_go_on(world: World, tmp_path: Path) -> None:
    class Interrupted(FolderModel):
        def read(self, tokens: np.ndarray, positions: np.ndarray) -> np.ndarray:
            if self.reads == 5:
                raise KeyboardInterrupt
            return super().read(tokens, positions)

    with pytest.raises(AskingError, match=r"was interrupted; 5 of \d+ readings are sealed: call again to go on"):
        run(wanted(world, "copy")._replace(opener=Interrupted), tmp_path, Silent())


def test_a_model_whose_files_were_changed_meanwhile_is_not_read_on(world: World, copied: Path, tmp_path: Path) -> None:
    out, suspect = tmp_path / "proof", tmp_path / "copy"
    shutil.copytree(copied, out)
    (out / "prove.json").unlink()
    shutil.copytree(world.folder / "copy", suspect)
    shutil.copy(world.folder / "honest" / "model.safetensors", suspect / "model.safetensors")
    with pytest.raises(UsageError, match="whose files have changed since"):
        run(wanted(world, "copy", suspect=suspect), out, Silent())


def test_a_suspect_of_other_tokens_is_not_read_along_marks_and_one_line_says_why(world: World, tmp_path: Path) -> None:
    other = save(tmp_path / "other", Teacher(VOCABULARY), tokenizer(words="v"))
    plan = preview(wanted(world, "copy", suspect=other))
    told = [line for line in lines(plan) if "other tokens than the marking model: 60 of 61 differ" in line]
    assert len(told) == 1
    assert "number 0, 'w0', which is unknown there" in told[0]
    assert plan.number == 5, "its answers are tested all the same, and its probabilities of twins"
    found = run(wanted(world, "copy", suspect=other), tmp_path / "proof", Silent())
    assert not any(each.name.endswith(("/predicted", "/expected", "/chosen")) for each in found.tests)
    assert told[0] in found.caveats
    assert told[0] in (tmp_path / "proof" / "prove.html").read_text().replace("&#39;", "'")
    reference = changed(
        world, "copy", ('reference_model = "teacher"\n\n[twins]', 'reference_model = "../other"\n\n[twins]')
    )
    shutil.copytree(other, world.folder.parent / "other")
    with pytest.raises(InputError, match=r"reference_model.*has other tokens"):
        run(wanted(world, "copy", reference), tmp_path / "none", Silent())
    assert not (tmp_path / "none").exists(), "told before anything is written"


def test_a_suspect_without_a_tokenizer_json(world: World, tmp_path: Path) -> None:
    bare = save(tmp_path / "bare", Teacher(VOCABULARY))
    (bare / "tokenizer.json").unlink()
    assert any("has no tokenizer.json" in line for line in lines(preview(wanted(world, "copy", suspect=bare))))


def test_plan_says_what_will_be_read_and_reads_nothing(world: World) -> None:
    def never(folder: Path, device: str) -> FolderModel:
        raise AssertionError("no model is loaded for a plan")

    plan = preview(wanted(world, "copy")._replace(opener=never))
    assert plan.reading is not None
    assert plan.reading.candidates == 168
    assert plan.reading.planned == {world.key.id: 500}
    assert 0 < plan.reading.windows[world.key.id] <= 60 * 98
    assert plan.number == 8
    assert plan.reading.unmarked == 20
    text = "\n".join(lines(plan))
    assert "windows along unmarked answers" in text
    assert "To be read of the suspect in copy, before it is asked: the next token" in text
    assert "windows along marked answers" in text
    assert "168 taken or twin answers" in text
    usual = preview(wanted(world, "copy", changed(world, "copy", ("windows = 500\n", ""))))
    assert usual.reading is not None
    assert 1000 < usual.reading.planned[world.key.id] < 60 * 98, "as many new ones as unmarked answers have"
    none = changed(world, "copy", ('reference = "unmarked.jsonl"\nwindows = 500\n', ""))
    bare = preview(wanted(world, "copy", none))
    assert bare.reading is not None
    assert bare.reading.planned == {world.key.id: 60 * 256}
    asked = preview(Wanted(world.folder / "copy.toml"))
    assert (asked.reading, asked.number) == (None, 4), "answers alone, our own model read along them"


def test_answers_without_a_suspect_say_that_nobody_read_it(world: World, tmp_path: Path) -> None:
    found = run(wanted(world, "copy")._replace(suspect=None), tmp_path, Silent())
    assert found.read is None
    assert any("were not read: that takes a suspect in a folder" in caveat for caveat in found.caveats)
    assert len(found.tests) == 4
    assert one_of(found, "/said").shown, "our own model is read along them all the same"
    assert found.beside is not None
    assert found.beside.plan.model.folder == "teacher"
    with pytest.raises(UsageError, match="only one in a folder can be read besides"):
        run(wanted(world, "copy")._replace(suspect="openai:m@http://127.0.0.1:9/v1"), tmp_path / "other", Silent())


def test_keys_that_are_not_shown_count_with_all_tests_that_a_key_gets(world: World) -> None:
    plan = preview(wanted(world, "copy", changed(world, "copy", ("decoys = 40", "decoys = 40\ntried = 11"))))
    assert (plan.number, plan.untested) == (68, 60)


def test_probabilities_of_the_case_go_before_those_that_could_be_read(world: World) -> None:
    rows = [
        {"prompt_id": f"p{i}", "which": which, "logprob": -50.0, "tokens": 40}
        for i in range(84)
        for which in ("taken", 0)
    ]
    (world.folder / "given.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    toml = changed(world, "copy", ('pairs = "pairs.jsonl"', 'pairs = "pairs.jsonl"\nprobabilities = "given.jsonl"'))
    plan = preview(wanted(world, "copy", toml))
    assert plan.reading is not None
    assert plan.reading.candidates == 0
    assert any("the case brings them" in line for line in lines(plan))


def test_a_suspect_in_a_toml_file_is_read_on_its_device(world: World, tmp_path: Path) -> None:
    devices = []

    def opened(folder: Path, device: str) -> FolderModel:
        devices.append(device)
        return FolderModel(folder)

    toml = world.folder / "suspect.toml"
    toml.write_text('address = "transformers:copy"\ndevice = "cpu"\n')
    run(wanted(world, "copy")._replace(suspect=str(toml), opener=opened), tmp_path / "proof", Silent())
    assert devices == ["cpu", "cpu"], "the suspect and the reference, each loaded once"
    for missing in ("transformers:nowhere", str(tmp_path / "proof")):
        with pytest.raises(InputError, match=r"holds no model: it has no config\.json"):
            run(wanted(world, "copy")._replace(suspect=missing), tmp_path / "none", Silent())
    assert not (tmp_path / "none").exists()


def test_a_reference_model_that_is_none_is_a_mistake_of_the_case(world: World) -> None:
    toml = changed(world, "copy", ('reference_model = "teacher"\n\n[twins]', 'reference_model = "nowhere"\n\n[twins]'))
    with pytest.raises(InputError, match=r"\[marks\] reference_model: nowhere is no folder of a model"):
        read_case(toml)


def test_without_a_reference_and_on_a_second_key_scheme(world: World, tmp_path: Path) -> None:
    other = case(tmp_path / "case", seed=2, scheme="red_green")
    toml = changed(other, "copy", ('reference_model = "teacher"\n', ""))
    found = run(wanted(other, "copy", toml), tmp_path / "proof", Silent())
    assert len(one_of(found, "/predicted").controls) == 1
    assert one_of(found, "/expected").evidence.numbers["against_reference"] is False
    assert not any(each.name.endswith(("/chosen", "/said")) for each in found.tests), "they take a reference"
    twins = one_of(found, "twins/probability")
    assert twins.evidence.numbers["measures"] == ["log_probability"]
    assert twins.shown


def test_an_answer_without_a_token_has_no_probability(world: World, tmp_path: Path) -> None:
    other = case(tmp_path / "case", seed=3, texts=4, pairs=40, never=2)
    rows = [json.loads(line) for line in (other.folder / "pairs.jsonl").read_text().splitlines()]
    rows[0]["taken"] = "unknown words"
    (other.folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = run(wanted(other, "copy"), tmp_path / "proof", Silent())
    assert one_of(found, "twins/probability").evidence.numbers["without_answer"] == 1
    assert words(other.taken[0]) not in (tmp_path / "proof" / READINGS).read_text(), "no text is in the readings"
