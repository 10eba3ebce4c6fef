"""How people type: greetings, endings, slips of the finger. A style belongs to a person and stays."""

from __future__ import annotations

import dataclasses
from random import Random

OPENERS = (
    "Hi,",
    "Hello,",
    "hey",
    "Good morning.",
    "Quick question:",
    "So,",
    "Okay,",
    "Hi there!",
    "sorry to bother you,",
    "Hmm.",
    "Following up:",
    "Question -",
)
CLOSERS = (
    "Thanks!",
    "thx",
    "Thank you in advance.",
    "Cheers",
    "pls",
    "Many thanks.",
    "ty",
    "Best",
    "much appreciated",
    "(on my phone, sorry for typos)",
    "🙂",
    "🙏",
)
SYLLABLES = (
    "ka",
    "lo",
    "mi",
    "ren",
    "tar",
    "vo",
    "sel",
    "bru",
    "ny",
    "do",
    "fen",
    "gal",
    "hu",
    "is",
    "per",
    "quo",
    "ria",
    "sto",
    "ul",
    "wen",
    "zi",
    "mor",
    "tal",
    "eb",
)
OWN = (
    "our shop {x}",
    "the project {x}",
    "my blog {x}",
    "team {x}",
    "our choir {x}",
    "my daughter {x}",
    "the club {x}",
    "my thesis on {x}",
    "our cabin in {x}",
    "my side project {x}",
    "the museum of {x}",
    "our clinic {x}",
    "my band {x}",
    "the {x} archive",
    "school {x}",
)


def invented_name(r: Random) -> str:
    """A made-up proper name of two or three syllables."""
    return "".join(r.choices(SYLLABLES, k=r.choice((2, 2, 3)))).capitalize()


@dataclasses.dataclass(frozen=True, slots=True)
class Style:
    """One writer's habits: probabilities of an opener, a closer, lower case and a typo per text; own proper names."""

    opener: float
    closer: float
    lower: float
    typo: float
    details: float
    own: tuple[str, ...]
    openers: tuple[str, ...]
    closers: tuple[str, ...]

    @classmethod
    def draw(cls, r: Random) -> Style:
        """A person's style: most write plainly, some are chatty, some sloppy."""
        chatty, sloppy = r.betavariate(0.6, 2.2), r.betavariate(0.4, 2.5)
        own = tuple(r.choice(OWN).format(x=invented_name(r)) for _ in range(r.randint(1, 4)))
        return cls(
            chatty,
            chatty * r.random(),
            sloppy,
            sloppy * 0.8,
            r.betavariate(1.2, 1.6),
            own,
            tuple(r.sample(OPENERS, 2)),
            tuple(r.sample(CLOSERS, 2)),
        )

    @classmethod
    def program(cls, r: Random) -> Style:
        """A program's style: no greeting, no slips."""
        return cls(
            0.0, 0.0, 0.0, 0.0, 0.3, tuple(r.choice(OWN).format(x=invented_name(r)) for _ in range(3)), ("",), ("",)
        )

    def apply(self, text: str, r: Random) -> str:
        """The text as this person types it."""
        if r.random() < self.lower * 0.8:
            text = text.lower() if r.random() < 0.5 else text[:1].lower() + text[1:]
        if r.random() < self.typo:
            text = slip(text, r)
        if r.random() < self.opener:
            text = f"{r.choice(self.openers)} {text}"
        if r.random() < self.closer:
            text = f"{text} {r.choice(self.closers)}"
        return text


def slip(text: str, r: Random) -> str:
    """One to three slips: a swapped pair, a doubled or a missing letter. Texts under four letters stay."""
    for _ in range(r.randint(1, 3)):
        if len(text) < 4:
            return text
        i = r.randrange(1, len(text) - 2)
        kind = r.random()
        if kind < 0.4:
            text = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
        elif kind < 0.7:
            text = text[:i] + text[i + 1 :]
        else:
            text = text[:i] + text[i] + text[i:]
    return text
