"""Asking many questions of several models, until all are answered, the budget is spent or a model is given up.

Every answer is handed to the caller (who judges it), sealed, and never asked for again: not after Ctrl-C, not after a
kill. What was under way then is asked again. A question that was given up is tried again by a later call, three times.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stillwatch.asking.addresses import Model
from stillwatch.asking.base import Answer, Question
from stillwatch.asking.limits import Breaker, Pace
from stillwatch.asking.sealed import SealedFile, Spent
from stillwatch.asking.spending import BudgetSpent, Reserved, Spending
from stillwatch.asking.tokens import tokens_of_answer, tokens_of_question
from stillwatch.errors import AskingError, UsageError
from stillwatch.progress import Progress, Silent

__all__ = ["Asker", "Keep", "Kept", "Result", "Work", "ask"]

MOST_FAILURES = 3
"""Times that a question may be given up, over all calls, before it is left alone."""
_TURNED_AWAY = 30
"""Times that a busy endpoint may turn one question away in one call."""
_LONGEST_PAUSE = 30.0
_GRACE = 5.0
"""Seconds that a try gets beyond its endpoint's own time limit, which is to be the one that speaks."""
_LAST_JUDGEMENTS = 10.0
"""Seconds that judgements under way get when asking is interrupted: what was answered is not to be asked again."""


class Kept(NamedTuple):
    """What is to be sealed of an answer: its text or only a hash of it, and the caller's own data."""

    data: Mapping[str, Any] = {}
    with_text: bool = True


Keep = Callable[[Question, Answer], Kept | Awaitable[Kept]]


class Asked(NamedTuple):
    """An answer, or why there is none, and what all its tries cost."""

    answer: Answer
    spent: Spent
    error: AskingError | None


