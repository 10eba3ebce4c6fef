"""A whole log: any number of files in any recognised format, read as one stream of exchanges without doubles."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stillwatch.errors import InputError, UnknownFormatError
from stillwatch.exchange import EXCHANGE
from stillwatch.progress import Progress, Silent
from stillwatch.sources import SOURCES
from stillwatch.sources.base import Info, ReadBatch, Rejected, Source
from stillwatch.sources.containers.files import find_files, head, second_head
from stillwatch.sources.containers.object_storage import is_url
from stillwatch.sources.containers.postgres import is_address, shown
from stillwatch.sources.enrichment.addresses import enriched
from stillwatch.sources.enrichment.joining import Join
from stillwatch.sources.enrichment.networks import Networks
from stillwatch.sources.formats.azure_apim import keeping_indexes
from stillwatch.sources.formats.canonical_parquet import with_columns
from stillwatch.sources.formats.field_map import read_field_map
from stillwatch.sources.formats.litellm import sharing_ids
from stillwatch.sources.formats.litellm_spend import SpendTable
from stillwatch.sources.records.callers import Marks, Mended, marks_of
from stillwatch.sources.records.duplicates import Keepers, repeated
from stillwatch.sources.records.overlap import Overlaps

__all__ = ["Log", "RejectCount", "open_log"]

PLACES_KEPT = 100_000
KEPT_BYTES = 256 * 2**20
BATCH_BYTES, REJECT_BYTES = 2**14, 256
"""About what a batch of next to nothing takes, and one place that is set aside."""
UNKNOWN = "file in no format that is known here"


class RejectCount(NamedTuple):
    """How many records were set aside for one reason, and where the first one stands (``file:line``)."""

    reason: str
    records: int
    first: str


class Log:
    """Files and the format of each. Reading it twice yields the same; nothing is kept between.

    ``files`` are sorted by path; a database stands among them by its address without a password. ``format`` names the
    formats, joined by a comma. After `batches` is exhausted, ``rejects`` says how many records were set aside and why,
    and ``set_aside`` where (at most 100,000 places).

    What completes the exchanges may be set before they are read: ``join`` a second log, ``networks`` tables of the
    user's that tell the network of an address, ``trusted_hops`` how many proxies of the provider's stand before the
    API (`addresses.client_address`).
    """

    def __init__(self, sources: Mapping[Path | str, Source], unknown: Sequence[Path | str] = ()) -> None:
        self._sources = keeping_indexes(sharing_ids(sources))
        self._unknown = tuple(Rejected(UNKNOWN, f"{file}:1") for file in unknown)
        self.join: Join | None = None
        self.networks: Networks | None = None
        self.trusted_hops: int | None = None
        self.files: tuple[Path | str, ...] = tuple(self._sources)
        self.format: str = ", ".join(sorted({source.info.name for source in self._sources.values()}))
        self.set_aside: tuple[Rejected, ...] = ()
        self.rejects: tuple[RejectCount, ...] = ()
        self._chosen = 0
        self._mended, self._overlaps = Mended(), Overlaps()
        self.exchanges = 0

    def batches(self, progress: Progress | None = None) -> Iterator[pa.RecordBatch]:
        """Every exchange once, in batches of up to 16,384 rows of the schema `EXCHANGE`, in the order of the files.

        Of several rows with one exchange id the same one is yielded whatever the order of rows and files
        (`records.duplicates`). Raises `InputError` for a log without a single exchange, and where a file
        turns out not to be in its format.
        """
        progress = progress or Silent()
        counts: dict[str, RejectCount] = {}
        places: list[Rejected] = list(self._unknown)
        if self._unknown:
            counts[UNKNOWN] = RejectCount(UNKNOWN, len(self._unknown), self._unknown[0].where)
        self.exchanges = self._chosen = 0
        self._mended, self._overlaps = Mended(), Overlaps()
        progress.step("looking for doubles", len(self.files))
        kept = self._kept(progress)
        keepers = self._keepers(kept, progress)
        if self.join is not None:
            self.join.matched = self.join.exchanges = 0
        progress.step("reading the log", len(self.files))
        for number, file in enumerate(self.files):
            reads = self._completed(file, _handed_over(kept.pop(file)) if file in kept else None)
            for batch, rejected, marks in self._without_doubles(number, file, reads, keepers):
                self._noted(file, batch, marks)
                for reject in rejected:
                    known = counts.get(reject.reason, RejectCount(reject.reason, 0, reject.where))
                    counts[reject.reason] = known._replace(records=known.records + 1)
                places.extend(rejected[: PLACES_KEPT - len(places)])
                self.exchanges += batch.num_rows
                if batch.num_rows:
                    yield batch
            progress.advance()
        self.set_aside = tuple(places)
        self.rejects = tuple(sorted(counts.values(), key=lambda c: (-c.records, c.reason)))
        if not self.exchanges:
            raise self._nothing()

    def beginning(self, exchanges: int) -> tuple[pa.Table, tuple[Rejected, ...]]:
        """About ``exchanges`` from the beginnings of the files, as they stand (doubles too), and what was set aside.

        Every file is looked into, each for an equal share: a quick look that does not read the log to its end.
        """
        share = max(exchanges // max(len(self.files), 1), 1)
        batches: list[pa.RecordBatch] = []
        self._mended, self._overlaps = Mended(), Overlaps()
        rejected: list[Rejected] = list(self._unknown)
        for file in self.files:
            missing = share
            for read in self._completed(file):
                rejected += read.rejected
                self._noted(file, read.exchanges.slice(0, missing), marks_of(read)[:missing])
                batches.append(read.exchanges.slice(0, missing))
                missing -= read.exchanges.num_rows
                if missing <= 0:
                    break
        return pa.Table.from_batches(batches, schema=EXCHANGE), tuple(rejected)

    @property
    def formats(self) -> Mapping[Path | str, Info]:
        """What is known of the format of each file."""
        return {file: source.info for file, source in self._sources.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of how the log was read and completed, after `batches` (or of its `beginning`)."""
        chosen = (*self._mended.notes(), *self._overlaps.notes())
        if self._chosen:
            chosen += (
                f"{self._chosen:,} exchanges bore the id of another account's or another time's and were given ids of "
                "their own (with ~2 and so on): a caller that chooses ids may want to hide among doubles.",
            )
        if self.join is None:
            return chosen
        matched, exchanges = self.join.matched, max(self.join.exchanges, 1)
        return (
            *chosen,
            f"The second log ({Path(self.join.where).name}, on {self.join.on}) knew {matched:,} of "
            f"{self.join.exchanges:,} exchanges ({matched / exchanges:.1%}).",
        )

    def read(self) -> pa.Table:
        """All of `batches` as one table."""
        return pa.Table.from_batches(list(self.batches()), schema=EXCHANGE)

    def _noted(self, file: Path | str, batch: pa.RecordBatch, marks: Marks) -> None:
        """What there will be to say of some exchanges that are handed on."""
        self._mended = self._mended.and_those_of(marks)
        if batch.num_rows and "," in self.format:
            self._overlaps.learn(self._sources[file].info.name, batch)

    def _kept(self, progress: Progress) -> dict[Path | str, list[ReadBatch]]:
        """What is in the first files, as far as 256 MiB hold it: these are read once, not for their ids before."""
        kept: dict[Path | str, list[ReadBatch]] = {}
        room = KEPT_BYTES
        for file, source in self._sources.items():
            if _size(file) > room:
                break
            batches = []
            for read in source.read(str(file), None):
                room -= BATCH_BYTES + read.exchanges.nbytes + read.lines.nbytes + REJECT_BYTES * len(read.rejected)
                if room < 0:
                    return kept
                batches.append(read)
            kept[file] = batches
            progress.advance()
        return kept

    def _keepers(self, kept: Mapping[Path | str, Sequence[ReadBatch]], progress: Progress) -> Keepers:
        keepers = Keepers(repeated(self._identities(kept, progress)))
        if keepers.candidates:
            progress.step("comparing doubles", len(self.files))
            for number, file in enumerate(self.files):
                row = 0
                for batch in self._completed(file, kept.get(file)):
                    keepers.learn(batch.exchanges, number, row)
                    row += batch.exchanges.num_rows
                progress.advance()
        return keepers

    def _identities(self, kept: Mapping[Path | str, Sequence[ReadBatch]], progress: Progress) -> Iterator[pa.Array]:
        for file, source in self._sources.items():
            if file in kept:
                yield from (read.exchanges.column(0) for read in kept[file])
            else:
                yield from source.identities(str(file))
                progress.advance()

    def _without_doubles(
        self, number: int, file: Path | str, reads: Iterable[ReadBatch], keepers: Keepers
    ) -> Iterator[tuple[pa.RecordBatch, list[Rejected], Marks]]:
        row = 0
        for read in reads:
            gone, renamed = keepers.doubles(read.exchanges, number, row)
            row += read.exchanges.num_rows
            rejected = list(read.rejected)
            exchanges, marks = _renamed(read.exchanges, renamed), marks_of(read)
            self._chosen += len(renamed)
            if gone:
                rejected += [Rejected(reason, f"{file}:{read.lines[i]}") for i, reason in gone.items()]
                keep = np.ones(exchanges.num_rows, bool)
                keep[list(gone)] = False
                exchanges, marks = exchanges.filter(pa.array(keep)), marks[keep]
            yield exchanges, rejected, marks

    def _completed(self, file: Path | str, reads: Iterable[ReadBatch] | None = None) -> Iterator[ReadBatch]:
        """What is in a file, with what other files tell; exchanges of no known account are set aside.

        ``reads`` is what its reader told of it, where that is known already.
        """
        for read in self._sources[file].read(str(file), None) if reads is None else reads:
            batch = read.exchanges if self.join is None else self.join.complete(read.exchanges)
            batch = enriched(batch, self.trusted_hops, self.networks)
            account = batch.column("account_id")
            if account.null_count:
                known = account.is_valid()
                told = known.to_numpy(zero_copy_only=False)
                nobody = (Rejected("missing account_id", f"{file}:{line}") for line in read.lines[~told])
                kept = read._replace(rejected=(*read.rejected, *nobody), lines=read.lines[told])
                read = kept._replace(mended=marks_of(read)[told])
                batch = batch.filter(known)
            yield read._replace(exchanges=batch)

    def _nothing(self) -> InputError:
        files = f"{len(self.files)} files" if len(self.files) > 1 else "the file"
        where = ", ".join(str(file) for file in self.files[:3]) + (", ..." if len(self.files) > 3 else "")
        if not self.rejects:
            return InputError(f"holds no exchange: {files} empty", where, "name a log with at least one line")
        worst = self.rejects[0]
        set_aside = sum(count.records for count in self.rejects)
        return InputError(
            f"holds no exchange that can be read ({set_aside} set aside, most for: {worst.reason})", worst.first
        )


