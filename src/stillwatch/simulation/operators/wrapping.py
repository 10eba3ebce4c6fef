"""How an operator turns a task of its pool into a request: wordings by technique, a subset of them for each
campaign."""

from __future__ import annotations

from random import Random

from stillwatch.simulation.ledger import Turn
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.texts.noise import Style
from stillwatch.simulation.texts.paraphrase import paraphrased
from stillwatch.simulation.texts.snippets import tool_result
from stillwatch.simulation.texts.writer import Ask, Topic, Writer, wordings

CODE_FAMILIES = ("code", "data", "maths")


class Workshop:
    """A campaign's wordings (a subset drawn from ``g``) and its way of collecting tasks."""

    def __init__(self, campaign: Campaign, g: Random) -> None:
        self.campaign = campaign
        self.techniques = sorted(campaign.techniques)
        self.weights = [campaign.techniques[name] for name in self.techniques]
        self.wordings = {
            name: g.sample(wordings()[name], campaign.wordings) for name in self.techniques if name != "plain"
        }
        self.personas = g.sample(wordings()["personas"], 2)

    def turns(self, subject: Topic, count: int, r: Random) -> list[Turn]:
        """One harvesting conversation of ``count`` turns on a subject. Each task reads as somebody else's: a
        pool has many authors."""
        technique = r.choices(self.techniques, weights=self.weights)[0]
        writer = Writer(r, Style.draw(r))
        ask = writer.ask(subject, plain=r.random() < 0.6)
        text = ask.text if technique == "plain" else self.wrap(technique, ask, writer, r)
        found = [Turn(text, self._answer(technique, ask, r), True, technique)]
        for _ in range(count - 1):
            if technique == "agent_traces":
                found.append(Turn(tool_result(r), writer.answer(subject, ask.slots), True, technique))
                continue
            ask = writer.follow_up(ask)
            again = technique in ("rubric_grading", "answer_rewriting", "prompt_evolution") and r.random() < 0.7
            found.append(
                Turn(
                    self.wrap(technique, ask, writer, r) if again else ask.text,
                    self._answer(technique, ask, r),
                    True,
                    technique,
                )
            )
        return found

    def wrap(self, technique: str, ask: Ask, writer: Writer, r: Random) -> str:
        """The task in one of the campaign's wordings of a technique, said anew where the operator paraphrases."""
        pattern: str = r.choice(self.wordings[technique])
        if self.campaign.paraphrase and r.random() < self.campaign.paraphrase:  # no draw for 0: a seed's world stays
            pattern = paraphrased(pattern, r)
        return pattern.format(
            task=ask.text,
            answer=ask.answer,
            other_answer=writer.answer(ask.topic, ask.slots) if "{other_answer}" in pattern else "",
            n=r.randint(3, 12),
            persona=r.choice(self.personas),
        )

    def _answer(self, technique: str, ask: Ask, r: Random) -> str:
        match technique:
            case "reasoning_elicitation":
                steps = ask.answer.replace("\n", " ").split(". ")
                return "\n".join(f"{i}. {step.strip('. ')}. {r.choice(BECAUSE)}" for i, step in enumerate(steps, 1))
            case "rubric_grading":
                word = r.choice(("Score", "Grade", "Mark", "Verdict"))
                return f"{word}: {r.randint(1, 10)}. {r.choice(REMARKS)} {r.choice(REMARKS)}"
            case "prompt_evolution":
                return f"{ask.text} {r.choice(HARDER)}"
            case _:
                return ask.answer


BECAUSE = (
    "This follows from what was given.",
    "So the other case is excluded.",
    "I check it against the first line.",
    "That leaves one unknown.",
    "Hence the next step.",
    "If this were wrong, the units would not fit.",
    "I am fairly sure of this part.",
    "Therefore we can go on.",
)
REMARKS = (
    "The facts are right but thin.",
    "It answers another question.",
    "Clear structure.",
    "The second claim lacks support.",
    "Too long for what was asked.",
    "Tone fits.",
    "It omits the risk.",
    "Correct except for one number.",
    "The example helps.",
)
HARDER = (
    "Use at most three steps.",
    "Assume half of the data is missing.",
    "Do it without naming the subject.",
    "Give two opposed solutions.",
    "Justify each choice by a source.",
    "Now for a thousand users at once.",
)
