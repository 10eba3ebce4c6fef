"""``stillwatch marks commitment``, ``open`` and ``verify``: what is published, shown in court, and checked."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.extras import load_for
from stillwatch.cli.marks.options import Json, Keys, opened, read_file, write
from stillwatch.errors import InputError, UsageError
from stillwatch.marks.commitments import Register
from stillwatch.marks.openings import Checked, open_key, read_opening
from stillwatch.marks.openings import verify as check
from stillwatch.marks.statements import as_json, as_text, make_statement, read_statement
from stillwatch.storage.whole import write_whole


def commitment(
    *,
    keys: Keys,
    by: Annotated[str, Parameter(help="Who commits: the name of your organisation.")],
    out: Annotated[Path, Parameter(help="File to write (.json); the page for people stands beside it (.txt).")],
    key: Annotated[tuple[str, ...], Parameter(negative=(), help="Only of this key; several.")] = (),
    request: Annotated[
        bool, Parameter(negative=(), help="Write a request for a timestamp too (.tsq); needs the extra marks.")
    ] = False,
) -> int:
    """Write the statement of all commitments, to be published or timestamped. It tells no key and no campaign.

    Publish the JSON file byte for byte, or have it stamped by an authority of RFC 3161: --request writes what is sent
    to one. Nothing is sent from here.

    Example: stillwatch marks commitment --keys marks --by 'Example AI' --out statement.json
    """
    if out.suffix != ".json":
        raise UsageError("is no .json file", out, "name one: its neighbours get .txt and .tsq")
    if not by.strip() or not by.isprintable() or len(by) > 200:
        raise UsageError("is no name", "--by", "give a name of at most 200 characters on one line")
    ask = load_for("marks commitment --request", "stillwatch.marks.timestamps:request", "marks") if request else None
    statement = make_statement(opened(keys).register.read(), by=by.strip(), keys=key)
    data = as_json(statement)
    page = as_text(statement)
    write_whole(out, data)
    write_whole(out.with_suffix(".txt"), page.encode())
    written = [str(out), str(out.with_suffix(".txt"))]
    if ask is not None:
        write_whole(out.with_suffix(".tsq"), ask(data))
        written.append(str(out.with_suffix(".tsq")))
    sys.stdout.write(page + "\n")
    write(f"Wrote {', '.join(written)}")
    return 0


def open_(
    key: Annotated[str, Parameter(help="Id of a retired key (marks list).")],
    /,
    *,
    keys: Keys,
    out: Annotated[Path, Parameter(help="File to write; only you can read it, until you hand it on.")],
) -> int:
    """Lay one retired key open, for a court: its secret and what was committed to, nothing of the master or other keys.

    Whoever has the file can find the key's mark in texts, and forge it from then on.

    Example: stillwatch marks open 6b86b273ff34fce1 --keys marks --out opening.json
    """
    secret, period = opened(keys).detect(key)
    opening = open_key(secret, period.entry, retired=period.until is not None)
    if out.exists():
        raise UsageError("exists already", out, "name another file")
    write_whole(out, msgspec.json.format(msgspec.json.encode(opening), indent=2) + b"\n", private=True)
    write(f"Wrote {out}. It holds the key's secret: hand it on to nobody but the court.")
    return 0


def verify(
    opening: Annotated[Path, Parameter(help="What marks open wrote.")],
    /,
    *,
    statement: Annotated[Path | None, Parameter(help="The statement that was published (.json).")] = None,
    register: Annotated[Path | None, Parameter(help="The whole register, where it is shown.")] = None,
    stamp: Annotated[Path | None, Parameter(help="An authority's timestamp on the statement (.tsr).")] = None,
    authority: Annotated[
        tuple[Path, ...], Parameter(negative=(), help="Certificates (PEM) of the authority that you believe.")
    ] = (),
    before: Annotated[
        dt.datetime | None, Parameter(help="Moment before which it must have been fixed (UTC), such as 2026-05-01.")
    ] = None,
    json: Json = False,
) -> int:
    """Check that a key that was laid open had been fixed, and since when. Needs neither master nor network.

    Returns 1 where something does not hold, or where nobody can say that it was fixed before --before; else 0.

    Example: stillwatch marks verify opening.json --statement statement.json
    """
    data = None if statement is None else read_file(statement)
    told = None if data is None else read_statement(data, str(statement))
    stamped = None
    if stamp is not None:
        if data is None or not authority:
            raise UsageError("is a stamp on a statement by somebody", "--stamp", "give --statement and --authority")
        judge = load_for("marks verify --stamp", "stillwatch.marks.timestamps:verify", "marks")
        stamped = judge(read_file(stamp), data, [read_file(path) for path in authority], str(stamp))
    read = None
    if register is not None:
        if not register.exists():
            raise InputError("no such file", register)
        read = Register(register).read()
    checked = check(read_opening(read_file(opening), str(opening)), statement=told, register=read, stamped=stamped)
    late = _late(checked, before)
    if json:
        facts = {"holds": checked.holds, "problems": checked.problems + late, "said": checked.said, "stamped": stamped}
        sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
    else:
        write(
            *(f"holds: {one}" for one in checked.holds), *(f"DOES NOT HOLD: {one}" for one in checked.problems + late)
        )
        write(_since(checked))
    return int(bool(checked.problems or late))


def _late(checked: Checked, before: dt.datetime | None) -> tuple[str, ...]:
    """Why it is not shown to have been fixed before a moment; a stamp counts before its maker's word."""
    if before is None:
        return ()
    moment = before if before.tzinfo else before.replace(tzinfo=dt.UTC)
    if checked.stamped is not None:
        return () if checked.stamped < moment else ("the stamp is not older than --before",)
    if checked.said is None:
        return ("nothing says since when it was fixed; give --statement",)
    return () if dt.datetime.fromisoformat(checked.said) < moment else ("the statement gives a time after --before",)


def _since(checked: Checked) -> str:
    if checked.problems:
        return "Nothing can be said of when it was fixed."
    if checked.stamped is not None:
        at = checked.stamped.astimezone(dt.UTC).isoformat(timespec="seconds")
        return f"Fixed since {at} at the latest: a timestamping authority says so."
    if checked.said is not None:
        return f"Fixed since {checked.said} by its maker's word; who published it can say since when it is known."
    return "Nothing says since when it was fixed; give --statement."
