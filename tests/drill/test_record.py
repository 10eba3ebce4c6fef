"""The record of trials: on the disk at once, cut where a killed drill left off, refused where it is another's."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from stillwatch.drill.record import RECORD, fingerprint, open_record
from stillwatch.drill.trial import Judged, Trial
from stillwatch.errors import UsageError
from stillwatch.exchange import EXCHANGE

TRIALS = [Trial(n, "planted", n, 0.3, (), (Judged(9.5, (0.9, 0.8), (-1, 4), {"content": 1.0}),)) for n in range(3)]


def filled(folder: Path) -> bytes:
    with open_record(folder, "abc", 1, overwrite=False) as record:
        for trial in TRIALS:
            record.add(trial, 2.5)
    return (folder / RECORD).read_bytes()


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    filled(tmp_path)
    with open_record(tmp_path, "abc", 1, overwrite=False) as record:
        assert list(record.trials.values()) == TRIALS
        assert sum(record.seconds.values()) == 7.5


def test_a_line_cut_anywhere_costs_that_line_alone(tmp_path: Path) -> None:
    whole = filled(tmp_path)
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        (tmp_path / RECORD).write_bytes(whole[:cut])
        with open_record(tmp_path, "abc", 1, overwrite=False) as record:
            assert list(record.trials.values()) == TRIALS[:2]
            record.add(TRIALS[2], 2.5)
        assert (tmp_path / RECORD).read_bytes() == whole


@pytest.mark.parametrize(("log", "seed"), [("abd", 1), ("abc", 2)])
def test_the_record_of_another_drill_is_refused_and_kept(tmp_path: Path, log: str, seed: int) -> None:
    whole = filled(tmp_path)
    with pytest.raises(UsageError, match="--overwrite"), open_record(tmp_path, log, seed, overwrite=False):
        pass
    assert (tmp_path / RECORD).read_bytes() == whole
    with open_record(tmp_path, log, seed, overwrite=True) as record:
        assert not record.trials


def test_something_else_by_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_bytes(b"my own notes\n")
    with pytest.raises(UsageError, match="another"), open_record(tmp_path, "abc", 1, overwrite=False):
        pass
    assert (tmp_path / RECORD).read_bytes() == b"my own notes\n"


def test_a_fingerprint_tells_logs_and_questions_apart() -> None:
    row = dict.fromkeys(EXCHANGE.names) | {"exchange_id": "a", "account_id": "b", "started_at": 1}
    one = pa.Table.from_pylist([row], schema=EXCHANGE)
    other = pa.Table.from_pylist([row | {"exchange_id": "c"}], schema=EXCHANGE)
    assert fingerprint(one, "x") == fingerprint(one, "x")
    assert len({fingerprint(one, "x"), fingerprint(other, "x"), fingerprint(one, "y")}) == 3
