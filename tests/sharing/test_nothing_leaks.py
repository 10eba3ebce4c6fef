"""Nothing of a log can be had back from what leaves: by its types, by its bytes, and whatever the log says."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import string
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from bench.leaks import leaking, leaks, public_words, secrets_of, written
from bench.worlds import SHARED
from stillwatch.exchange import EXCHANGE, accounts_of, in_order
from stillwatch.pipeline import scan
from stillwatch.progress import Silent
from stillwatch.settings import Settings
from stillwatch.sharing import SHARE_FORMATS
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.clients import family_of
from stillwatch.sharing.keys import SharingKey
from stillwatch.sharing.making import Prepared, Terms, prepare
from stillwatch.sharing.words import preview
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import Log, open_log
from tests.campaigns.made_cases import group
from tests.sharing import made_runs
from tests.sharing.made_runs import TERMS, Made, plain

KEY = SharingKey(b"shared by peers, unknown to all ")


def types(kind: inspect.Type, path: str = "", seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, inspect.Type]]:
    """Every type below a type, with the names of the fields that lead to it."""
    yield path, kind
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from types(field.type, f"{path}.{field.name}", seen)
    elif isinstance(kind, inspect.UnionType):
        for inner in kind.types:
            yield from types(inner, path, seen)
    elif isinstance(kind, inspect.VarTupleType):
        yield from types(kind.item_type, path, seen)
    elif isinstance(kind, inspect.Metadata):
        yield from types(kind.type, path, seen)


ALL = list(types(inspect.type_info(Bulletin)))
ALLOWED = (
    inspect.StructType, inspect.UnionType, inspect.VarTupleType, inspect.Metadata, inspect.StrType,
    inspect.LiteralType, inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.NoneType, inspect.DateType,
    inspect.DateTimeType,
)  # fmt: skip


def test_a_bulletin_is_made_of_closed_types_only() -> None:
    assert [path for path, kind in ALL if not isinstance(kind, ALLOWED)] == []
    assert all(kind.forbid_unknown_fields for _, kind in ALL if isinstance(kind, inspect.StructType))


def test_no_text_is_free() -> None:
    """A text is a hash, an id, a JA4, or the provider's own name; none takes a sentence, an address or a mail."""
    texts = [(path, kind) for path, kind in ALL if isinstance(kind, inspect.StrType)]
    assert len(texts) >= 6
    for path, kind in texts:
        assert kind.pattern, path
        assert kind.pattern.startswith("^"), path
        assert kind.pattern.endswith(r"\Z"), "a dollar would let a line break through"
        for said in (
            "203.0.113.77",
            "somebody@example.com",
            "acct_35348aa67235",
            "Give me the answer, step by step!",
            "",
        ):
            if not (path.endswith("producer.name") and re.search(kind.pattern, said)):
                assert not re.search(kind.pattern, said), path
    assert [path for path, kind in texts if re.search(str(kind.pattern), "Example AI")] == [".producer.name"]


def test_no_field_is_for_prompts_answers_customers_or_accounts() -> None:
    names = {path.rpartition(".")[2] for path, _ in ALL if path}
    for word in ("prompt", "answer", "message", "text", "customer", "user", "email", "address", "ip", "account_id",
                 "session", "country", "language", "nationality", "zone", "hour", "members_of"):  # fmt: skip
        assert not {name for name in names if word in name.split("_")}, word
    counted = {path: kind for path, kind in ALL if path.endswith(".accounts")}
    for path, kind in counted.items():
        assert isinstance(kind, inspect.StructType | inspect.IntType | inspect.Metadata), path


@given(st.data())
@settings(max_examples=200)
def test_a_document_with_any_text_put_in_is_refused(data: st.DataObject) -> None:
    """Whatever text is put in the place of a text of a bulletin: it is refused, or it is a word, a hash or a name."""
    from tests.sharing.made_bulletins import WHOLE  # noqa: PLC0415

    document: Any = msgspec.to_builtins(WHOLE)
    places = list(_texts(document))
    holder, key = data.draw(st.sampled_from(places))
    said = data.draw(st.text(min_size=1))
    holder[key] = said
    try:
        msgspec.convert(document, Bulletin, strict=True)
    except msgspec.ValidationError:
        return
    allowed = set(string.ascii_letters + string.digits + " .&-_")
    assert said.casefold() in public_words() or set(said) <= allowed


