"""Keys of marks: derived, committed before use, rotated, opened one by one; nobody can say they were chosen later."""

from __future__ import annotations

import hashlib
import hmac
import resource
import signal
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError, StillwatchError, StorageError, UsageError
from stillwatch.marks.commitments import committed_text
from stillwatch.marks.keyring import Keyring
from stillwatch.marks.keys import Master, decoys, derive, make_master, read_master
from stillwatch.marks.openings import Opening, open_key, opened_key, read_opening, verify
from stillwatch.marks.sampling.base import Scheme
from stillwatch.marks.sampling.gumbel import Gumbel
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.sampling.red_green import RedGreen
from stillwatch.marks.sampling.tournament import Tournament
from stillwatch.marks.statements import as_json, as_text, make_statement, read_statement

NOON = 1_790_000_000_000_000
DAY = 86_400_000_000
MASTER = Master(bytes(range(32)))


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    return Keyring.make(tmp_path / "keys")


def test_master_is_made_once_for_its_owner_only_and_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    make_master(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() not in repr(read_master(path))
    with pytest.raises(UsageError, match="never overwritten"):
        make_master(path)
    path.chmod(0o640)
    with pytest.raises(InputError, match="other users"):
        read_master(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"00", b"zz" * 32, b"00" * 33])
def test_file_that_is_no_master_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InputError, match="holds no master"):
        read_master(path)


def test_keys_follow_the_published_standard() -> None:
    """HKDF-SHA-256 of RFC 5869, computed here from its text: extract, then expand to one block."""
    info = b'stillwatch mark key 1\n["text","campaign","C1",3]'
    extracted = hmac.new(b"stillwatch marks 1", bytes(range(32)), hashlib.sha256).digest()
    expected = hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()
    key = derive(MASTER, scheme="text", scope="campaign", about="C1", epoch=3)
    assert key.secret == expected
    assert key.id == hashlib.sha256(expected).hexdigest()[:16]
    assert key.secret.hex() not in repr(key)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text("ab|", min_size=1, max_size=3), st.integers(0, 2))))
def test_no_two_names_share_a_key(names: list[tuple[str, str, int]]) -> None:
    made = {derive(MASTER, scheme=s, scope="tier", about=a, epoch=e).secret for s, a, e in names}
    assert len(made) == len(set(names))


@pytest.mark.parametrize(
    ("scheme", "scope", "about"),
    [("", "all", ""), ("a b", "all", ""), ("a:b", "all", ""), ("a:b=1\nc", "all", ""),
     ("text", "none", ""), ("text", "all", "C1"), ("text", "campaign", ""),
     ("text", "tier", "a\nb"), ("text", "tier", "a" * 201)],
)  # fmt: skip
def test_names_that_a_register_cannot_hold_are_refused(scheme: str, scope: str, about: str) -> None:
    with pytest.raises(UsageError):
        derive(MASTER, scheme=scheme, scope=scope, about=about)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", [Gumbel(), Gumbel(context=4), RedGreen(gamma=0.5, delta=1.0), Tournament(layers=20)])
def test_the_full_name_of_every_scheme_is_that_of_a_key(scheme: Scheme) -> None:
    assert scheme_named(derive(MASTER, scheme=scheme.name, scope="all").scheme) == scheme


def test_decoys_follow_from_the_key_alone_and_are_all_different() -> None:
    key = derive(MASTER, scheme="text", scope="all")
    made = list(decoys(key, 1000))
    assert len({key.secret, *(d.secret for d in made)}) == 1001
    assert made[6].secret == hmac.new(key.secret, b"stillwatch mark decoy 1 7", hashlib.sha256).digest()


def test_a_key_that_is_not_committed_cannot_be_used(keys: Keyring) -> None:
    with pytest.raises(UsageError, match="no committed key"):
        keys.use("text", "campaign", "C1")
    made = keys.commit("text", "campaign", "C1")
    assert keys.use("text", "campaign", "C1") == made
    with pytest.raises(UsageError, match="no committed key"):
        keys.use("text", "campaign", "C2")
    with pytest.raises(UsageError, match="committed already"):
        keys.commit("text", "campaign", "C1")
    decoy = next(decoys(made, 1))
    with pytest.raises(UsageError, match="no key of this register"):
        keys.detect(decoy.id)


