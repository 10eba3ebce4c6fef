"""Writes the pages that are made from the code: ``make docs``. With ``--check`` it only says whether one is stale."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from stillwatch.drill.adversaries import drilled, evasions, knobs, library
from stillwatch.exchange import CUSTOMER, EXCHANGE, NETWORK_KINDS
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import LEVELS, Response
from stillwatch.settings import SETTINGS
from stillwatch.sharing.formats.stix_parts.extension import SCHEMA_FILE
from stillwatch.sharing.formats.stix_parts.extension import schema as stix_schema
from stillwatch.sources import SOURCES
from stillwatch.sources.base import Info
from stillwatch.sources.enrichment.kinds import FLAGS, VOCABULARIES, plain

DOCS = Path(__file__).parent
SECOND_LOG = """## Folders, object storage, a database

A folder is read with all below it (folders by date, gzip, zstd); files in no known format are set aside and counted. An
address such as `s3://bucket/logs/` is read through fsspec, with the driver of its scheme installed (`pip install s3fs`,
`gcsfs`, `adlfs`) and its credentials where that driver looks for them. `postgresql://user@host/litellm` is LiteLLM's
table of spend logs in a database (`pip install 'stillwatch[postgres]'`).

## A second log, addresses and networks

Text and addresses often lie in two logs. `--join access.log --on request_id` reads a second one (JSON lines, CSV or
Parquet) whose field `request_id` holds the exchange id; `--on session_id=trace_id` joins by session instead. Each
exchange takes what it lacks; address, network and TLS fingerprint are taken even where the first log has others,
because behind a proxy it saw the proxy. The report says which share matched. The second log is kept on disk in a
temporary folder while the first is read, so memory does not grow with it.

`--networks TABLE` tells the AS number of an address, and the kind of its network, from a file that you have. Nothing is
looked up anywhere. It may be given several times: of an address, the first table that knows counts, and a kind that is
told by AS number only where none is told by address. What the log itself tells is kept.