class Asker:
    """One model that is being asked, at its own pace, from the budget that all share.

    ``sealed`` is the file of its answers; a judging model needs none. Belongs to one event loop.
    """

    def __init__(self, model: Model, spending: Spending, *, seed: int = 0, sealed: SealedFile | None = None) -> None:
        if spending.budget.cost is not None and model.price is None:
            raise UsageError(
                "has no price, so that --max-cost cannot be kept", model.name, "give price = {input, output} in TOML"
            )
        self.model, self.spending, self.seed, self.sealed = model, spending, seed, sealed
        before = sealed is not None and any(entry.answer.finish != "failed" for entry in sealed.entries)
        self.pace, self.breaker = Pace(model.limits), Breaker(model.limits, answered_before=before)
        self.requests, self.tokens_in, self.tokens_out = 0, 0, 0
        self.given_up: list[tuple[Question, Asked]] = []
        for entry in sealed.entries if sealed is not None else ():
            self.requests += entry.spent.requests
            self.tokens_in += entry.spent.tokens_in
            self.tokens_out += entry.spent.tokens_out
        spending.recall(self.requests, self.tokens_in + self.tokens_out, self.cost or 0.0)

    @property
    def cost(self) -> float | None:
        """What this model has cost, earlier calls included; None where it has no price."""
        return None if self.model.price is None else self.model.price.of(self.tokens_in, self.tokens_out)

    async def ask(self, question: Question) -> Answer:
        """The answer, asked for as often as it takes.

        Raises `AskingError` where it was given up or the endpoint was, `BudgetSpent` where the budget does not reach.
        """
        asked = await self.attempt(question)
        if asked.error is not None:
            raise asked.error
        return asked.answer

    async def attempt(self, question: Question, stopped: Callable[[], str] = str) -> Asked:
        """`ask`, with a question that was given up as an `Asked` that has its error; ends when ``stopped`` says why."""
        failed = turned_away = 0
        spent = Spent(0, 0, 0)
        chance = random.Random(f"{self.seed}:{question.id}:{question.sample}")
        while True:
            self._go_on(stopped)
            answer, more, error = await self._once(question, stopped)
            spent = Spent(*(before + now for before, now in zip(spent, more, strict=True)))
            if error is None:
                return Asked(answer, spent, None)
            turned_away += error.busy
            failed += not error.busy
            if not error.again or failed >= self.model.limits.tries or turned_away >= _TURNED_AWAY:
                self.breaker.question_failed(error)
                self._go_on(str)
                return Asked(answer, spent, error)
            if not error.busy:
                await self._pause(chance.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, 2.0 ** (failed - 1)), stopped)

    async def close(self) -> None:
        """Close the endpoint."""
        await self.model.endpoint.close()

    def _go_on(self, stopped: Callable[[], str]) -> None:
        """Raise where the endpoint was given up, the minutes are over, or all has stopped."""
        if self.breaker.why is not None:
            raise self.breaker.why
        if self.spending.out_of_time() or stopped():
            raise BudgetSpent(stopped() or "the minutes of --max-minutes are over")

    def _halted(self, stopped: Callable[[], str]) -> bool:
        return self.breaker.why is not None or self.spending.out_of_time() or bool(stopped())

    async def _pause(self, seconds: float, stopped: Callable[[], str]) -> None:
        while seconds > 0 and not self._halted(stopped):
            await asyncio.sleep(min(seconds, 1.0))
            seconds -= 1.0

    async def _once(self, question: Question, stopped: Callable[[], str]) -> Asked:
        """One try, in its turn and out of the budget."""
        estimate = tokens_of_question(question)
        most = Reserved(estimate + question.max_tokens, self._cost_of(estimate, question.max_tokens))
        number = await self.spending.reserve(most)
        sent_at = None
        try:
            sent_at = await self.pace.enter(lambda: self._halted(stopped))
            self._go_on(stopped)
            if sent_at is None:
                raise BudgetSpent("stopped")
            return await self._sent(question, sent_at, number)
        finally:
            if sent_at is not None:
                self.pace.leave()
            self.spending.release(number)

    async def _sent(self, question: Question, sent_at: float, number: int) -> Asked:
        """Send it, and count what it cost: all it could where it was cut off, since the endpoint may charge that."""
        spent = Spent(1, tokens_of_question(question), question.max_tokens)
        try:
            answer = await self._bounded(question)
            spent = Spent(
                1,
                spent.tokens_in if answer.tokens_in is None else answer.tokens_in,
                tokens_of_answer(answer) if answer.tokens_out is None else answer.tokens_out,
            )
        except AskingError as error:
            if not error.charged:
                spent = Spent(1, 0, 0)
            error.busy = error.again and (error.busy or error.after is not None or self.breaker.seems_away(error))
            self.breaker.try_failed(error, self.pace.slow_down(error.after, sent_at) if error.busy else None)
            return Asked(Answer(question.id, question.sample, finish="failed", error=error.what), spent, error)
        finally:
            self.requests += 1
            self.tokens_in += spent.tokens_in
            self.tokens_out += spent.tokens_out
            tokens = spent.tokens_in + spent.tokens_out
            self.spending.settle(number, tokens, self._cost_of(spent.tokens_in, spent.tokens_out))
        self.pace.went_well()
        self.breaker.went_well()
        return Asked(answer, spent, None)

    async def _bounded(self, question: Question) -> Answer:
        """One try, ended where its endpoint does not end it."""
        limit = self.model.limits.timeout
        try:
            async with asyncio.timeout(limit + _GRACE):
                return await self.model.endpoint.ask(question)
        except TimeoutError:
            raise AskingError(
                f"gave no whole answer within {limit:g} s", self.model.name, again=True, charged=True, away=True
            ) from None

    def _cost_of(self, tokens_in: int, tokens_out: int) -> float:
        return 0.0 if self.model.price is None else self.model.price.of(tokens_in, tokens_out)


class Work(NamedTuple):
    """What one model is to be asked, and what becomes of each answer before it is sealed."""

    asker: Asker
    questions: Sequence[Question]
    keep: Keep


class Result(NamedTuple):
    """What became of one `Work`: ``already`` had an answer before, ``left`` have none, and ``stopped`` says why."""

    answered: int
    already: int
    failed: int
    left: int
    stopped: str