@pytest.mark.parametrize("number", [0, 999, 1_000_001])
def test_fewer_than_a_thousand_keys_to_compare_with_are_refused(number: int, keys: Keyring) -> None:
    with pytest.raises(UsageError, match="1,000 to 1,000,000"):
        keys.commit("text", "all", decoys=number)


def test_rotation_leaves_the_old_key_for_tests_with_its_days(keys: Keyring) -> None:
    keys.commit("text", "tier", "suspected", decoys=5000, at=NOON)
    old, new = keys.rotate("text", "tier", "suspected", why="it\nleaked", at=NOON + 3 * DAY)
    assert keys.use("text", "tier", "suspected") == new != old
    tested, period = keys.detect(old.id)
    assert tested == old
    assert (period.since, period.until, period.why) == (NOON, NOON + 3 * DAY, "it leaked")
    assert [period.covers(NOON + days * DAY) for days in (-1, 0, 2, 3)] == [False, True, True, False]
    assert [p.entry.epoch for p in keys.periods()] == [0, 1]
    assert {p.entry.decoys for p in keys.periods()} == {5000}
    with pytest.raises(UsageError, match="no key to rotate"):
        keys.rotate("text", "all")


def test_times_in_the_register_never_go_back(keys: Keyring) -> None:
    keys.commit("text", "all", at=NOON)
    keys.commit("gumbel", "all", at=NOON - DAY)
    assert [e.at for e in keys.register.read().entries] == [NOON, NOON]


def test_another_master_is_noticed(keys: Keyring) -> None:
    keys.commit("text", "all")
    (keys.folder / "master.key").unlink()
    make_master(keys.folder / "master.key")
    with pytest.raises(InputError, match="another key than the one committed"):
        Keyring(keys.folder).use("text", "all")


