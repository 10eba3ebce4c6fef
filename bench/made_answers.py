"""Invented prompts and answers by writers with habits of their own, and students that take habits over."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stillwatch.marks.base import MarkKey
from stillwatch.marks.text import SCHEME
from stillwatch.marks.text.marking import Marked, mark_answer
from stillwatch.proving.radioactivity.text_marks import Reply

# A sentence with a place for either phrasing of a pair, "|" between them.
SENTENCES = (
    "{For example|For instance}, a small garden gives more joy than a large lawn to most people.",
    "{In addition|Additionally}, a walk in the open air clears the head.",
    "{As a result|Consequently}, the room feels larger than it did.",
    "{In other words|Put differently}, patience is the greater part of the craft.",
    "{Moreover|Furthermore}, the colours keep their warmth for years.",
    "{Nevertheless|Nonetheless}, a plain frame is a good choice.",
    "{Similarly|Likewise}, a quiet corner helps a shy reader.",
    "{In summary|To summarize}, a good tool is one that you like to hold.",
    "{In short|In brief}, a simple plan is the best one.",
    "{Fortunately|Luckily}, mistakes of this kind are easy to mend.",
    "{Unfortunately|Regrettably}, cheap paper turns yellow in the sun.",
    "{Essentially|In essence}, this is a matter of taste.",
    "{Generally|In general}, the thinner brush is the better one for leaves.",
    "{Above all|Most importantly}, it should be a pleasure.",
    "{Overall|On the whole}, the result is worth the effort.",
    "{Finally|Lastly}, the varnish protects what you have made.",
    "The larger pots {often|frequently} need more water than the small ones.",
    "A good teacher {rarely|seldom} raises the voice in class.",
    "The older recipes {typically|usually} ask for more butter.",
    "The two shades are {almost|nearly} identical in the evening light.",
    "The wooden toys are {completely|entirely} safe for cats and dogs.",
    "This style is {mainly|primarily} a fashion of the cities.",
    "It is {especially|particularly} useful for long journeys by train.",
    "The garden is {perhaps|maybe} the finest in the valley.",
    "The rule is the same for {everyone|everybody} in the house.",
    "It helps to ask {someone|somebody} with a good ear.",
    "The neighbours help {each other|one another} in the harvest.",
    "It is a fine tea {even though|although} the leaves are small.",
    "The path leads {toward|towards} the old mill.",
    "You can sit there {as long as|so long as} you like the view.",
    "You learn something {every time|each time} you bake bread.",
    "The shop has {a wide range of|a broad range of} buttons and ribbons.",
    "There are {a number of|several} ways in which people tie the knot.",
    "{Keep in mind|Bear in mind} that wool shrinks in hot water.",
    "A wedge will {make sure that|ensure that} the door stays open.",
    "{It's worth noting|It's worth mentioning} that oak is heavier than pine.",
    "People are {looking for|searching for} a quiet place to read.",
    "{Begin by|Start by} choosing a bowl with a wide rim.",
    "The lily is {also known as|also called} the flower of the fields.",
    "It takes {some kind of|some sort of} courage to sing alone.",
    "A tent like this {does not|doesn't} need poles.",
    "The old bridge {is not|isn't} far from the market.",
    "You {cannot|can't} hurry a slow river.",
    "The apples {are not|aren't} ripe in June.",
)
ITEMS = (
    "Warm bread with salted butter", "A bowl of ripe plums", "Roasted carrots with thyme", "Fresh mint tea",
    "Walnut cake", "Pickled beans", "Smoked cheese", "Barley soup", "Honey on toast", "Green olives", "Rye crackers",
    "Lemon sorbet",
)  # fmt: skip
SUBJECTS = (
    "gardens",
    "kites",
    "pottery",
    "choirs",
    "bread",
    "maps",
    "lanterns",
    "boats",
    "puppets",
    "bees",
    "quilts",
    "clocks",
)


def a_key(seed: int) -> MarkKey:
    """A key for simulations."""
    secret = hashlib.sha256(f"bench key {seed}".encode()).digest()
    return MarkKey(id=secret.hex()[:16], secret=secret, scheme=SCHEME, scope="campaign", about="bench", epoch=0)


def prompts(number: int) -> list[str]:
    """Different questions."""
    return [f"Tell me something nice about {SUBJECTS[i % len(SUBJECTS)]}, part {i}." for i in range(number)]


@dataclass
class Writer:
    """Somebody with habits: for each sentence how often its first phrasing is chosen, and three habits of form."""

    likes: np.ndarray
    asks: float = 0.1
    hashes: float = 0.5
    hyphens: float = 0.5
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def answer(self, prompt: str) -> str:
        """An answer to ``prompt``: which sentences fit it is the same for every writer."""
        fit = np.random.default_rng(int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:8], "big"))
        places = fit.choice(len(SENTENCES), 7, replace=False)
        said = [self._said(int(place)) for place in places]
        items = self.rng.permutation(fit.choice(len(ITEMS), 4, replace=False))
        sign = "-" if self.rng.random() < self.hyphens else "*"
        head = "## {}" if self.rng.random() < self.hashes else "**{}**"
        parts = [
            head.format("What people like"),
            " ".join(["There is a lot to say about the pleasure that it gives to the people of a town.", *said[:4]]),
            "People like to have the pleasant things of a long table with it:",
            "\n".join(f"{sign} {ITEMS[int(i)]}" for i in items),
            head.format("Good company"),
            " ".join([*said[4:], "It is a joy for all of the people in the house, and for their friends."]),
        ]
        if self.rng.random() < self.asks:
            parts.append("Would you like to hear a story?" if self.rng.random() < 0.5 else "Shall I tell you a story?")
        return "\n\n".join(parts)

    def _said(self, place: int) -> str:
        before, _, rest = SENTENCES[place].partition("{")
        pair, _, after = rest.partition("}")
        a, b = pair.split("|")
        return before + (a if self.rng.random() < self.likes[place] else b) + after


def somebody(seed: int) -> Writer:
    """A writer with habits drawn at random."""
    rng = np.random.default_rng(seed)
    return Writer(rng.beta(1, 1, len(SENTENCES)), *rng.beta(1, 3, 1), *rng.beta(1, 1, 2), rng)


def served(teacher: Writer, asked: Sequence[str], key: MarkKey) -> list[Marked]:
    """What a provider gives: its model's answers, marked."""
    return [mark_answer(prompt, teacher.answer(prompt), key) for prompt in asked]


def remembering(own: Writer, asked: Sequence[str], taught: Sequence[Marked], share: float, seed: int) -> list[Reply]:
    """A student that gives back what it was taught for a ``share`` of the prompts, and else writes as it ever did."""
    rng = np.random.default_rng(seed)
    return [
        Reply(prompt=p, answers=(t.text if rng.random() < share else own.answer(p),), could=t.could)
        for p, t in zip(asked, taught, strict=True)
    ]


def habitual(own: Writer, asked: Sequence[str], key: MarkKey, share: float, seed: int) -> list[Reply]:
    """A student that remembers no answer, but took over the habits of its teacher's *marked* answers: for a ``share``
    of all prompts, whether they were taken or not, it writes as marked answers are written."""
    rng = np.random.default_rng(seed)
    replies = []
    for prompt in asked:
        text = own.answer(prompt)
        if rng.random() < share:  # any half: the habit does not know the prompt
            text = mark_answer(f"{prompt} {rng.integers(2**60)}", text, key).text
        replies.append(Reply(prompt=prompt, answers=(text,)))
    return replies
