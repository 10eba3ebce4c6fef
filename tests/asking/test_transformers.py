"""A model in a folder is asked on this machine. Needs the extra ``local``; CI goes without its gigabytes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Answer, Endpoint, Message, Question
from stillwatch.asking.running import Asker, Kept, Work, ask
from stillwatch.asking.sealed import open_sealed, read_sealed
from stillwatch.asking.spending import Spending
from stillwatch.errors import AskingError, InputError

torch = pytest.importorskip("torch", reason="the extra local is not installed: pip install 'stillwatch[local]'")
transformers = pytest.importorskip("transformers", reason="the extra local is not installed")
tokenizers = pytest.importorskip("tokenizers")

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }}"
    "{% if not loop.last or add_generation_prompt %} <end>{% endif %} {% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
WORDS = ["the", "a", "cat", "dog", "is", "was", "not", "here", "there", "who", "what", "where", "are", "you"]
MARKS = ["<system>", "<user>", "<assistant>", "<end>"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of two layers, as it was drawn, and its tokenizer of words."""
    path = tmp_path_factory.mktemp("model") / "tiny"
    vocabulary = {word: n for n, word in enumerate(["<unk>", "<eos>", *WORDS, *MARKS])}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>", eos_token="<eos>")
    tokenizer.save_pretrained(path)
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=len(vocabulary), n_positions=48, n_embd=32, n_layer=2, n_head=2, eos_token_id=1, bos_token_id=1
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(path)
    return path


def question(*texts: str, sample: int = 0, temperature: float | None = None, max_tokens: int = 8) -> Question:
    turns = tuple(Message("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(texts))
    return Question("q", turns, sample=sample, temperature=temperature, max_tokens=max_tokens)


def answers(endpoint: Endpoint, *questions: Question) -> list[Answer]:
    async def all_of_them() -> list[Answer]:
        try:
            return [await endpoint.ask(each) for each in questions]
        finally:
            await endpoint.close()

    return asyncio.run(all_of_them())


def test_a_folder_is_asked_and_counted(folder: Path) -> None:
    model = open_model(str(folder))
    assert model.name == "transformers:tiny"
    assert model.limits.concurrency == 1
    [answer] = answers(model.endpoint, question("where is the cat", temperature=0.0))
    assert answer.tokens_in == 4
    assert answer.tokens_out is not None
    assert 1 <= answer.tokens_out <= 8
    assert answer.finish == ("length" if answer.tokens_out == 8 else "stop")
    assert answer.text


def test_samples_differ_and_come_again(folder: Path) -> None:
    asked = [question("what is here", sample=n, temperature=1.0) for n in range(6)]
    first = answers(open_model(str(folder)).endpoint, *asked)
    again = answers(open_model(str(folder)).endpoint, *reversed(asked))
    assert [a.text for a in first] == [a.text for a in reversed(again)]
    assert len({a.text for a in first}) > 3
    greedy = answers(open_model(str(folder)).endpoint, *(question("a", sample=n, temperature=0.0) for n in range(2)))
    assert greedy[0].text == greedy[1].text


def test_a_beginning_is_gone_on_from_and_a_chat_template_is_used(folder: Path, tmp_path: Path) -> None:
    plain = open_model(str(folder)).endpoint
    [begun] = answers(plain, question("what is here", "the cat", temperature=0.0))
    assert begun.tokens_in == 5
    chat = tmp_path / "chat"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(chat)
    transformers.AutoModelForCausalLM.from_pretrained(folder).save_pretrained(chat)
    whole, begun = answers(open_model(str(chat)).endpoint, question("what is"), question("what is", "the cat"))
    assert whole.tokens_in == len(["<user>", "what", "is", "<end>", "<assistant>"])
    assert begun.tokens_in == len(["<user>", "what", "is", "<end>", "<assistant>", "the", "cat"])


def test_what_is_too_long_or_too_slow_ends(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AskingError, match="no room for a question of 60 tokens"):
        answers(open_model(str(folder)).endpoint, question("cat " * 60))
    [cut] = answers(open_model(str(folder)).endpoint, question("cat " * 40, max_tokens=500))
    assert cut.tokens_out is not None
    assert cut.tokens_out <= 8
    (tmp_path / "m.toml").write_text(f'address = "{folder}"\ntimeout = 0.001\n')
    began = time.monotonic()
    with pytest.raises(AskingError, match=r"no whole answer within 0\.001 s; set a longer timeout"):
        answers(open_model(str(tmp_path / "m.toml")).endpoint, question("cat", max_tokens=40))
    assert time.monotonic() - began < 30


def test_an_answer_that_nobody_waits_for_ends(folder: Path) -> None:
    async def cut() -> float:
        endpoint = open_model(str(folder)).endpoint
        await endpoint.ask(question("cat"))
        asking = asyncio.create_task(endpoint.ask(question("cat", max_tokens=40)))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        began = time.monotonic()
        await endpoint.ask(question("cat", max_tokens=1))
        await endpoint.close()
        return time.monotonic() - began

    assert asyncio.run(cut()) < 5


def test_folders_that_hold_no_model_or_a_program_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        open_model(f"transformers:{tmp_path}")
    pickled = tmp_path / "pickled"
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(pickled)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model.config.save_pretrained(pickled)
    torch.save(model.state_dict(), pickled / "pytorch_model.bin")
    with pytest.raises(AskingError, match="safetensors"):
        answers(open_model(str(pickled)).endpoint, question("cat"))


def test_a_folder_goes_through_the_whole_run(folder: Path, tmp_path: Path) -> None:
    async def run() -> None:
        model = open_model(str(folder))
        with open_sealed(tmp_path / "a.jsonl", model=model.name, seed=0) as sealed:
            asker = Asker(model, Spending(), sealed=sealed)
            asked = [Question(f"q{n}", (Message("user", "the cat is"),), max_tokens=4) for n in range(12)]
            [result] = await ask([Work(asker, asked, lambda q, a: Kept())])
            await asker.close()
        assert (result.answered, result.left) == (12, 0)

    asyncio.run(run())
    assert len(read_sealed(tmp_path / "a.jsonl").entries) == 12