def test_every_changed_byte_of_the_register_is_noticed(keys: Keyring) -> None:
    keys.commit("text", "campaign", "C1")
    keys.rotate("text", "campaign", "C1")
    whole = keys.register.path.read_bytes()
    for place in range(len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 1
        keys.register.path.write_bytes(changed)
        with pytest.raises(InputError, match=r"line [123]"):
            keys.use("text", "campaign", "C1")
    lines = whole.splitlines(keepends=True)
    keys.register.path.write_bytes(b"".join(lines[1:]))
    with pytest.raises(InputError):
        keys.periods()


def test_line_that_a_killed_process_began_commits_nothing_and_is_taken_away(keys: Keyring) -> None:
    keys.commit("text", "all")
    with keys.register.path.open("ab") as file:
        file.write(b'{"line":2,"at":17')
    with pytest.raises(UsageError):
        keys.use("gumbel", "all")
    keys.commit("gumbel", "all")
    assert [e.kind for e in keys.register.read().entries] == ["committed", "recovered", "committed"]


def test_disk_that_takes_half_a_line_commits_nothing(keys: Keyring) -> None:
    keys.commit("text", "all")
    before = keys.register.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.raises(StorageError, match="cannot be written"):
            keys.commit("gumbel", "all")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert keys.register.path.read_bytes() == before
    with pytest.raises(UsageError, match="no committed key"):
        keys.use("gumbel", "all")


def opened(keys: Keyring) -> tuple[Opening, bytes]:
    keys.commit("text", "campaign", "C1", at=NOON)
    keys.commit("text", "all", at=NOON)
    statement = as_json(make_statement(keys.register.read(), by="Example AI", at=NOON + DAY))
    old, _ = keys.rotate("text", "campaign", "C1", at=NOON + 9 * DAY)
    key, period = keys.detect(old.id)
    return open_key(key, period.entry, retired=period.until is not None), statement


def test_statement_gives_no_campaign_no_key_and_no_secret_away(keys: Keyring) -> None:
    opening, statement = opened(keys)
    page = as_text(read_statement(statement, "s")) + statement.decode()
    for secret in ("C1", opening.secret, opening.entry.secret_sha256, opening.entry.key_id, "campaign"):
        assert secret not in page
    assert opening.entry.commitment in page
    assert hashlib.sha256(statement).hexdigest() in as_text(read_statement(statement, "s"))


def test_opened_key_is_checked_by_anybody_with_a_hash_alone(keys: Keyring) -> None:
    opening, statement = opened(keys)
    text = opening.committed
    assert hashlib.sha256(text.encode()).hexdigest() in statement.decode()
    assert f"secret sha256 {hashlib.sha256(bytes.fromhex(opening.secret)).hexdigest()}\n" in text
    assert "about C1\n" in text
    assert "decoys 1000 hmac-sha256-1\n" in text


def test_opened_key_holds_and_says_since_when(keys: Keyring) -> None:
    opening, statement = opened(keys)
    read = read_opening(msgspec.json.encode(opening), "o")
    checked = verify(read, statement=read_statement(statement, "s"), register=keys.register.read())
    assert checked.problems == ()
    assert checked.said == "2026-09-21T14:13:20Z"
    assert opened_key(read).secret == keys.detect(opening.entry.key_id)[0].secret
    assert opening.secret not in repr(opening)


def test_key_in_use_is_not_opened(keys: Keyring) -> None:
    key = keys.commit("text", "all")
    _, period = keys.detect(key.id)
    with pytest.raises(UsageError, match="rotate it first"):
        open_key(key, period.entry, retired=period.until is not None)


@pytest.mark.parametrize("change", ["secret", "about", "decoys", "committed", "key_id"])
def test_key_chosen_afterwards_is_found_out(change: str, keys: Keyring) -> None:
    """Another secret, purpose or number of keys to compare with cannot be put under an old commitment."""
    opening, statement = opened(keys)
    entry = opening.entry
    other = bytes(32)
    forged = {
        "secret": msgspec.structs.replace(opening, secret=other.hex()),
        "about": msgspec.structs.replace(opening, entry=msgspec.structs.replace(entry, about="C2")),
        "decoys": msgspec.structs.replace(opening, entry=msgspec.structs.replace(entry, decoys=2000)),
        "committed": msgspec.structs.replace(opening, committed=opening.committed.replace("C1", "C2")),
        "key_id": msgspec.structs.replace(opening, entry=msgspec.structs.replace(entry, key_id="0" * 16)),
    }[change]
    assert verify(forged, statement=read_statement(statement, "s")).problems
    with pytest.raises(StillwatchError):
        opened_key(forged)


def test_key_whose_lines_all_fit_but_that_was_never_published_is_found_out(keys: Keyring) -> None:
    _, statement = opened(keys)
    keys.commit("text", "campaign", "late")
    old, _ = keys.rotate("text", "campaign", "late")
    key, period = keys.detect(old.id)
    late = open_key(key, period.entry, retired=True)
    assert committed_text(late.entry) == late.committed
    assert verify(late, statement=read_statement(statement, "s")).problems == (
        "the statement does not hold this commitment",
    )


def test_register_rewritten_after_the_statement_is_found_out(keys: Keyring, tmp_path: Path) -> None:
    opening, statement = opened(keys)
    other = Keyring.make(tmp_path / "other")
    other.commit("text", "campaign", "C1", at=NOON)
    assert verify(opening, statement=read_statement(statement, "s"), register=other.register.read()).problems


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"format": "x"}', b"\xff", b"[" * 100_000])
def test_files_that_are_neither_are_one_clear_line(data: bytes) -> None:
    for read in (read_statement, read_opening):
        with pytest.raises(InputError) as error:
            read(data, "theirs.json")
        assert str(error.value).startswith("theirs.json: is no ")


def test_statement_with_a_byte_more_is_refused(keys: Keyring) -> None:
    _, statement = opened(keys)
    with pytest.raises(InputError, match="byte for byte"):
        read_statement(statement + b" ", "s")
