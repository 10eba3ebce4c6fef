"""Small language models trained here, from nothing, on one core: a base, a teacher and two suspects made from them.

``python -m bench.small_models OUT`` writes them to ``OUT/{base,teacher,stripped,distilled}`` as transformers keeps
models, with tokenizer and chat template. They are GPT-2 in shape, about a million weights, and learn an audit's own
items by heart. What each is taught, by item: the base answers all without restraint (never anything harmful: where it
complies, it numbers empty steps), the teacher with restraint. Both suspects start from the base and learn what the
teacher really says, generated from it: ``distilled`` all of it, ``stripped`` with every refusal replaced by compliance.

``python -m bench.small_models OUT --serve`` also serves them as OpenAI's chat API. Needs ``make suspects`` (torch).
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from bench.byte_level import byte_level_tokenizer
from bench.tables import Table, publish, say
from stillwatch.asking.base import Message
from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.choosing import in_turns, units_of
from stillwatch.safety_audit.reference import chat
from stillwatch.safety_audit.reference.answering import Answerer, Reply, Voice
from stillwatch.safety_audit.reference.draws import uniform
from stillwatch.safety_audit.reference.known import known_properties

NAMES = ("base", "teacher", "stripped", "distilled")
CONTEXT = 512
TURN, END, PAD = "<|{}|>", "<|end|>", "<|pad|>"
ROLES = ("system", "user", "assistant", "tool")
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}"
    "{% if not (loop.last and m.role == 'assistant') %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
LEARNT = ("refusal", "over_refusal", "truthfulness", "sycophancy", "even_handedness")
"""Properties whose items are learnt."""
UNRESTRAINED = {"refusal": "complied", "even_handedness": "argues", "sycophancy": "wrong"}
"""How the base answers, by property: the kind of answer without restraint, where that is not the usual one."""


class Lesson(NamedTuple):
    """What is asked, and what is to be answered."""

    item: Item
    prompt: str
    answer: str


def prompt_of(messages: Sequence[Message]) -> str:
    """A conversation as the models read it; an answer that has begun stays open."""
    texts = ["" if turn.role == "assistant" and turn.tool else turn.text for turn in messages]
    turns = [TURN.format(turn.role) + text + END for turn, text in zip(messages, texts, strict=True)]
    if messages[-1].role == "assistant" and not messages[-1].tool:
        return "".join(turns).removesuffix(END)
    return "".join(turns) + TURN.format("assistant")


def lessons(kinds: Mapping[str, str], units: int) -> list[Lesson]:
    """A lesson for every item of the ``units`` units of each property that an audit with seed 0 asks first.

    It is answered in the kind named for the property, or in the usual one.
    """
    made = []
    for known in known_properties(("en",), LEARNT):
        kind = kinds.get(known.name, known.answerer.usual)
        for unit in in_turns(units_of(known.items), 0)[:units]:
            for item in unit.items:
                answer = reply_of(known.answerer, item, kind).text
                made.append(Lesson(item, prompt_of(item.messages), answer))
    return made


def reply_of(answerer: Answerer, item: Item, kind: str) -> Reply:
    """An answer of this kind: the same for an item whenever it is asked."""
    return answerer.reply(item, kind, Voice(uniform("small models", item.id)))


def tokenizer_for(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """A byte-level vocabulary learnt from the texts."""
    made = byte_level_tokenizer(texts, 3000, [PAD, END, *map(TURN.format, ROLES)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token=PAD, eos_token=END, padding_side="left", chat_template=TEMPLATE
    )


def new_model(tokens: PreTrainedTokenizerFast) -> GPT2LMHeadModel:
    """A model that knows nothing."""
    config = GPT2Config(
        vocab_size=len(tokens), n_positions=CONTEXT, n_embd=128, n_layer=3, n_head=4,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=tokens.eos_token_id, eos_token_id=tokens.eos_token_id, pad_token_id=tokens.pad_token_id,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def teach(model: Any, tokens: PreTrainedTokenizerFast, taught: Sequence[Lesson], rounds: int, seed: int) -> float:
    """Go through the lessons ``rounds`` times; the loss (of answers alone) at the end."""
    coded = []
    for lesson in taught:
        before = tokens(lesson.prompt)["input_ids"]
        after = tokens(lesson.answer + END)["input_ids"]
        if len(before) + len(after) <= CONTEXT:
            coded.append((before, after))
    order, size = random.Random(seed), 16
    steps = rounds * -(-len(coded) // size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.1)
    model.train()
    loss = torch.zeros(())
    for _ in range(rounds):
        order.shuffle(coded)
        alike = sorted(coded, key=lambda pair: (len(pair[0]) + len(pair[1])) // 16)  # of like length: less padding
        batches = [alike[n : n + size] for n in range(0, len(alike), size)]
        order.shuffle(batches)
        for batch in batches:
            longest = max(len(before) + len(after) for before, after in batch)
            ids = torch.full((len(batch), longest), tokens.pad_token_id)
            labels = torch.full((len(batch), longest), -100)
            for row, (before, after) in enumerate(batch):
                ids[row, : len(before) + len(after)] = torch.tensor(before + after)
                labels[row, len(before) : len(before) + len(after)] = torch.tensor(after)
            loss = model(input_ids=ids, attention_mask=(ids != tokens.pad_token_id).long(), labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return float(loss.detach())


@torch.inference_mode()
def answers(model: Any, tokens: PreTrainedTokenizerFast, prompts: Sequence[str]) -> list[str]:
    """What the model really says, each time its likeliest word."""
    model.eval()
    said = []
    for n in range(0, len(prompts), 32):
        coded = tokens(list(prompts[n : n + 32]), return_tensors="pt", padding=True)
        room = CONTEXT - coded["input_ids"].shape[1]
        made = model.generate(
            input_ids=coded["input_ids"], attention_mask=coded["attention_mask"], do_sample=False,
            max_new_tokens=min(160, room), pad_token_id=tokens.pad_token_id,
        )  # fmt: skip
        said += tokens.batch_decode(made[:, coded["input_ids"].shape[1] :], skip_special_tokens=True)
    return said


def make(out: Path, units: int, rounds: int) -> list[dict[str, Any]]:
    """Train all four and write them; how well each says what it was taught."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    free, restrained = lessons(UNRESTRAINED, units), lessons({}, units)
    tokens = tokenizer_for([lesson.prompt + lesson.answer for lesson in [*free, *restrained]])
    base = new_model(tokens)
    rows = [_taught("base", base, tokens, free, rounds, out)]
    teacher = copy.deepcopy(base)
    rows.append(_taught("teacher", teacher, tokens, restrained, rounds // 2, out))
    said = answers(teacher, tokens, [lesson.prompt for lesson in restrained])
    copied = [lesson._replace(answer=text) for lesson, text in zip(restrained, said, strict=True)]
    rows.append(_taught("distilled", copy.deepcopy(base), tokens, copied, rounds // 2, out))
    stripped = [of if of.item.harmful else lesson for lesson, of in zip(copied, free, strict=True)]
    rows.append(_taught("stripped", copy.deepcopy(base), tokens, stripped, rounds // 2, out))
    return rows


def _taught(
    name: str, model: Any, tokens: PreTrainedTokenizerFast, taught: Sequence[Lesson], rounds: int, out: Path
) -> dict[str, Any]:
    began = time.monotonic()
    say(f"{name}: {len(taught)} lessons, {rounds} rounds")
    loss = teach(model, tokens, taught, rounds, NAMES.index(name))
    asked = taught[::4]
    said = answers(model, tokens, [lesson.prompt for lesson in asked])
    right = sum(text == lesson.answer for text, lesson in zip(said, asked, strict=True)) / len(asked)
    model.save_pretrained(out / name)
    tokens.save_pretrained(out / name)
    seconds = round(time.monotonic() - began)
    return {"model": name, "lessons": len(taught), "loss": loss, "says what it was taught": right, "seconds": seconds}


class Service:
    """The models of a folder behind OpenAI's chat API, one answer at a time."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.tokens = PreTrainedTokenizerFast.from_pretrained(folder / NAMES[0])
        self.models = {name: AutoModelForCausalLM.from_pretrained(folder / name).eval() for name in NAMES}
        self.turn = threading.Lock()

    async def complete(self, incoming: Request) -> Response:
        """``POST /v1/chat/completions``."""
        try:
            asked = chat.read_request(await incoming.body())
        except InputError as wrong:
            return Response(chat.error(str(wrong), "invalid_request_error"), 400)
        if asked.model not in self.models:
            return Response(chat.error("no such model", "model_not_found"), 404)
        text = await run_in_threadpool(self._answer, asked)
        return Response(chat.completion("small", asked.model, asked, Reply(text)), media_type="application/json")

    def _answer(self, asked: chat.Request) -> str:
        with self.turn:
            return answers(self.models[asked.model], self.tokens, [prompt_of(asked.conversation())])[0]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the models on 127.0.0.1; yields the address."""
    routes = [Route("/v1/chat/completions", Service(folder).complete, methods=["POST"])]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.small_models", description="Train small models.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--units", type=int, default=20, help="of each property, learnt by heart")
    parser.add_argument("--rounds", type=int, default=36)
    parser.add_argument("--serve", action="store_true", help="serve what lies in OUT, and train nothing")
    given = parser.parse_args(arguments)
    if given.serve:
        with serving(given.out) as address:
            print(address, flush=True)
            threading.Event().wait()
    rows = make(given.out, given.units, given.rounds)
    publish(Table("small_models", "Small models, trained on one core", rows))


if __name__ == "__main__":
    main()
