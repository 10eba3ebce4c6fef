"""What a proof finds, as ``prove.json`` keeps it: the whole is made of the sealed answers and the case, nothing else.

So it can be made again, byte for byte (`checking`): it holds no time but those in the sealed answers.
"""

from __future__ import annotations

import msgspec

from stillwatch.proving.case import Claim
from stillwatch.proving.evidence import Evidence

__all__ = [
    "Answered",
    "BesideFacts",
    "BesidePlan",
    "Control",
    "Example",
    "Fixed",
    "ModelRead",
    "Paragraph",
    "ProofReport",
    "ReadFacts",
    "ReadingPlan",
    "SetAside",
    "Tested",
]

VERSION = 1


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """The same test where it must show nothing. ``p_value`` is None where there was too little for one."""

    what: str
    n: int
    unit: str
    p_value: float | None
    failed: bool = False


class Fixed(msgspec.Struct, frozen=True, kw_only=True):
    """Since when a key is fixed: ``said`` by its maker, ``stamped`` by somebody else (ISO 8601, UTC), "" where nobody
    does; ``before`` is when it had to be. ``holds`` and ``problems`` are what a check of it found."""

    key: str
    scheme: str
    commitment: str
    said: str = ""
    stamped: str = ""
    before: str = ""
    holds: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """One planned test. ``adjusted`` is its p-value for all that were planned (Holm), None where there is no p-value.

    ``withheld`` says why a result is not given; ``shown`` whether ``adjusted`` is at most the level of the case.
    """

    __test__ = False  # no test of pytest's

    name: str
    evidence: Evidence
    controls: tuple[Control, ...] = ()
    fixed: Fixed | None = None
    withheld: tuple[str, ...] = ()
    adjusted: float | None = None
    shown: bool = False


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A taken prompt with what was handed out, what might have been, and what the suspect says."""

    prompt: str
    taken: str
    twin: str
    said: str


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the suspect was asked and answered. ``seal`` is the last hash of the chain over all its answers.

    ``prepared`` names the files that answers were taken from, if they were collected elsewhere, and ``unused`` counts
    their lines that were set aside.
    """

    endpoint: str
    says_it_is: tuple[str, ...]
    planned: int
    answered: int
    failed: int
    other: int
    tokens_in: int
    tokens_out: int
    began: str
    first: str
    last: str
    seal: str
    prepared: tuple[str, ...] = ()
    unused: int = 0


class ModelRead(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was read: what its folder is called, and the SHA-256 of each file that decides what it says."""

    folder: str
    files: dict[str, str] = {}


class ReadingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a suspect's own probabilities, settled before anything is read or asked.

    ``texts`` is, of each key that is tested so, the number of marked texts that the suspect is read along, ``windows``
    the number of windows that hold something to count, ``planned`` how many of them `predicted_tokens` counts: not
    made of the marked texts. ``unmarked`` answers are read for what each key would choose in so many windows
    (``choices``, by key). ``candidates`` are answers of pairs that it is asked the probability of. ``left_out`` says
    why a test that reads is not among those that are planned.
    """

    suspect: ModelRead
    marks_reference: ModelRead | None = None
    twins_reference: ModelRead | None = None
    texts: dict[str, int] = {}
    windows: dict[str, int] = {}
    planned: dict[str, int] = {}
    unmarked: int = 0
    choices: dict[str, int] = {}
    candidates: int = 0
    left_out: tuple[str, ...] = ()


class ReadFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was read: the ``plan``, since when (``began``, ISO 8601, UTC), and the ``seal`` of the last reading."""

    plan: ReadingPlan
    began: str
    seal: str


class BesidePlan(msgspec.Struct, frozen=True, kw_only=True):
    """That the marking ``model`` is read along the suspect's answers, for the ``keys`` (their ids) that mark tokens:
    settled before anything is asked."""

    model: ModelRead
    keys: tuple[str, ...]


class BesideFacts(msgspec.Struct, frozen=True, kw_only=True):
    """That it was: the ``plan``, since when (``began``, ISO 8601, UTC), and the ``seal`` of the last reading."""

    plan: BesidePlan
    began: str
    seal: str


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a file that were not used, by reason, with the first place."""

    file: str
    reason: str
    number: int
    first: str


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the statement: its heading, its sentences, and its points."""

    heading: str
    said: str
    points: tuple[str, ...] = ()


class ProofReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole. ``case`` is the SHA-256 of the case and its ``files``; ``planned`` the number of p-values that the
    correction counts, ``untested`` of them of keys that are not shown."""

    version: int = VERSION
    stillwatch: str
    claim: Claim
    case: str
    files: dict[str, str]
    tests: tuple[Tested, ...]
    planned: int
    untested: int
    answered: Answered
    read: ReadFacts | None = None
    beside: BesideFacts | None = None
    examples: tuple[Example, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    caveats: tuple[str, ...] = ()
    headline: str = ""
    statement: tuple[Paragraph, ...] = ()