async def ask(works: Sequence[Work], progress: Progress | None = None, title: str = "Asking") -> list[Result]:
    """Ask all ``works`` at the same time, and return what became of each.

    Where a model is given up or the budget is spent, all stop: differences need answers of everybody. What was
    answered is sealed. Raises what ``keep`` raises, and `StorageError`.
    """
    runs = [_Run(work) for work in works]
    progress = progress or Silent()
    progress.step(title, sum(len(run.todo) for run in runs))
    stop = _Stop()
    done = False
    try:
        async with asyncio.TaskGroup() as group:
            for run in runs:
                for _ in range(min(2 * run.work.asker.model.limits.concurrency, len(run.todo))):
                    group.create_task(_worker(run, stop, progress))
        done = not stop.why
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    finally:
        await _last_judgements([task for run in runs for task in run.judging])
        for run in runs:
            run.finish(done)
    return [run.result(stop.why) for run in runs]


async def _last_judgements(judging: Sequence[asyncio.Task[None]]) -> None:
    """Wait for what is still being judged, though not for long; what fails there is asked again another time."""
    if judging:
        done, late = await asyncio.wait(judging, timeout=_LAST_JUDGEMENTS)
        for task in late:
            task.cancel()
        await asyncio.gather(*done, *late, return_exceptions=True)


class _Stop:
    """Why nothing more is asked; empty while it is."""

    def __init__(self) -> None:
        self.why = ""


class _Run:
    """A `Work` under way."""

    def __init__(self, work: Work) -> None:
        sealed = work.asker.sealed
        if sealed is None:
            raise UsageError("has no file for its answers", work.asker.model.name, "give Asker a sealed file")
        self.work, self.sealed = work, sealed
        self.todo: list[Question] = []
        self.already = self.failed = self.answered = 0
        self.judging: set[asyncio.Task[None]] = set()
        seen: set[tuple[str, int]] = set()
        for question in work.questions:
            key = (question.id, question.sample)
            if key in seen:
                raise UsageError(f"two questions are called {key}", work.asker.model.name, "name them apart")
            seen.add(key)
            if sealed.answered(question) is not None:
                self.already += 1
            elif sealed.failures(question) >= MOST_FAILURES:
                self.failed += 1
            else:
                self.todo.append(question)
        self.queue: Iterator[Question] = iter(self.todo)

    async def judge(self, question: Question, asked: Asked) -> None:
        """Hand an answer to the caller and seal it, in a task of its own that an interrupt does not reach."""
        kept = self.work.keep(question, asked.answer)
        if isinstance(kept, Kept):
            self.take(question, asked, kept)
            return
        task = asyncio.create_task(self._judged(question, asked, kept))
        self.judging.add(task)
        task.add_done_callback(self.judging.discard)
        await asyncio.shield(task)

    async def _judged(self, question: Question, asked: Asked, kept: Awaitable[Kept]) -> None:
        self.take(question, asked, await kept)

    def take(self, question: Question, asked: Asked, kept: Kept) -> None:
        """Seal an answer, and those given up before it: the endpoint works, so it was they that failed."""
        self.give_up()
        self.sealed.add(question, asked.answer, data=kept.data, with_text=kept.with_text, spent=asked.spent)
        if asked.answer.finish == "failed":
            self.failed += 1
        else:
            self.answered += 1

    def give_up(self) -> None:
        for question, asked in self.work.asker.given_up:
            self.sealed.add(question, asked.answer, spent=asked.spent)
            self.failed += 1
        self.work.asker.given_up.clear()

    def finish(self, done: bool) -> None:
        """Where asking ended early, it may be the endpoint that failed: then no question is held to have."""
        if done:
            self.give_up()
        self.work.asker.given_up.clear()
        self.sealed.force()

    def result(self, why: str) -> Result:
        left = len(self.work.questions) - self.answered - self.already - self.failed
        return Result(self.answered, self.already, self.failed, left, why if left else "")


async def _worker(run: _Run, stop: _Stop, progress: Progress) -> None:
    asker = run.work.asker
    for question in run.queue:
        if stop.why:
            return
        try:
            asked = await asker.attempt(question, lambda: stop.why)
            if asked.error is not None:
                asker.given_up.append((question, asked))
            elif asked.answer.finish == "failed":
                run.take(question, asked, Kept())
            else:
                await run.judge(question, asked)
        except AskingError as error:
            stop.why = stop.why or str(error)
            return
        progress.advance()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