def _size(file: Path | str) -> int:
    """The bytes of a file that lies here; 0 for one that lies elsewhere, or cannot be seen."""
    try:
        return file.stat().st_size if isinstance(file, Path) else 0
    except OSError:
        return 0


def _handed_over(batches: list[ReadBatch]) -> Iterator[ReadBatch]:
    """The batches in order, of which nothing is kept here once the next one is asked for."""
    batches.reverse()
    while batches:
        yield batches.pop()


def _renamed(batch: pa.RecordBatch, ids: Mapping[int, str]) -> pa.RecordBatch:
    """The batch with other exchange ids at some positions."""
    if not ids:
        return batch
    every = batch.column(0).to_pylist()
    for position, identity in ids.items():
        every[position] = identity
    return batch.set_column(0, batch.schema.field(0), pa.array(every, batch.schema.field(0).type))


def open_log(
    locations: Sequence[str | os.PathLike[str]],
    format: str | None = None,
    field_map: Path | None = None,
) -> Log:
    """A log from files, folders and patterns; each file's format told by its content unless ``format`` names one.

    A location ``postgresql://...`` is LiteLLM's table of spend logs in that database. ``field_map`` is a TOML file
    (`formats.field_map`) that is then used for every file. Files that are empty are passed over, unless all
    are. Nothing but the beginning of each file is read yet.

    Folders of logs hold other files too (notices, manifests, parts of another export): a file of a folder or pattern
    whose format is not known is set aside, as long as another one's is.

    Raises `InputError` where nothing is found, `UnknownFormatError` listing the known formats where the format of a
    file that was named itself, or of every file, is not among them, `PluginError` for a ``format`` that does not exist.
    """
    tables: dict[Path | str, Source] = {
        shown(location): SpendTable(os.fspath(location)) for location in locations if is_address(location)
    }
    paths = [location for location in locations if not is_address(location)]
    files = find_files(paths) if paths or not tables else ()
    if field_map is not None or format is not None:
        source: Source = read_field_map(field_map) if field_map is not None else SOURCES.get(str(format))
        return Log(tables | dict.fromkeys(files, source))
    named = {location if is_url(location) else Path(location).resolve() for location in paths}
    sources, unknown = _recognised_files(files, named)
    if files and not sources:
        names = ", ".join(str(file) for file in files[:3])
        raise InputError("is empty", names, "name a log with at least one exchange")
    return Log(tables | sources, unknown)


