"""Batches of OpenAI and Anthropic: the file of answers, joined with its requests and its batch by what lies beside it.

Shapes from the OpenAI API reference ("the request input object", "the request output object"; also what vLLM's
``run_batch`` reads and writes) and from openai-python ``types/batch.py`` and anthropic-sdk-python
``types/messages/{batch_create_params,message_batch,message_batch_individual_response}.py``.

A batch is spread over files, which belong in one folder:

- answers: lines ``{id, custom_id, response: {status_code, request_id, body}, error}`` (OpenAI, output and error file)
  or ``{custom_id, result: {type, message | error}}`` (Anthropic). Each line is an exchange.
- requests: lines ``{custom_id, method, url, body}`` (OpenAI), or ``{custom_id, params}``, as lines, as an array, or in
  the body ``{"requests": [...]}`` that created the batch (Anthropic). Found by ``custom_id``. Without them the answers
  are read, with what was asked unknown. At most 256 MiB, what both vendors allow.
- the batch object, as the API tells it: one object, JSON lines, or a page of a list (``{"data": [...]}``).

Of several batches in one folder the right one is told by ids in the names of the files (the batch's ``id``,
``output_file_id``, ``error_file_id`` in the answers' name; ``input_file_id`` or ``id`` in the requests' name); a single
one needs no such name. A folder for each batch is simplest.

What no vendor's file holds is the account: write ``account_id`` into the batch object, or into each line of the answers
(``api_key_id``, ``client_ip`` and ``user_agent`` too, if you know them). Else the account is what the caller claims in
its request (``safety_identifier``, ``user``, ``metadata.user_id``), which can be anything; without any, a line is set
aside. The time is when the batch was created, for all its lines; without the batch object it is the second in which
OpenAI made the answer, and an answer of Anthropic, which has none, is set aside. There is no latency.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from stillwatch.errors import InputError
from stillwatch.sources.base import Info, Trust
from stillwatch.sources.calls.bodies import items, mapping, request_values, response_values
from stillwatch.sources.calls.http_bodies import without_key
from stillwatch.sources.containers.files import Beside, files_in, folder_of, head, whole
from stillwatch.sources.containers.hostile_json import written
from stillwatch.sources.containers.json_documents import (
    Decode,
    Document,
    decode_whole,
    json_documents,
    objects_at,
    told_keys,
)
from stillwatch.sources.formats.http_pairs import CALLS, call_at, claimed_account, failure_status, first_told
from stillwatch.sources.records.json_log import JsonLog

__all__ = ["SOURCE", "Batch"]

REQUESTS_BYTES = 256 * 2**20
REQUESTS_DEPTH = 2
ANSWERS, REQUESTS, CREATION, BATCHES = "answers", "requests", "creation", "batches"
KINDS = {
    "chat.completion": "chat",
    "response": "responses",
    "text_completion": "completions",
    "list": "embeddings",
    "message": "chat",
}


class Batch(JsonLog):
    """Answers of OpenAI's and Anthropic's batches, with the requests and the batch that lie in the same folder."""

    info: ClassVar[Info] = Info(
        name="batch",
        summary="Batches of OpenAI and Anthropic: answers, with requests and batch object in the same folder",
        reference="OpenAI and Anthropic API references, batches",
        version="2026-11",
        example=(
            b'{"id": "r1", "custom_id": "request-1", "account_id": "a1", "response": {"status_code": 200,'
            b' "request_id": "req_1", "body": {"object": "chat.completion", "created": 1788739388, "model": "m",'
            b' "choices": [{"message": {"role": "assistant", "content": "Good morning."}}],'
            b' "usage": {"prompt_tokens": 2, "completion_tokens": 3}}}, "error": null}\n'
        ),
        carries=(
            *("exchange_id", "started_at", "account_id", "api_key_id", "model", "operation", "system_prompt"),
            *("messages", "response", "reasoning", "input_tokens", "output_tokens", "reasoning_tokens"),
            *("temperature", "max_tokens", "tool_count", "client_ip", "user_agent", "status"),
        ),
        switch_on=(
            "Keep, for each batch, three files in a folder of their own: what was uploaded, what was downloaded"
            " (OpenAI's output and error files, Anthropic's results), and the batch object, into which you write"
            " `account_id`, since no file of a vendor names the account: for OpenAI"
            " `GET /v1/batches/{id}`, for Anthropic `GET /v1/messages/batches/{id}`."
        ),
        privacy=(
            "Without the requests only answers are compared, and nothing is known of settings and tools. A batch has no"
            " time for each line, no durations and, unless you write it, no address: rhythm and network are not"
            " compared. Deleting the input file at the vendor does not touch your"
            " copy."
        ),
        trust=Trust(
            "`account_id`, else `api_key_id`, that you write into the answers or the batch object",
            "only where both are missing: then `safety_identifier`, `user` or `metadata.user_id` of the request",
            "`client_ip` that you write",
        ),
        beside=(
            "All files in the folder of the answers: their beginnings, and those of requests and batch objects whole."
        ),
    )

    def recognises(self, head: bytes) -> bool:
        """Whether the file is one of those that a batch consists of."""
        return _kind(head) is not None

    def documents(self, location: str) -> Iterator[Document]:
        """The answers of a file, each with what lies beside it; of other files only what is broken."""
        kind = _kind(head(location))
        if kind not in (None, ANSWERS):
            yield from (document for document in _documents(location, kind) if document.reason)
            return
        beside = _Beside(location)
        for document in json_documents(location):
            if isinstance(document.value, dict):
                document = Document(document.line, {"line": document.value, "beside": beside}, document.reason)
            yield document

    def exchanges(self, document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """See `JsonLog.exchanges`: a line of answers is one exchange."""
        return _values(document["line"], document["beside"])

    def identity(self, document: Mapping[str, Any]) -> Iterable[Any]:
        """See `JsonLog.identity`."""
        return (_identity(document["line"], document["beside"].batch),)


def _kind(start: bytes) -> str | None:
    """What of a batch a file holds, told by its first objects; None for anything else."""
    keys = told_keys(start)[0]
    if "custom_id" in keys:
        if keys.get("result") or ("response" in keys and "error" in keys and "request" not in keys):
            return ANSWERS
        return REQUESTS if "params" in keys or ("body" in keys and "url" in keys) else None
    if "requests" in keys and b'"custom_id"' in start and b'"params"' in start:
        return CREATION
    openai = b'"input_file_id"' in start and b'"completion_window"' in start
    anthropic = b'"processing_status"' in start and b'"request_counts"' in start
    page = "data" in keys or "created_at" in keys
    return BATCHES if page and (openai or anthropic) else None


def _documents(location: str, kind: str | None, decode: Decode | None = None) -> Iterator[Document]:
    if kind == CREATION:
        yield from objects_at(whole(location), REQUESTS_DEPTH)
    else:
        yield from json_documents(location, decode=decode)


def _name(location: str) -> str:
    return location.rpartition("/")[2]


class _Folder(NamedTuple):
    requests: tuple[tuple[str, str], ...]
    batches: tuple[Mapping[str, Any], ...]


def _state(folder: str) -> tuple[Beside, ...]:
    """The files of a folder; none where it may not be looked into."""
    try:
        return files_in(folder)
    except InputError:
        return ()


class _Beside:
    """What lies beside a file of answers: its batch (empty where there is none), and its requests, read when needed."""

    def __init__(self, location: str) -> None:
        folder = _folder(_state(folder_of(location)))
        self.batch = _named(folder.batches, _name(location), ("id", "output_file_id", "error_file_id"))
        self._requests = self._requests_of(folder)

    def _requests_of(self, folder: _Folder) -> tuple[str, str] | None:
        for name in ("input_file_id", "id"):
            told = self.batch.get(name)
            for path, kind in folder.requests:
                if isinstance(told, str) and told and told in _name(path):
                    return path, kind
        alone = len(folder.requests) == 1 and len(folder.batches) <= 1
        return folder.requests[0] if alone else None

    def request(self, custom_id: Any) -> Mapping[str, Any]:
        """The line or object that asked what ``custom_id`` answers; empty where it is not there."""
        line = self._lines.get(custom_id) if isinstance(custom_id, str) else None
        return {} if line is None else mapping(decode_whole(line))

    @functools.cached_property
    def _lines(self) -> dict[str, bytes]:
        lines: dict[str, bytes] = {}
        size = 0
        for document in _documents(*self._requests, decode=_asked) if self._requests else ():
            request = document.value
            if isinstance(request, dict):
                request = _Asked(request.get("custom_id"), written(request))
            if isinstance(request, _Asked) and isinstance(request.custom_id, str):
                size += len(request.line)
                if size > REQUESTS_BYTES and self._requests:
                    raise InputError("holds over 256 MiB of requests", self._requests[0], "split the batch")
                lines[request.custom_id] = request.line
        return lines


class _Asked(NamedTuple):
    """A request as it stands on its line, and the id by which its answer names it."""

    custom_id: Any
    line: bytes


def _asked(line: bytes) -> Any:
    request = decode_whole(line)
    return _Asked(request.get("custom_id"), line) if isinstance(request, dict) else request


@functools.lru_cache(maxsize=4)
def _folder(state: tuple[Beside, ...]) -> _Folder:
    """What of batches lies in a folder's files, as long as these are the same."""
    requests: list[tuple[str, str]] = []
    batches: dict[str, Mapping[str, Any]] = {}
    for location, size, _ in state:
        try:
            kind = _kind(head(location)) if size else None
        except InputError:  # not one of ours to complain about
            continue
        if kind in (REQUESTS, CREATION):
            requests.append((location, str(kind)))
        elif kind == BATCHES:
            for document in json_documents(location):
                page = mapping(document.value)
                for batch in items(page["data"]) if isinstance(page.get("data"), list) else [page]:
                    if isinstance(batch.get("id"), str):
                        batches[batch["id"]] = batch
    return _Folder(tuple(requests), tuple(batches.values()))


