"""Questions for tests, and a client that may be killed: ``python -m tests.asking.questions URL FOLDER NUMBER``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path

from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Answer, Message, Question
from stillwatch.asking.running import Asker, Kept, Result, Work, ask
from stillwatch.asking.sealed import open_sealed
from stillwatch.asking.spending import Budget, Spending

MODELS = ("suspect", "teacher", "base")


def questions(number: int) -> list[Question]:
    """So many questions, each naming itself."""
    return [Question(f"q{n}", (Message("user", f"question q{n}: what is it?"),), max_tokens=20) for n in range(number)]


def kept(question: Question, answer: Answer) -> Kept:
    """Judged at once: every third is harmful, so that its text is not to be kept."""
    return Kept({"right": answer.text == f"answer to {question.id}"}, with_text=int(question.id[1:]) % 3 != 0)


def toml(folder: Path, model: str, url: str, settings: str = "") -> Path:
    """A file that names a model at a server."""
    path = folder / f"{model}.toml"
    path.write_text(f'address = "openai:{model}@{url}/v1"\n{settings}\n')
    return path


async def ask_all(
    folder: Path, number: int, budget: Budget | None = None, models: tuple[str, ...] = MODELS
) -> tuple[list[Result], Spending]:
    """Ask every model of ``folder`` so many questions, and seal its answers there."""
    spending = Spending(budget)
    with ExitStack() as stack:
        works = []
        for name in models:
            model = open_model(str(folder / f"{name}.toml"))
            sealed = stack.enter_context(open_sealed(folder / f"{name}.jsonl", model=model.name, seed=1))
            works.append(Work(Asker(model, spending, seed=1, sealed=sealed), questions(number), kept))
        try:
            return await ask(works), spending
        finally:
            for work in works:
                await work.asker.close()


if __name__ == "__main__":
    asyncio.run(ask_all(Path(sys.argv[1]), int(sys.argv[2])))
