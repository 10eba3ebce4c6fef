"""A policy's file: what is accepted, and what is said of what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.gateway.policy import Policy
from stillwatch.gateway.policy_file import LARGEST_FILE, find_policy, parse_policy, read_policy, shipped
from stillwatch.gateway.policy_words import describe

SHIPPED = shipped().values()
WHOLE = """version = 1
name = "whole"
mode = "act"

[[measures]]
response = "slow_down"
levels = ["campaign", "confirmed"]
innocent_at_most = 0.05
share = 0.1
tiers = ["free"]

[[measures]]
response = "hold_for_review"
[measures.parameters]
hours = 24

[[exempt]]
name = "partners"
why = "a contract"
accounts = ["a1"]
until = "2027-01-31"

[bounds]
window = 600
"""


def refused(text: str) -> str:
    with pytest.raises(InputError) as error:
        parse_policy(text.encode(), "p.toml")
    return str(error.value)


def test_what_the_file_says_is_what_the_policy_is() -> None:
    policy = parse_policy(WHOLE.encode(), "p.toml")
    assert (policy.name, policy.mode, policy.bounds.window) == ("whole", "act", 600)
    assert policy.measures[0].tiers == ("free",)
    assert policy.measures[1].parameters == {"hours": 24}
    assert policy.exempt[0].responses == ("*",)


def test_what_becomes_of_batches_that_cannot_be_read_is_said_in_plain_words() -> None:
    closed = parse_policy(b'version = 1\nname = "n"\n[failures]\nbatch_unread = "closed"\n', "p.toml")
    assert "Files of batches that cannot be read are refused." in str(describe(closed))
    assert "batch" not in str(describe(Policy(version=1, name="n")))
    assert "batch_unread" in refused('version = 1\nname = "n"\n[failures]\nbatch_unread = "shut"\n')


def test_a_policy_that_says_nothing_touches_nobody() -> None:
    policy = parse_policy(b'version = 1\nname = "nothing"\n', "p.toml")
    assert policy == Policy(version=1, name="nothing")
    assert policy.mode == "watch"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_policies_can_be_read(path: Path) -> None:
    policy = read_policy(path)
    assert policy.name == path.stem
    felt = [m for m in policy.measures if m.response not in {"observe", "mark_output", "suspend"}]
    assert all(m.innocent_at_most <= 0.5 for m in felt)


def test_the_careful_one_only_watches_and_suspending_is_in_none_but_by_a_persons_word() -> None:
    policies = {path.stem: read_policy(path) for path in SHIPPED}
    assert set(policies) == {"careful", "balanced", "strict"}
    assert policies["careful"].mode == "watch"
    for policy in policies.values():
        assert all(m.levels == ("confirmed",) for m in policy.measures if m.response == "suspend")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"slow_down"', '"slow_dawn"', "p.toml:6: measures[0].response: there is no response 'slow_dawn'"),
        ('"slow_down"', '"suspend"', "p.toml:7: measures[0].levels: suspend needs a person"),
        ('levels = ["campaign", "confirmed"]', "levels = []", "p.toml:7: measures[0].levels: is empty"),
        ("share = 0.1", "share = 1.5", "p.toml:9: measures[0].share: 1.5 is no share; give 0 to 1"),
        ("share = 0.1", "share = nan", "p.toml:9: measures[0].share: nan is no share"),
        ("share = 0.1", 'share = "all"', "p.toml:9: measures[0].share: expected `float`, got `str`"),
        ("share = 0.1", "shore = 0.1", "p.toml:9: measures[0].shore: is no key that is known here; check its spelling"),
        ("hours = 24", "hours = 0", "p.toml:14: measures[1].parameters: hours is out of range"),
        ("hours = 24", "days = 1", "p.toml:15: measures[1].parameters.days: is no key that is known here"),
        ('why = "a contract"', 'why = " "', "p.toml:19: exempt[0].why: is empty; say why"),
        ('accounts = ["a1"]', "", "p.toml:17: exempt[0]: exempts nobody"),
        ('accounts = ["a1"]', 'tiers = [""]', "p.toml:17: exempt[0]: an empty name would exempt all"),
        ('"2027-01-31"', '"soon"', "p.toml:21: exempt[0].until: 'soon' is no date; write it as 2026-12-31"),
        ("window = 600", "window = 1", "p.toml:24: bounds.window: 1 is out of range; give 60 to 604800"),
        ("[bounds]", "[bonds]", "p.toml:23: bonds: is no key that is known here; check its spelling"),
        ("version = 1", "version = 2", "p.toml:1: version: "),
        ("version = 1\n", "", "p.toml: object missing required field `version`"),
        ('mode = "act"', 'mode = "on"', "p.toml:3: mode: invalid enum value 'on'"),
        ('name = "whole"', "name = whole", "p.toml: is no TOML: Invalid value (at line 2, column 8)"),
        ('name = "whole"', 'name = ""', "p.toml:2: name: is no short name"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_file_line_and_key(old: str, new: str, said: str) -> None:
    assert old in WHOLE
    line = refused(WHOLE.replace(old, new, 1))
    assert line.startswith(said), line
    assert len(line.splitlines()) == 1


def test_a_shipped_policy_goes_by_its_name_unless_there_is_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_policy(find_policy("strict")).name == "strict"
    Path("strict").write_text('version = 1\nname = "mine"\n')
    assert read_policy(find_policy("strict")).name == "mine"
    assert find_policy("none.toml") == Path("none.toml")


def test_a_step_up_without_an_address_is_no_policy() -> None:
    said = refused('version = 1\nname = "x"\n[[measures]]\nresponse = "step_up"\n')
    assert "p.toml:3: measures[0].parameters: url is no address" in said


def test_alerts_that_go_nowhere_are_refused() -> None:
    start = 'version = 1\nname = "x"\n[[alerts]]\nchannel = '
    assert "p.toml:3: alerts[0]: no channel 'pigeon'; known: webhook" in refused(f'{start}"pigeon"\n')
    assert "p.toml:3: alerts[0]: " in refused(f'{start}"webhook"\nparameters = {{ no_such = 1 }}\n')
    assert "p.toml:5: alerts[0].kinds[0]: " in refused(f'{start}"webhook"\nkinds = ["none"]\n')


def test_two_exemptions_of_one_name_are_refused() -> None:
    twice = WHOLE + '[[exempt]]\nname = "partners"\nwhy = "again"\ntiers = ["x"]\n'
    assert "p.toml:26: exempt[1].name: there are two named 'partners'" in refused(twice)


def test_files_that_are_no_policies(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_policy(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_policy(tmp_path)
    with pytest.raises(InputError, match="no text in UTF-8"):
        parse_policy(b"\xff\xfe", "p.toml")
    with pytest.raises(InputError, match="larger than a MiB"):
        parse_policy(b"#" * (LARGEST_FILE + 1), "p.toml")


@given(st.text())
def test_no_text_is_worse_than_one_line(text: str) -> None:
    said = refused(f"{text}\n= no TOML")
    assert len(said.splitlines()) == 1
    assert said.startswith("p.toml: is no TOML")


def test_a_deeply_nested_file_is_refused() -> None:
    assert "p.toml" in refused("a = " + "[" * 100_000)
