"""Broken and hostile logs for every format: nothing but the reader's own error, with file and line.

python -m bench fuzzing
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.tables import Table, publish, say
from stillwatch.errors import StillwatchError
from stillwatch.sources import SOURCES
from stillwatch.sources.base import Source

CASES = 2_000
"""Broken logs of each format in ``make bench``."""
GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "logs"
_HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 10**400, -0.5, 1e308, "", "x" * 5000, "\x00", "\ud800", "=1+1", "<script>", [], [[]], {},
    [None], [{"role": 1}], {"role": "user"}, {"": {"": {}}}, [[[[[[[[1]]]]]]]], "2026-99-99", "NaN", [{}] * 50,
)  # fmt: skip
_BYTES = (b"\x00", b"\xff", b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b",", b":", b"\r\n", b"\xef\xbb\xbf")


def seeds(source: Source) -> list[bytes]:
    """Good files of a format: its example and its golden files."""
    folder = GOLDEN / source.info.name
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return [source.info.example, *(path.read_bytes() for path in files)]


def broken(data: bytes, rng: random.Random) -> bytes:
    """A file broken in one of several ways: bytes, pieces, or values of its JSON."""
    ways = (_bytes, _cut, _doubled, _values, _values, _values)
    for _ in range(rng.randint(1, 3)):
        data = rng.choice(ways)(data, rng)
    return data


def _bytes(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice(_BYTES) * rng.choice((1, 1, 3, 2000)) + data[place + rng.randint(0, 2) :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] if rng.random() < 0.5 else data[place:]


def _doubled(data: bytes, rng: random.Random) -> bytes:
    first, last = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return data[:last] + data[first:last] + data[last:]


def _values(data: bytes, rng: random.Random) -> bytes:
    """Some values of each JSON line replaced, its keys kept."""
    lines = []
    for line in data.split(b"\n"):
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            lines.append(line)
            continue
        for _ in range(rng.randint(1, 4)):
            document = _replaced(document, rng)
        lines.append(json.dumps(document).encode())
    return b"\n".join(lines)


def _replaced(value: Any, rng: random.Random, depth: int = 0) -> Any:
    if depth > 12 or rng.random() < 0.12 or not isinstance(value, dict | list) or not value:
        return rng.choice(_HOSTILE)
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    key = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
    if isinstance(copy, dict) and rng.random() < 0.1:
        del copy[key]
    else:
        copy[key] = _replaced(copy[key], rng, depth + 1)
    return copy


def survives(source: Source, data: bytes, place: Path) -> tuple[int, int, str]:
    """Exchanges read and records set aside of one broken file; and what a reader may not do, if it did."""
    place.write_bytes(data)
    read = aside = 0
    try:
        source.recognises(data[: 256 * 1024])
        ids = {one for array in source.identities(str(place)) for one in array.to_pylist()}
        for batch in source.read(str(place), None):
            read += batch.exchanges.num_rows
            aside += len(batch.rejected)
            batch.exchanges.validate(full=True)
            if not ids.issuperset(batch.exchanges.column("exchange_id").to_pylist()):
                return read, aside, "an id that identities did not tell"
            if any(not reject.where.startswith(f"{place}:") for reject in batch.rejected):
                return read, aside, "set aside without its place"
    except StillwatchError as error:
        return read, aside, "" if str(place) in str(error) and "\n" not in str(error) else "an error without its place"
    except Exception as error:
        return read, aside, f"{type(error).__name__}: {error}"
    return read, aside, ""


def cases(source: Source, number: int, seed: int) -> Iterator[bytes]:
    """``number`` broken files of a format, the same for the same seed."""
    rng = random.Random(f"{source.info.name} {seed}")
    good = seeds(source)
    for _ in range(number):
        yield broken(rng.choice(good), rng)


_BOMBS = (
    (b'{"id": "', b"a", b'"}\n'),  # one line
    (b'[{"id": "', b"a", b'"}]'),  # one document
    (b"", b"[", b""),  # nested without end
    (b'{"a":', b'{"a":', b""),
    (b"id,", b"a,", b"\n"),
)
_PEAK = """
import resource, sys
from stillwatch.errors import StillwatchError
from stillwatch.sources import SOURCES
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for place in sys.argv[2:]:
    source = SOURCES.get(sys.argv[1])
    try:
        for ids in source.identities(place): pass
        for batch in source.read(place, None): pass
    except StillwatchError: pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def bombs(folder: Path, size: int) -> list[Path]:
    """Small compressed files that hold ``size`` bytes each, of the kinds that fill a memory."""
    places = []
    for number, (start, filling, end) in enumerate(_BOMBS):
        place = folder / f"bomb-{number}.gz"
        with gzip.open(place, "wb", compresslevel=1) as file:
            file.write(start)
            piece = filling * (2**20 // len(filling))
            for _ in range(size // len(piece)):
                file.write(piece)
            file.write(end)
        places.append(place)
    return places


def peak(source: Source, places: list[Path]) -> int:
    """MiB by which the memory of a process grows that reads the files, at the worst."""
    command = [sys.executable, "-c", _PEAK, source.info.name, *map(str, places)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout)


def main(number: int = CASES) -> None:
    """Print and keep the table."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        heavy = bombs(Path(folder), 2**30)
        for name, source in SOURCES.all():
            say(f"breaking {name}")
            told = [survives(source, data, Path(folder) / "log") for data in cases(source, number, 1)]
            wrong = [what for _, _, what in told if what]
            rows.append(
                {
                    "format": name,
                    "broken files": len(told),
                    "exchanges read": sum(read for read, _, _ in told),
                    "set aside": sum(aside for _, aside, _ in told),
                    "peak MiB of 1 GiB bombs": peak(source, heavy),
                    "failures": len(wrong),
                    "first failure": wrong[0][:80] if wrong else "-",
                }
            )
    publish(Table("fuzzing", "Broken files", rows, "A failure is anything but the reader's own error with its place."))


if __name__ == "__main__":
    main()