| table | tells |
| --- | --- |
| `.mmdb` of MaxMind, IPinfo or DB-IP (`GeoLite2-ASN.mmdb`, `ipinfo_lite.mmdb`), unpacked | both, as far as it has |
| their CSV: `network`, or `start_ip` and `end_ip`, with `asn` or a kind (`GeoIP2-Anonymous-IP`) | the same |
| CAIDA's prefix-to-AS | numbers by address |
| CSV with `asn` and a kind (PeeringDB's `asn,info_type`); CAIDA's AS classification | kinds by AS number |

Take the `.mmdb` where a table has millions of rows: it is not read into memory. Of ranges that overlap the smallest
counts. Countries and cities are never read: of a CSV only the columns above are taken, a database with neither numbers
nor kinds is refused, and no column of a run could hold one.

Of a forwarded list (`client, proxy, proxy`) the last public address counts. With `--trusted-hops N` it is the one that
the first of your N proxies saw: what stands before it is a claim of the client.
"""
KINDS = """## Kinds of networks

A kind is there for people to look at: `stillwatch inspect` gives the shares, a campaign's page says from what kinds of
networks its calls came, beside all others', and `report.json` holds the figures. **It weighs nothing in any verdict**,
and an address in a data centre proves nothing: most programs of honest customers run there, employees use VPNs,
students sit behind one campus, and an operator with money rents household lines. Makers of tables guess, disagree and
are late.

`residential` is an access provider: households, and whoever else it connects. `proxy` is one for hire, household exits
too; `relay` is a browser's or a system's own, such as iCloud Private Relay. Where a record says several things, who
hides is told before whose cable it is: tor, vpn, relay, proxy, mobile, hosting. Words that are not in this table say no
kind.
"""
TRUST = """## Whose call it is, and who says so

A verdict is about an account, so it can only be as good as the field that names it. Believed is what the server
established wherever a log has that; where the last column but one says that the caller can choose, somebody can act as
many accounts, or as somebody else's.
"""
NOTE = "<!-- Made from the code by `make docs`; edit the code instead. -->\n"


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def kinds_of_networks() -> list[tuple[str, ...]]:
    """What makers of tables call each kind of network: their words, each once, and their fields that are true."""
    said: dict[str, dict[str, str]] = {kind: {} for kind in NETWORK_KINDS}
    for vocabulary in VOCABULARIES:
        for word, kind in vocabulary.words.items():
            if plain(word) != kind:
                said[kind].setdefault(plain(word), word)
    flags = {kind: [f"`{flag}`" for flag, means in FLAGS if means == kind] for kind in NETWORK_KINDS}
    return [(f"`{kind}`", ", ".join(words.values()), ", ".join(flags[kind])) for kind, words in said.items()]


def log_formats() -> str:
    """The formats, and the columns of the record and of the table of accounts."""
    formats = [
        (f"[`{i.name}`](formats/{i.name}.md)", i.summary, i.reference, i.version)
        for i in (s.info for _, s in SOURCES.all())
    ]
    parts = [
        "# Log formats\n",
        NOTE,
        "A log's format is recognised from its content, gzip and zstd included; `stillwatch inspect LOG` says which,",
        "what the log lacks, and what that costs. Every other log can be read with a field map, see",
        "[adding-a-log-format.md](adding-a-log-format.md).\n",
        table(("name", "what", "specified in", "version"), formats),
        TRUST,
        table(
            ("name", "the account is", "can the caller choose it?", "the address is"),
            [(f"`{i.name}`", *i.trust) for i in (s.info for _, s in SOURCES.all())],
        ),
        SECOND_LOG,
        KINDS,
        table(("kind", "also called", "or the field is true"), kinds_of_networks()),
        table(
            ("maker", "fields", "its words are written down in"),
            [(v.maker, ", ".join(v.fields), v.source) for v in VOCABULARIES[1:]],
        ),
    ]
    for title, schema in (("One exchange", EXCHANGE), ("One account (`--accounts`)", CUSTOMER)):
        rows = [
            (
                f"`{field.name}`" + ("" if field.nullable else " (required)"),
                field.metadata[b"unit"].decode(),
                field.metadata[b"meaning"].decode(),
            )
            for field in schema
        ]
        parts += [f"## {title}\n", table(("column", "unit", "meaning"), rows)]
    return "\n".join(parts)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def format_page(info: Info) -> str:
    """One format: how to switch it on, what its privacy switches do, and which columns it can carry."""
    carries = [
        (f"`{f.name}`", "yes" if f.name in info.carries else "", f.metadata[b"meaning"].decode()) for f in EXCHANGE
    ]
    parts = [
        f"# {info.name}\n",
        NOTE,
        f"{info.summary}. Specified in: {info.reference} (read as of version {info.version}).\n",
        f"## Switching it on\n\n{info.switch_on}\n",
        f"## What its privacy switches do to the scan\n\n{info.privacy}\n",
        f"## Whose call it is\n\n- The account: {info.trust.account}.",
        f"- Can the caller choose it? {_sentence(info.trust.claim)}\n- The address: {info.trust.address}.\n",
        *([f"## What is read beside the files that you name\n\n{info.beside}\n"] if info.beside else []),
        "## What it can carry\n",
        table(("column", "carried", "meaning"), carries),
    ]
    if info.example.isascii() and b"\0" not in info.example:
        parts.append(f"## An example\n\n```\n{info.example.decode()}```\n")
    return "\n".join(parts)


def settings() -> str:
    """The settings of a run."""
    rows = [(f"`{s.option}`", s.type, str(s.default), s.help) for s in SETTINGS]
    return "\n".join(["# Settings\n", NOTE, table(("option", "type", "default", "what it does"), rows)])


ADVERSARY = """## One of your own

On the command line: `stillwatch drill LOG --adversary careful:cover=0.2,accounts=40`. Or in a file,
`--adversary mine.toml`, with any [knobs of a campaign](simulate.md#campaigns) and up to three lines of words. What the
file leaves out is as in the adversary that `of` names, or has a campaign's default where there is no `of`. Give it a
name that none of the adversaries above has.

```toml
summary = "Works for a quarter of an hour a day, from cafes."   # one plain sentence, shown in reports
of = "naive"                            # what it starts from, and what it is compared with
hides = "addresses that stay with an account"   # from which signal, in plain words
network = "vpn"
```

To add one to the library, put the same lines below a header into `src/stillwatch/drill/adversaries.toml`
(`[evasions.NAME]`, or `[library.NAME]` without `of`); its tests say what an evasion may change.

## What they pay

Every evasion has a price for 1,000 harvested exchanges: money, accounts, and days before the first of them. Cover is
paid for like harvest. The figures are assumptions of ours (`src/stillwatch/drill/costs.toml` gives the ground for
each); a file of the same form with better ones, `--costs mine.toml`, needs to hold only what differs.
"""


def adversaries() -> str:
    """The library of the drill, its evasions, and how to add one."""
    ours = [
        (f"`{a.name}`" + (" (drilled)" if a.name in drilled() else ""), a.summary, f"`{knobs(a.campaign)}`")
        for a in library().values()
    ]
    hiding = [
        (f"`{e.name}`", f"`{e.of}`", e.hides, e.summary, f"`{knobs(e.campaign, library()[e.of].campaign)}`")
        for e in evasions()
    ]
    return "\n".join(
        [
            "# Adversaries of the drill\n",
            NOTE,
            "`stillwatch drill` plants these campaigns in your own traffic, in memory, and measures what is found.\n",
            table(("adversary", "what it does", "knobs that are not a campaign's defaults"), ours),
            "## Evasions\n",
            "An operator that has read how Stillwatch decides hides from one signal after another. Each evasion is",
            "compared with the adversary that does not; the last three do the strongest together.\n",
            table(("evasion", "of", "hides", "what it does", "what it changes"), hiding),
            ADVERSARY,
        ]
    )


def responses() -> str:
    """What the gateway can do to an account, from the mildest to the strongest."""
    rows = [
        (
            f"[`{name}`](responses/{name}.md)",
            r.info.info.summary,
            _bound(r),
            f"`{_least(r)}`",
            r.info.cost_to_an_innocent,
        )
        for name, r in RESPONSES.all()
    ]
    return "\n".join(
        [
            "# Responses of the gateway\n",
            NOTE,
            "From the mildest to the strongest. Which of them reach whom says the policy",
            "([gateway-policy.md](gateway-policy.md)); the bounds in this table hold whatever a policy says. All are",
            "taken back when the claim falls, when the policy asks for less, when a person says so, and by themselves",
            "after the policy's `days`.\n",
            table(
                ("response", "what it does", "acts up to an innocence of", "weakest claim", "an innocent pays"), rows
            ),
        ]
    )


def _bound(response: Response) -> str:
    return "any" if response.info.max_error_rate >= 1 else f"{response.info.max_error_rate:.0%}"


def _least(response: Response) -> str:
    return LEVELS[-1] if response.info.needs_human else response.info.least_level


def response_page(response: Response) -> str:
    """One response: what it does, its bounds, what it costs an innocent, and its parameters."""
    info = response.info
    fields = msgspec.structs.fields(response.parameters)
    parts = [
        f"# {info.info.name}\n",
        NOTE,
        f"{info.info.summary} Source of the method: {info.info.reference}.\n",
        f"- An innocent pays: {info.cost_to_an_innocent}",
        f"- It acts where the account is innocent with a probability of at most: {_bound(response)} (the error rate of"
        " the claim must be within it too).",
        f"- The weakest claim that it acts on: `{_least(response)}`"
        + (". A person must have confirmed it." if info.needs_human else "."),
        f"- It can be taken back: {'yes' if info.reversible else 'no'}.\n",
        f"{inspect.cleandoc(type(response).__doc__ or '').replace('``', '`')}\n",
    ]
    if fields:
        said = inspect.cleandoc(response.parameters.__doc__ or "").replace("``", "`")
        rows = [(f"`{field.name}`", f"`{json.dumps(field.default)}`") for field in fields]
        example = "".join(f"{line}\n" for line in info.info.example.splitlines())
        parts += [
            f"## Parameters\n\n{said}\n",
            table(("parameter", "default"), rows),
            "## In a policy\n\n```toml\n[[measures]]\n"
            f'response = "{info.info.name}"\n[measures.parameters]\n{example}```\n',
        ]
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "drill-adversaries.md": adversaries,
    "log-formats.md": log_formats,
    "gateway-responses.md": responses,
    "settings.md": settings,
}
PAGES[f"../src/stillwatch/sharing/schemas/{SCHEMA_FILE}"] = lambda: json.dumps(stix_schema(), indent=2) + "\n"
PAGES |= {f"responses/{name}.md": partial(response_page, r) for name, r in RESPONSES.all()}
PAGES |= {f"formats/{s.info.name}.md": partial(format_page, s.info) for _, s in SOURCES.all()}


def stale() -> list[str]:
    """The names of pages that differ from what the code says."""
    return [n for n, page in PAGES.items() if not (DOCS / n).exists() or (DOCS / n).read_text("utf-8") != page()]


def main() -> int:
    """Writes stale pages, or with ``--check`` names them; returns the exit code."""
    found = stale()
    if "--check" not in sys.argv:
        for name in found:
            (DOCS / name).parent.mkdir(exist_ok=True)
            (DOCS / name).write_text(PAGES[name](), "utf-8")
        return 0
    sys.stderr.write("".join(f"docs/{name} is stale: run `make docs`\n" for name in found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