def _texts(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        if isinstance(inner, str):
            yield value, key
        yield from _texts(inner)


def outputs(prepared: Prepared) -> Iterator[tuple[str, bytes]]:
    def missing(name: str) -> None:
        warnings.warn(f"the format {name} is not installed here, so it was not scanned", stacklevel=2)

    yield from written((prepared.bulletin,), SHARE_FORMATS, missing)
    yield "preview", "\n".join(preview(*prepared)).encode()


def made_bulletin(made: Made, **terms: Any) -> Prepared:
    return prepare(made.run, "C1", replace(TERMS, **terms), log=made.log, customers=made.customers)


def test_the_scan_for_leaks_finds_what_is_planted() -> None:
    log = pa.table({"account_id": ["acct_35348aa67235", "short"], "client_ip": ["203.0.113.77", "198.51.100.8"],
                    "response": ["one two three four five six seven eight nine", "häßlich"]})  # fmt: skip
    secrets = secrets_of(log)
    for output, number in (
        (b"a ACCT_35348AA67235 b", 1), (b"YWNjdF8zNTM0OGFhNjcyMzU=", 1), (b'{"x": "\\u0032\\u00303.0.113.77"}', 1),
        (b"1203.0.113.77", 0), (b"it is 203.0.113.77.", 1), (b"shorter", 0), (b"short", 1),
        (b"zero ONE, two three: four five six seven eight", 1), (b"one two three four five six seven", 0),
        (b"5b1a4ee4b4b3c9c0", 0), (b"nothing", 0),
    ):  # fmt: skip
        assert len(leaks(output, secrets)) == number, output
    assert set(leaking({"one": b"203.0.113.77", "other": b"nothing"}, secrets)) == {"one"}
    for make in (hashlib.md5, hashlib.sha256, hashlib.blake2b):
        (leak,) = leaks(make(b"203.0.113.77").hexdigest().encode(), secrets)
        assert leak.secret == "203.0.113.77"


@pytest.mark.parametrize("k", [2, 10])
def test_no_byte_of_a_made_log_leaves(k: int, tmp_path: Path) -> None:
    made = made_runs.write(tmp_path)
    secrets = secrets_of(pa.Table.from_batches(made.log.batches()), made.customers)
    assert len(secrets.identifiers) > 1000
    assert leaking(dict(outputs(made_bulletin(made, k=k, key=KEY))), secrets) == {}


HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(HOSTILE, HOSTILE, st.booleans())
@settings(max_examples=25)
def test_what_a_log_says_changes_nothing_that_leaves(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str, only_hostile: bool
) -> None:
    """Two logs of the same traffic, with other names, prompts and answers: the bulletins are the same, byte for byte.

    So nothing that stands in a text or identifier can be read from a bulletin, in whatever form. Its id, which is of
    the run, is the exception: a hash of all verdicts.
    """

    def hostile(kind: str, number: int) -> str:
        said = f"{before}{number}{after}" if only_hostile else f"{kind}{before}{number:05d}{after}"
        return plain(kind, number) if kind == "agent" and family_of(said) != "other" else said

    told = []
    for name in (plain, hostile):
        made = made_runs.write(tmp_path_factory.mktemp("world"), name)
        told.append(
            msgspec.structs.replace(made_bulletin(made, k=2).bulletin, id="0" * 8 + "-0000" * 3 + "-" + "0" * 12)
        )
    assert msgspec.json.encode(told[0]) == msgspec.json.encode(told[1])


def told_of_all(folder: Path, campaigns: list[str], log: Log, customers: pa.Table) -> None:
    """Nothing that the log holds stands in what may leave of these campaigns."""
    secrets = secrets_of(pa.Table.from_batches(log.batches()), customers)
    terms = Terms(producer=TERMS.producer, tlp="amber", now=dt.datetime.now(dt.UTC), k=2, key=KEY, secret=b"1" * 32)
    told: dict[str, bytes] = {}
    for campaign in campaigns:
        prepared = prepare(folder, campaign, terms, log=log, customers=customers)
        told |= {f"{campaign} {name}": output for name, output in outputs(prepared)}
    assert leaking(told, secrets) == {}


@pytest.mark.slow
def test_no_byte_of_a_simulated_world_leaves(tmp_path: Path) -> None:
    world = simulate(accounts=150, days=10.0, campaigns=[parse_campaign("blatant:accounts=30")], seed=5, load=0.5)
    world.write(tmp_path / "world")
    (tmp_path / "run").mkdir()
    log = open_log([str(tmp_path / "world" / "exchanges.parquet")])
    customers = read_customers(tmp_path / "world" / "accounts.parquet")
    report = scan(log=log, customers=customers, out=tmp_path / "run", settings=Settings(), progress=Silent())
    found = [campaign.campaign_id for campaign in report.campaigns if campaign.verdict == "campaign"]
    assert found
    told_of_all(tmp_path / "run", found, log, customers)


@pytest.mark.slow
def test_no_byte_of_a_world_of_real_texts_leaves(tmp_path: Path) -> None:
    """As if a scan had found exactly the campaigns that are in it; ``python -m bench leaks`` scans it in earnest."""
    world = SHARED / "dev-mixed"
    if not world.exists():
        pytest.skip(f"{world} is not here")
    log, customers = open_log([str(world / "exchanges.parquet")]), read_customers(world / "accounts.parquet")
    exchanges = in_order(pa.Table.from_batches(log.batches(), schema=EXCHANGE))
    truth = pq.read_table(world / "truth" / "accounts.parquet", columns=["account_id", "campaign"]).to_pylist()
    campaign_of = {row["account_id"]: row["campaign"] for row in truth}
    ids = accounts_of(exchanges)[0].to_pylist()
    names = sorted({name for name in campaign_of.values() if name})
    groups = tuple(group([n for n, account in enumerate(ids) if campaign_of[account] == name]) for name in names)
    made_runs.write_run(tmp_path, exchanges, customers, groups)
    told_of_all(tmp_path, [f"C{number + 1}" for number in range(len(groups))], log, customers)