def _recognised_files(
    files: Sequence[Path | str], named: Container[object]
) -> tuple[dict[Path | str, Source], tuple[Path | str, ...]]:
    """The format of each file that is not empty; and the files of no known format, none of them ``named``."""
    sources: dict[Path | str, Source] = {}
    unknown: list[Path | str] = []
    why: UnknownFormatError | None = None
    for file in files:
        start = head(str(file))
        if start.strip() in (b"", b"[]"):  # an export of nothing
            continue
        try:
            sources[file] = _recognised(file, start)
        except UnknownFormatError as error:
            if (file.resolve() if isinstance(file, Path) else file) in named:
                raise
            unknown.append(file)
            why = why or error
    if why is not None and not sources:
        raise why
    return sources, tuple(unknown)


def _recognised(file: Path | str, start: bytes) -> Source:
    for beginning in (with_columns(start, str(file)), second_head(str(file))):
        found = [source for _, source in SOURCES.all() if beginning and source.recognises(beginning)]
        if len(found) == 1:
            return found[0]
        if found:
            names = " or ".join(source.info.name for source in found)
            raise UnknownFormatError(f"could be {names}", file, "say which with --format")
    known = ", ".join(SOURCES.names())
    raise UnknownFormatError(
        f"is in no format that is known here ({known})", file, "say which field is which with --map map.toml"
    )
