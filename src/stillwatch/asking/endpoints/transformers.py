"""A model that lies in a folder, asked on this machine through transformers: the extra ``local``.

Nothing is fetched, and no code of the folder's is run: weights must be safetensors (others are programs when loaded),
and a model that needs its own code is refused. Where the tokenizer has a chat template it is used; a base model gets
the turns one after the other, with a blank line between. Each answer is drawn with a seed made of the run's seed, the
question and the sample, so that the same folder gives the same answers again on the same machine.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import torch
import transformers

from stillwatch.asking.base import Answer, Endpoint, EndpointInfo, Message, Question
from stillwatch.asking.thinking import apart
from stillwatch.asking.web import now
from stillwatch.errors import AskingError, InputError, StillwatchError, UsageError

__all__ = ["KIND", "as_prompt"]

# transformers loads by way of settings that all threads share: two at once leave a model without its weights.
_LOADING = threading.Lock()
_CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    timeout: float = 120.0
    temperature: float | None = None
    device: str = ""
    seed: int = 0


class Transformers:
    """The kind ``transformers:FOLDER``."""

    info: ClassVar[EndpointInfo] = EndpointInfo(
        name="transformers",
        summary="A model in a folder, asked on this machine (extra local)",
        reference="https://huggingface.co/docs/transformers",
        example="transformers:./my-model",
    )

    def opens(self, address: str) -> bool:
        """See `EndpointKind.opens`."""
        return address.startswith("transformers:")

    def open(self, address: str, options: Mapping[str, Any]) -> Endpoint:
        """See `EndpointKind.open`; also raises `InputError` for a folder without a model."""
        folder = Path(address.removeprefix("transformers:"))
        if not (folder / "config.json").is_file():
            raise InputError("holds no model: it has no config.json", folder, "name a folder as transformers saves one")
        try:
            read = msgspec.convert(dict(options), _Options)
        except msgspec.ValidationError as error:
            raise UsageError(f"has an option that cannot be: {error}", address, "docs/asking.md lists them") from error
        return _Endpoint(folder, read)


KIND = Transformers()


class _Endpoint:
    most_at_once = 1

    def __init__(self, folder: Path, options: _Options) -> None:
        self.name = f"transformers:{folder.resolve().name}"
        self._folder, self._options = folder, options
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local-model")
        self._loaded: tuple[Any, Any] | None = None

    async def ask(self, question: Question) -> Answer:
        asked_at = now()
        # In a thread, so that others are asked meanwhile. No thread can be stopped from outside: it is told to end.
        cut_off = threading.Event()
        try:
            work = functools.partial(self._answer, question, asked_at, cut_off)
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except asyncio.CancelledError:
            cut_off.set()
            raise
        except StillwatchError:
            raise
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
            what = f"failed: {type(error).__name__}: {error}"
            raise AskingError(what, self.name, again=False, hopeless=self._loaded is None) from error

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._loaded = None

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            wanted = self._options.device or ("cuda" if torch.cuda.is_available() else "cpu")
            transformers.logging.set_verbosity_error()
            transformers.logging.disable_progress_bar()
            kept: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
            try:
                with _LOADING:
                    tokenizer = transformers.AutoTokenizer.from_pretrained(self._folder, **kept)
                    model = transformers.AutoModelForCausalLM.from_pretrained(
                        self._folder, use_safetensors=True, dtype="auto", **kept
                    )
            except (OSError, ValueError, KeyError, RuntimeError) as error:
                what = f"cannot be loaded: {error}; it must be a causal language model in safetensors, with a tokenizer"
                raise AskingError(what, self._folder, again=False, hopeless=True) from error
            self._loaded = tokenizer, model.to(wanted).eval()
        return self._loaded

    def _answer(self, question: Question, asked_at: str, cut_off: threading.Event) -> Answer:
        tokenizer, model = self._load()
        prompt = as_prompt(tokenizer, question)
        length = prompt["input_ids"].shape[1]
        room = _context(model) - length
        if room < 1:
            raise AskingError(f"has no room for a question of {length} tokens", self.name, again=False)
        ends = _ends(tokenizer, model)
        with torch.random.fork_rng(enabled=True), torch.inference_mode():
            torch.manual_seed(self._seed(question))
            made = model.generate(
                **{name: tensor.to(model.device) for name, tensor in prompt.items()},
                max_new_tokens=min(question.max_tokens, room),
                max_time=self._options.timeout,
                stopping_criteria=[_CutOff(cut_off)],
                pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(ends, default=0),
                **self._sampling(question),
            )[0, length:].tolist()
        ended = bool(made) and made[-1] in ends
        if not ended and len(made) < min(question.max_tokens, room):
            what = f"gave no whole answer within {self._options.timeout:g} s; set a longer timeout in a TOML file"
            raise AskingError(what, self.name, again=False, charged=True)
        text, reasoning = apart(tokenizer.decode(made, skip_special_tokens=True))
        return Answer(
            question.id,
            question.sample,
            text=text,
            reasoning=reasoning,
            finish="stop" if ended else "length",
            model=self.name,
            tokens_in=length,
            tokens_out=len(made),
            asked_at=asked_at,
        )

    def _sampling(self, question: Question) -> dict[str, Any]:
        temperature = self._options.temperature if question.temperature is None else question.temperature
        if temperature is None:
            return {}
        return {"do_sample": True, "temperature": float(temperature)} if temperature > 0 else {"do_sample": False}

    def _seed(self, question: Question) -> int:
        text = f"{self._options.seed}:{question.id}:{question.sample}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


class _CutOff(transformers.StoppingCriteria):  # type: ignore[misc]
    """Ends an answer that nobody waits for any more, before its next token."""

    def __init__(self, cut_off: threading.Event) -> None:
        self._cut_off = cut_off

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        return torch.full((input_ids.shape[0],), self._cut_off.is_set(), dtype=torch.bool, device=input_ids.device)


def as_prompt(tokenizer: Any, question: Question) -> Mapping[str, Any]:
    """The question as tokens (``input_ids`` and ``attention_mask``, each (1, length)), through the chat template where
    there is one; else its turns, one after the other."""
    turns = question.messages
    if not tokenizer.chat_template:
        texts = [turn.text for turn in turns]
        continues = bool(turns) and turns[-1].role == "assistant" and not turns[-1].tool
        encoded: Mapping[str, Any] = tokenizer("\n\n".join(texts if continues else [*texts, ""]), return_tensors="pt")
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}
    continues = bool(turns) and turns[-1].role == "assistant" and not turns[-1].tool
    tools = [
        {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
        for t in question.tools
    ]
    encoded = tokenizer.apply_chat_template(
        [_turn(turn) for turn in turns],
        tools=tools or None,
        add_generation_prompt=not continues,
        continue_final_message=continues,
        return_tensors="pt",
        return_dict=True,
    )
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


def _turn(turn: Message) -> dict[str, Any]:
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.tool_call, "name": turn.tool, "content": turn.text}
    if turn.role == "assistant" and turn.tool:
        try:
            arguments = msgspec.json.decode(turn.text)
        except (msgspec.DecodeError, RecursionError):
            arguments = {}
        call = {"id": turn.tool_call, "type": "function", "function": {"name": turn.tool, "arguments": arguments}}
        return {"role": "assistant", "content": "", "tool_calls": [call]}
    return {"role": turn.role, "content": turn.text}


def _context(model: Any) -> int:
    """How many tokens question and answer may have together."""
    told = [getattr(model.config, name, None) for name in _CONTEXT]
    return min((value for value in told if isinstance(value, int) and value > 0), default=2**31)


def _ends(tokenizer: Any, model: Any) -> set[int]:
    """The tokens that end an answer."""
    told = [tokenizer.eos_token_id, model.generation_config.eos_token_id]
    flat = [token for value in told for token in (value if isinstance(value, list) else [value])]
    return {token for token in flat if isinstance(token, int)}