def _named(batches: tuple[Mapping[str, Any], ...], name: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """The batch that a file's name tells, by the longest of its ids in it; else the only one; else none."""
    told = [
        (len(batch[key]), place)
        for place, batch in enumerate(batches)
        for key in keys
        if isinstance(batch.get(key), str) and batch[key] and batch[key] in name
    ]
    if told:
        return batches[max(told)[1]]
    return batches[0] if len(batches) == 1 else {}


def _identity(line: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """The answer's own id; where it failed before it had one, its place in its batch."""
    response, message = mapping(line.get("response")), mapping(mapping(line.get("result")).get("message"))
    told = first_told(line, ("id",)) or first_told(response, ("request_id",)) or first_told(message, ("id",))
    if told:
        return told
    place = line.get("custom_id")
    return f"{batch['id']}:{place}" if isinstance(batch.get("id"), str) and isinstance(place, str) else place


def _values(line: Mapping[str, Any], beside: _Beside) -> list[dict[str, Any]]:
    """The columns of an answer, still loose; none where it is no answer of a batch, or of a model."""
    if "custom_id" not in line or not ("response" in line or "result" in line):
        return []
    asked = beside.request(line.get("custom_id"))
    body = mapping(asked.get("body") or asked.get("params"))
    response, result = mapping(line.get("response")), mapping(line.get("result"))
    answer = mapping(response.get("body") or result.get("message"))
    operation = _operation(asked, beside.batch, answer, anthropic="result" in line)
    if operation is None:
        return []
    question, told = request_values(body), response_values(answer)
    added = [mapping(values) for values in (line, beside.batch)]
    key = without_key(_added(added, "api_key_id"))
    values = {
        **question,
        **{name: value for name, value in told.items() if name != "model"},
        "exchange_id": _identity(line, beside.batch),
        "started_at": beside.batch.get("created_at") or answer.get("created") or answer.get("created_at"),
        "account_id": without_key(_added(added, "account_id")) or key or claimed_account(body),
        "api_key_id": key,
        "model": told["model"] or question["model"],
        "operation": operation,
        "client_ip": _added(added, "client_ip"),
        "user_agent": _added(added, "user_agent"),
        "status": _status(line, response, result, answer),
    }
    return [values]


def _added(places: list[Mapping[str, Any]], name: str) -> Any:
    for place in places:
        if (found := first_told(place, (name,))) is not None:
            return found
    return None


def _operation(
    asked: Mapping[str, Any], batch: Mapping[str, Any], answer: Mapping[str, Any], *, anthropic: bool
) -> str | None:
    """The kind of call: by its path, else by its answer; chat where nothing tells; None for images and the like.

    The caller writes the path: one that names no call does not hide an answer that says it is one.
    """
    kind = answer.get("object")
    answered = KINDS.get(kind) if isinstance(kind, str) and not anthropic else "chat"
    for path in (asked.get("url"), batch.get("endpoint")):
        if isinstance(path, str) and path:
            return CALLS.get(call_at(path) or "", answered if kind else None)
    return answered


def _status(line: Mapping[str, Any], response: Mapping[str, Any], result: Mapping[str, Any], answer: Any) -> Any:
    if result:
        inner = mapping(result.get("error"))
        return 200 if result.get("type") == "succeeded" else failure_status(inner.get("error") or inner)
    if line.get("error"):
        return response.get("status_code") or failure_status(line["error"])
    return response.get("status_code") or (200 if answer else 500)


SOURCE = Batch()
