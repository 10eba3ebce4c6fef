"""The library of adversaries: everybody has a sentence, an evasion changes what it says, mistakes get one line."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.drill.adversaries import Adversary, drilled, evasions, knobs, library, parse_adversary
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.linkage.waterfall import _KINDS
from stillwatch.simulation.operators.campaign import Campaign, parse_campaign, presets, with_changes

EVERYBODY = [*library().values(), *evasions()]
# What each evasion of one signal changes against its base, as its summary says; the last three change much.
CHANGES = {
    "private_cards": {"cards"},
    "as_companies": {"organizations"},
    "own_servers": {"addresses"},
    "home_networks": {"network", "addresses"},
    "rotating_exits": {"network"},
    "spread_sign_ups": {"sign_up"},
    "aged_accounts": {"sign_up"},
    "peoples_clients": {"clients"},
    "peoples_hours": {"hours"},
    "uneven_load": {"spread"},
    "conversations": {"follow_ups"},
    "own_words": {"paraphrase"},
    "many_wordings": {"wordings"},
    "ordinary_requests": {"techniques"},
    "broad_pool": {"topics"},
    "own_topics": {"dispatch"},
    "cover_30": {"cover"},
    "cover_60": {"cover"},
    "cover_80": {"cover"},
    "copied_cover": {"cover", "cover_kind"},
    "thin_accounts": {"exchanges"},
    "waves": {"waves"},
    "late_start": {"start", "end"},
    "long_lives": {"start", "end"},
    "own_model_moves": {"model_switch"},
    "own_harness": {"harness"},
}
TOGETHER = ("careful", "patient", "paranoid")
# The knob by which an operator hides from each kind of evidence that a verdict is made of.
HIDES = {
    "content": "dispatch",
    "wordings": "paraphrase",
    "repeats": "techniques",
    "settings": "clients",
    "client": "harness",
    "style": "techniques",
    "networks": "network",
    "sign_up": "sign_up",
    "life": "start",
    "load": "spread",
    "model_move": "model_switch",
    "payment": "cards",
    "organization": "organizations",
    "likeness": "cover",
    "usage": "cover",
}


def changed(evasion: Adversary) -> set[str]:
    base = library()[evasion.of].campaign
    fields = (field for field in Campaign.__struct_fields__ if field != "name")
    return {field for field in fields if getattr(evasion.campaign, field) != getattr(base, field)}


def test_every_preset_is_in_the_library_as_it_is() -> None:
    assert {name: a.campaign for name, a in library().items() if name != "naive"} == presets()
    assert next(iter(library())) == "naive"


def test_eight_are_drilled_from_naive_to_adaptive() -> None:
    assert drilled() == ("blatant", "grader", "breaker", "quiet", "ghost", "thin", "agents", "topic_split")
    assert set(drilled()) <= set(library())


@pytest.mark.parametrize("adversary", EVERYBODY, ids=lambda a: a.name)
def test_everybody_says_in_one_sentence_what_they_do(adversary: Adversary) -> None:
    assert adversary.summary.endswith(".")
    assert adversary.summary.isprintable()
    assert 20 < len(adversary.summary) <= 130
    assert adversary.name == adversary.campaign.name
    assert bool(adversary.hides) == bool(adversary.of)


def test_names_are_told_once() -> None:
    names = [adversary.name for adversary in EVERYBODY]
    assert len(names) == len(set(names))


def test_an_evasion_changes_what_it_says_and_nothing_else() -> None:
    assert {e.name: changed(e) for e in evasions() if e.name not in TOGETHER} == CHANGES
    assert [e.name for e in evasions()][-len(TOGETHER) :] == list(TOGETHER)


def test_the_strongest_together_hide_what_the_single_ones_hide() -> None:
    private = {"cards", "network", "sign_up", "clients", "hours", "model_switch", "cover", "start"}
    for evasion in evasions():
        if evasion.name in TOGETHER:
            assert private <= changed(evasion)
    paranoid = parse_adversary("paranoid")
    assert {"exchanges", "dispatch", "paraphrase"} <= changed(paranoid)


def test_every_kind_of_evidence_has_an_evasion_that_is_aimed_at_it() -> None:
    assert set(HIDES) == set(_KINDS)
    touched = set().union(*(changed(e) for e in evasions() if e.name not in TOGETHER))
    assert set(HIDES.values()) <= touched


def test_the_base_leaves_a_trace_of_every_kind() -> None:
    naive = library()["naive"].campaign
    assert min(naive.cards, naive.addresses) > 1
    assert naive.organizations == 1  # shared ones would be an excuse: a firm
    assert (naive.cover, naive.paraphrase, naive.network, naive.sign_up) == (0.0, 0.0, "cloud", "burst")
    assert (naive.clients, naive.hours, naive.model_switch) == ("one", "flat", True)
    assert "plain" not in naive.techniques


@pytest.mark.parametrize("adversary", EVERYBODY, ids=lambda a: a.name)
def test_knobs_are_read_back_as_the_same_campaign(adversary: Adversary) -> None:
    start = msgspec.to_builtins(Campaign(name=adversary.name))
    assert with_changes(start, knobs(adversary.campaign), "here") == adversary.campaign
    assert parse_adversary(adversary.name) == adversary
    if adversary.of:
        base = library()[adversary.of].campaign
        again = with_changes(msgspec.to_builtins(base), knobs(adversary.campaign, base), "here")
        assert msgspec.structs.replace(again, name=adversary.name) == adversary.campaign


@given(st.floats(0, 1), st.integers(1, 1000), st.floats(0.01, 1e4))
def test_knobs_lose_no_digit(cover: float, cards: int, exchanges: float) -> None:
    campaign = Campaign(name="x", cover=cover, cards=cards, exchanges=exchanges)
    assert with_changes({"name": "x"}, knobs(campaign), "here") == campaign


def test_a_changed_adversary_is_another_one() -> None:
    thin = parse_adversary("careful:exchanges=9, cover=0.2")
    assert (thin.campaign.exchanges, thin.campaign.cover, thin.of) == (9.0, 0.2, "naive")
    assert thin.name == thin.campaign.name == "careful:exchanges=9, cover=0.2"
    assert parse_adversary("naive:name=mine,cover=0.1").name == "mine"
    assert parse_adversary("ghost:") == library()["ghost"]


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('summary = "Does it my way."\nof = "quiet"\nhides = "cards"\ncover = 0.7\n')
    mine = parse_adversary(str(path))
    quiet = library()["quiet"].campaign
    assert mine.campaign == msgspec.structs.replace(quiet, name="mine", cover=0.7)
    assert (mine.name, mine.summary, mine.hides, mine.of) == ("mine", "Does it my way.", "cards", "quiet")
    assert parse_adversary(f"{path}:waves=2").campaign.waves == 2


def test_a_campaign_file_is_an_adversary(tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text('accounts = 12\nnetwork = "vpn"\ntechniques = { plain = 1.0 }\n')
    assert parse_adversary(str(path)).campaign == parse_campaign(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "nobody",
        "",
        ":",
        "naive:speed=3",
        "naive:cover",
        "naive:cover=2",
        "naive:exchanges=nan",
        "naive:cards=1e9",
        "naive:techniques=magic*1",
        "naive:start=9",
        f"naive:cards=1{'0' * 400}",
        "naive:summary=x",
        "\n\n:x=1",
    ],
)
def test_mistakes_on_the_command_line_get_one_line(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_adversary(text)
    assert "\n" not in str(error.value)
    assert "--adversary" in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"accounts = [",
        b"\xff\xfe",
        b"[" * 5000,
        b"x = " + b"[" * 100_000,
        b"speed = 3",
        b"accounts = 'many'",
        b"accounts = -1",
        b"exchanges = inf",
        b"start = nan",
        b"cards = 1" + b"0" * 400,
        b"techniques = { plain = nan }",
        b"techniques = []",
        b"summary = 3",
        b'summary = "two\\nlines"',
        b'summary = "\\u001b[31m"',
        b'summary = "' + b"x" * 400 + b'"',
        b'of = "nobody"',
        b"of = {}",
        b'hides = "cards"',
        b'name = "naive"',
        b'name = ""',
        b"name = 1979-05-27",
        b"[naive]\naccounts = 3",
    ],
    ids=range(23),
)
def test_a_file_that_is_wrong_gets_one_line_that_names_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)
    with pytest.raises(StillwatchError) as error:
        parse_adversary(str(path))
    assert "\n" not in str(error.value)
    assert "hostile.toml" in str(error.value)


def test_a_file_that_is_not_there_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name in ("absent.toml", "folder.toml"):
        with pytest.raises(StillwatchError, match=name):
            parse_adversary(str(tmp_path / name))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_adversary_or_one_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.toml"
        path.write_bytes(content)
        try:
            said = parse_adversary(str(path)).summary
        except StillwatchError as error:
            said = str(error)
    assert said
    assert "\n" not in said
