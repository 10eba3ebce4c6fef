"""``stillwatch gate appeals``: hear the people whom the gateway touched."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

from stillwatch.cli.command import Command, registered
from stillwatch.cli.extras import load_for
from stillwatch.cli.gate.options import By, Json, State, Store, Why
from stillwatch.cli.terminal import Style, clean
from stillwatch.errors import UsageError
from stillwatch.gateway.appeals.record import Appeal, Appeals
from stillwatch.gateway.steering import must_be_there
from stillwatch.registry import load

if TYPE_CHECKING:
    from stillwatch.gateway.appeals.hearing import Desk

__all__ = ["SUBCOMMANDS", "appeals", "list_appeals", "open_desk", "reject", "serve", "show", "uphold"]

HELP = "Hear the people whom the gateway touched."
DESK, SERVING = "stillwatch.gateway.appeals.hearing:Desk", "stillwatch.gateway.appeals.serving:serve"
NOTHING, FOUND = 0, 1
PORT = 8471


def list_appeals(*, state: State, json: Json = False) -> int:
    """List appeals, open ones first. Returns 1 where one waits for a person, else 0.

    Example: stillwatch gate appeals list --state gateway
    """
    must_be_there(state)
    held = Appeals(state / "appeals").all()
    if json:
        sys.stdout.write(msgspec.json.encode([_shown(appeal) for appeal in held]).decode() + "\n")
    else:
        style = Style(sys.stdout)
        waiting = sum(appeal.status == "open" for appeal in held)
        sys.stdout.write(f"{waiting} waiting, {len(held) - waiting} decided\n")
        for appeal in held:
            line = (
                f"  {appeal.reference}  {appeal.status:8}  {appeal.opened_at:%Y-%m-%d}  {clean(appeal.account_id, 60)}"
            )
            sys.stdout.write((style.bold(line) if appeal.status == "open" else style.dim(line)) + "\n")
    return FOUND if any(appeal.status == "open" for appeal in held) else NOTHING


def show(reference: str, /, *, state: State, json: Json = False) -> int:
    """Show one appeal: what the person says, what had been stated of the account, what was decided.

    Example: stillwatch gate appeals show ABCDEFG234 --state gateway
    """
    must_be_there(state)
    appeal = Appeals(state / "appeals").get(reference.strip().upper())
    if appeal is None:
        raise UsageError("no appeal has this reference", reference, "see: stillwatch gate appeals list")
    if json:
        sys.stdout.write(msgspec.json.encode(_shown(appeal)).decode() + "\n")
        return NOTHING
    style = Style(sys.stdout)
    stated = "not known" if appeal.innocent is None else f"{appeal.innocent:.3g}"
    lines = [
        style.bold(f"{appeal.reference}  {appeal.status}"),
        f"Account {clean(appeal.account_id, 200)}, said to be of campaign {clean(appeal.campaign_id, 100)};"
        f" stated probability of innocence: {stated}.",
        f"Sent {appeal.opened_at:%Y-%m-%d %H:%M} UTC"
        + (f", heard {appeal.again} times before." if appeal.again else "."),
        f"What was held against it, and what it beat: stillwatch explain {clean(appeal.account_id, 200)} --run RUN",
        "",
        *(
            f"  {clean(line)}"
            for line in (appeal.statement or "(forgotten: decided over thirty days ago)").splitlines()
        ),
    ]
    lines += [f"  Reach: {clean(appeal.contact)}"] if appeal.contact else []
    if appeal.decided_at is not None:
        lines += [
            "",
            f"{appeal.status.capitalize()} by {clean(appeal.by)} on {appeal.decided_at:%Y-%m-%d}: {clean(appeal.why)}",
        ]
        lines += [f"Told: {clean(appeal.answer)}"] if appeal.answer else []
    sys.stdout.write("\n".join(lines) + "\n")
    return NOTHING


def uphold(
    reference: str,
    /,
    *,
    state: State,
    by: By,
    why: Why,
    answer: Annotated[str, Parameter(help="What the person is told besides that he was right.")] = "",
    store: Store = None,
) -> int:
    """The person was right: take back every response, clear the account for good, count it against the detector.

    Example: stillwatch gate appeals uphold ABCDEFG234 --state gateway --by Ada --why 'a class of thirty'
    """
    with open_desk(state, store) as desk:
        appeal = desk.uphold(reference.strip().upper(), by=by, why=why, answer=answer, now=dt.datetime.now(dt.UTC))
    account = clean(appeal.account_id, 200)
    sys.stdout.write(
        f"Upheld: every response to {account} is taken back, and no machine's claim about it holds again.\n"
        f"Scans heed it with --judgements {clean(str(state / 'judgements.jsonl'))}\n"
    )
    return NOTHING


def reject(
    reference: str,
    /,
    *,
    state: State,
    by: By,
    why: Why,
    answer: Annotated[str, Parameter(help="What the person is told, in plain words, without a recipe for evasion.")],
    store: Store = None,
) -> int:
    """A person looked and leaves the decision as it is; the one who appealed is told why.

    Example: stillwatch gate appeals reject ABCDEFG234 --state gateway --by Ada --why 'same card' --answer 'We checked.'
    """
    with open_desk(state, store) as desk:
        appeal = desk.reject(reference.strip().upper(), by=by, why=why, answer=answer, now=dt.datetime.now(dt.UTC))
    sys.stdout.write(
        f"Rejected: {clean(appeal.account_id, 200)} stays as it is, and its holder can read your answer.\n"
    )
    return NOTHING


def serve(
    *,
    state: State,
    host: Annotated[str, Parameter(help="Address to listen on; put your own TLS before it.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = PORT,
    store: Store = None,
) -> int:
    """Serve the page on which a person touched is heard, until interrupted; name it in the policy (``appeal``).

    Example: stillwatch gate appeals serve --state gateway
    """
    if not 0 <= port <= 65535:
        raise UsageError("is no port", "--port", "give 0 to 65535")
    run = load_for("gate appeals serve", SERVING, "gateway")
    with contextlib.suppress(KeyboardInterrupt):  # that is how it is stopped
        run(state, store, host=host, port=port, say=_say)
    return NOTHING


@contextlib.contextmanager
def open_desk(state: Path, store: str | None) -> Iterator[Desk]:
    """A person's desk at a gateway's state, closed at the end."""
    desk = load(DESK)(state, store)
    try:
        yield desk
    finally:
        desk.close()


def _say(address: str) -> None:
    sys.stdout.write(f"serving {clean(address)}\n")
    sys.stdout.flush()


def _shown(appeal: Appeal) -> dict[str, object]:
    """An appeal for programs; the ticket is the person's."""
    shown: dict[str, object] = msgspec.to_builtins(appeal)
    del shown["ticket"]
    return shown


SUBCOMMANDS: dict[str, Command] = {
    "list": Command(
        "stillwatch.cli.gate.appeals:list_appeals",
        "List appeals, open ones first.",
        "stillwatch gate appeals list --state gateway",
    ),
    "show": Command(
        "stillwatch.cli.gate.appeals:show",
        "Show one appeal.",
        "stillwatch gate appeals show ABCDEFG234 --state gateway",
    ),
    "uphold": Command(
        "stillwatch.cli.gate.appeals:uphold",
        "The person was right: take everything back.",
        "stillwatch gate appeals uphold ABCDEFG234 --state gateway --by Ada --why 'a class of thirty'",
    ),
    "reject": Command(
        "stillwatch.cli.gate.appeals:reject",
        "Leave the decision as it is, and say why.",
        "stillwatch gate appeals reject ABCDEFG234 --state gateway --by Ada --why 'same card' --answer 'We checked.'",
    ),
    "serve": Command(
        "stillwatch.cli.gate.appeals:serve",
        "Serve the page on which a person is heard.",
        "stillwatch gate appeals serve --state gateway",
    ),
}

appeals = registered(App(name="appeals", help=HELP), SUBCOMMANDS)
