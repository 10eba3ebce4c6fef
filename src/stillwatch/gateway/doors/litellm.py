"""The door in LiteLLM's proxy: a callback in its process that refuses, slows, shapes and shields, and tells what ended.

Switched on by one line of the proxy's configuration (docs/gateway-litellm.md)::

    litellm_settings: {callbacks: ["stillwatch.gateway.doors.litellm.proxy_handler_instance"]}

and by the environment: STILLWATCH_POLICY (the policy's file), STILLWATCH_STATE (the folder of its memory),
STILLWATCH_STORE (a Redis address, where several proxies share one memory), STILLWATCH_FAIL, STILLWATCH_SUMMARISE_WITH
(the user's own model that tells reasoning in short) and its STILLWATCH_SUMMARY_SECONDS, _CHARACTERS, _INSTRUCTION.

Read in LiteLLM 1.109 and tested with its proxy:

- A callback's ``async_pre_call_hook`` counts only if its own class defines it (``ProxyLogging.pre_call_hook`` looks
  into ``vars``); a subclass must define it again.
- The decision travels in the logging object of the call, which the proxy hands to every later hook and to no log:
  ``litellm_call_id`` would not do, since a caller may choose it (``x-litellm-call-id``). For the same reason a call
  whose id was seen before gets one of ours in the journal; readers drop doubles, and a caller must not be able to make
  its calls look like one.
- An exchange is told of when LiteLLM tells its loggers, which is after the answer has left: what a killed proxy had not
  logged yet is in no journal. (The stand-alone proxy, `gateway.doors.proxy`, writes before the last byte.)
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException

from stillwatch.errors import InputError, UsageError, one_line
from stillwatch.gateway.decision import Decision, Observed
from stillwatch.gateway.doors.calls import request_of
from stillwatch.gateway.doors.litellm_answers import shielded, shielded_stream
from stillwatch.gateway.doors.litellm_calls import TEXTS, call_of, caller_of, recent_ids, row_of_payload, shaped
from stillwatch.gateway.doors.litellm_marks import PATIENCE, Marked, Unmarkable, marked, marked_stream, unclaimed
from stillwatch.gateway.doors.marks import TOLD, Marks
from stillwatch.gateway.doors.summaries import BOUNDS, Summaries
from stillwatch.gateway.doors.summary_model import open_summaries
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.responses.traffic import API, Refusal

__all__ = ["StillwatchLogger", "gate_of_environment", "summaries_of_environment"]

LOG: Final = logging.getLogger("stillwatch.gateway")
KEPT: Final = "stillwatch_decision"
"""Where a call's decision lies among the details that its logging object keeps."""
MARKED: Final = "stillwatch_marked"
"""Where the mark that is due on its answer lies there."""
UNAVAILABLE: Final = "The service cannot answer this request at the moment."


class StillwatchLogger(CustomLogger):  # type: ignore[misc]  # LiteLLM is in no environment of ours
    """The hooks of LiteLLM's proxy, in the order in which a request meets them.

    ``gate`` None lets everything pass untouched. ``summaries`` are for shields of the mode "summarise", which leave
    reasoning out without them. ``now`` tells microseconds (the gate's own clock unless given),
    ``sleep`` waits. Whatever goes wrong in here lets the request pass as if there were no gateway, but for two cases:
    a gate whose policy says otherwise, and an answer that was to be shielded and could not be: that is withheld.
    """

    def __init__(
        self,
        gate: Gate | None,
        *,
        summaries: Summaries | None = None,
        now: Callable[[], int] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        super().__init__()
        self._gate, self._sleep, self._summaries = gate, sleep, summaries
        self._now = now or (lambda: 0 if gate is None else gate.now())
        self._fresh = recent_ids()
        self._marks = Marks()

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any] | None:
        """Decide; refuse (429 or 403, with Retry-After), wait, or make the request smaller; see to it that no caller
        names a mark's key."""
        if self._gate is None:
            return None
        came, key_id = data, ""
        try:
            data = unclaimed(data)
            decision, api = self._decide(self._gate, user_api_key_dict, data, call_type)
            key_id = self._expect(self._gate, decision, data, call_type)
            data = unclaimed(data, key_id) if key_id else data
        except HTTPException:
            raise
        except Exception:
            LOG.exception("stillwatch could not decide; the request passes")
            return None if data is came else data
        if decision.refuse is not None:
            raise _refused(decision, api)
        if decision.wait > 0:
            await self._sleep(decision.wait)
        if decision.shape is not None:
            try:
                return shaped(api, data, decision.shape)
            except Exception:
                LOG.exception("stillwatch could not shape a request; it passes as it is")
        return None if data is came else data

    def _expect(self, gate: Gate, decision: Decision, data: dict[str, Any], call_type: str) -> str:
        """Note the mark that is due on the answer; the key's id where the model's server makes it."""
        call = call_of(call_type, data)
        due = None if decision.mark is None else self._marks.due(decision, call, gate.policy)
        details = getattr(data.get("litellm_logging_obj"), "model_call_details", None)
        if isinstance(due, Refusal):
            raise HTTPException(503, detail=UNAVAILABLE)
        if due is None or not isinstance(details, dict) or (due.engine and call.operation not in TOLD):
            return ""
        details[MARKED] = Marked(due)
        return due.key.id if due.engine else ""

    def _decide(self, gate: Gate, user: Any, data: dict[str, Any], call_type: str) -> tuple[Decision, API]:
        call, caller = call_of(call_type, data), caller_of(user, data)
        decision = gate.decide(request_of(call, caller, self._fresh(data.get("litellm_call_id")), self._now()))
        details = getattr(data.get("litellm_logging_obj"), "model_call_details", None)
        if isinstance(details, dict):
            details[KEPT] = decision, call.api
        return decision, call.api

    async def async_post_call_success_hook(self, data: dict[str, Any], user_api_key_dict: Any, response: Any) -> Any:
        """Take reasoning out of a whole answer, and mark it, where the decision says so."""
        details = getattr(data.get("litellm_logging_obj"), "model_call_details", None)
        decision, api = _kept(details)
        if decision is None or api == "other":
            return None
        told = None
        if decision.shield is not None:
            try:
                told = response = await shielded(api, response, decision.shield, self._summaries)
            except Exception:
                LOG.exception("stillwatch could not shield an answer; it is withheld")
                raise HTTPException(503, detail=UNAVAILABLE) from None
        call = _due(details)
        if call is not None:
            told = await self._whole(response, call)
        return told

    async def _whole(self, response: Any, call: Marked) -> Any:
        made = None
        try:
            response, made = await marked(response, call, self._marks)
        except Unmarkable:
            raise HTTPException(503, detail=UNAVAILABLE) from None
        except Exception as error:
            self._marks.failed(error)
        finally:
            self._observe(call.settle(made))
        return response

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """Take reasoning out of a stream, and mark it, where the decision says so; else every chunk passes as it is."""
        details = getattr(request_data.get("litellm_logging_obj"), "model_call_details", None)
        decision, api = _kept(details)
        stream = response
        if decision is not None and decision.shield is not None and api != "other":
            stream = shielded_stream(api, response, decision.shield, self._summaries)
        call = _due(details)
        if call is None or not call.due.holds or self._gate is None:
            if call is not None:
                self._observe(call.settle(None))
            async for chunk in stream:
                yield chunk
            return
        try:
            seconds = self._gate.policy.failures.upstream_timeout
            async for chunk, made in marked_stream(stream, call, self._marks, seconds):
                if not call.settled:
                    self._observe(call.settle(made))
                yield chunk
        except Unmarkable:
            raise HTTPException(503, detail=UNAVAILABLE) from None
        finally:
            if not call.settled:
                self._observe(call.settle(None))

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Tell of an exchange that was answered; where its answer is still to be marked, once it is."""
        self._tell(kwargs, answered=True)

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Tell of an exchange that failed or was refused, by us or by others."""
        self._tell(kwargs, answered=False)

    def _tell(self, kwargs: Mapping[str, Any], *, answered: bool) -> None:
        if self._gate is None:
            return
        try:
            payload = kwargs.get("standard_logging_object")
            observed, call = self.observed(payload, _kept(kwargs)[0]), _due(kwargs) if answered else None
            if observed is None or call is None:
                self._observe(observed)
                return
            if call.due.engine and isinstance(payload, dict):
                call.said = str((row_of_payload(payload) or {}).get("response") or "")
            if call.settled:
                self._observe(call.on(observed))
            else:
                call.waiting = observed
                asyncio.get_running_loop().call_later(PATIENCE, lambda: self._observe(call.settle(None)))
        except Exception:
            LOG.exception("stillwatch could not tell of an exchange")

    def _observe(self, observed: Observed | None) -> None:
        if observed is not None and self._gate is not None:
            self._gate.observed(observed)

    def observed(self, payload: Any, decision: Decision | None) -> Observed | None:
        """The exchange that a payload tells of; None for one that is nobody's (a key that the proxy refused).

        Without a decision (routes on which the proxy asks no callback) nothing was done to it.
        """
        row = row_of_payload(payload) if isinstance(payload, dict) else None
        if row is None or self._gate is None:
            return None
        if decision is None:
            call_id, account = str(row["exchange_id"]), str(row["account_id"])
            decision = Decision(request_id=call_id, account_id=account, at=self._now())
        else:
            row["exchange_id"] = decision.request_id
        if not self._gate.keeps_text:
            row |= dict.fromkeys(TEXTS)
        return Observed(row=row, decision=decision)


def _kept(details: Any) -> tuple[Decision | None, API]:
    """The decision about a call and the dialect of its answer; None where the proxy asked no callback before."""
    found = details.get(KEPT) if isinstance(details, dict) else None
    return found if isinstance(found, tuple) else (None, "other")


def _due(details: Any) -> Marked | None:
    """The mark that is due on a call's answer."""
    found = details.get(MARKED) if isinstance(details, dict) else None
    return found if isinstance(found, Marked) else None


def _refused(decision: Decision, api: API) -> Exception:
    """The refusal as an exception that LiteLLM turns into an error of the caller's dialect, headers included.

    Its route of messages passes on the headers of its own exception only.
    """
    refusal = decision.refuse
    if refusal is None:
        raise ValueError("nothing was refused")
    message = f"{refusal.message} Reference: {decision.reference}." if decision.reference else refusal.message
    headers = {} if refusal.retry_after is None else {"Retry-After": str(max(1, round(refusal.retry_after)))}
    if api == "anthropic_messages":
        refused: Exception = ProxyException(
            message, type=refusal.code, param=None, code=refusal.status, headers=headers
        )
    else:
        refused = HTTPException(refusal.status, detail=message, headers=headers)
    return refused


def gate_of_environment(environment: Mapping[str, str] = os.environ) -> Gate | None:
    """The gate that the environment names.

    None where it names none, or cannot be opened: then one line says so and everything passes, unless STILLWATCH_FAIL
    is ``closed``: then `InputError` is raised, and the proxy does not start.
    """
    policy, state = environment.get("STILLWATCH_POLICY"), environment.get("STILLWATCH_STATE")
    closed = environment.get("STILLWATCH_FAIL", "open") == "closed"
    try:
        if not policy or not state:
            raise InputError("STILLWATCH_POLICY and STILLWATCH_STATE are not both set", do="name a file and a folder")
        gate = open_gate(Path(state), Path(policy), store=environment.get("STILLWATCH_STORE") or None)
        atexit.register(gate.close)  # the proxy tells its callbacks of no end
        return gate
    except Exception as error:
        if closed:
            raise
        LOG.error("stillwatch watches nothing, every request passes: %s", str(error).splitlines()[0])
        return None


def summaries_of_environment(environment: Mapping[str, str] = os.environ) -> Summaries | None:
    """The user's own model that the environment names, for summaries of reasoning.

    None where it names none, or one that cannot be (one line says so; reasoning is left out then), unless
    STILLWATCH_FAIL is ``closed``: then the error is raised.
    """
    address, instruction = (
        environment.get("STILLWATCH_SUMMARISE_WITH"),
        environment.get("STILLWATCH_SUMMARY_INSTRUCTION"),
    )
    if not address:
        return None
    try:
        return open_summaries(
            address,
            seconds=_number(environment, "STILLWATCH_SUMMARY_SECONDS", BOUNDS.seconds),
            characters=_number(environment, "STILLWATCH_SUMMARY_CHARACTERS", BOUNDS.characters),
            instruction=Path(instruction) if instruction else None,
        )
    except Exception as error:
        if environment.get("STILLWATCH_FAIL", "open") == "closed":
            raise
        LOG.error(
            "stillwatch summarises nothing (STILLWATCH_SUMMARISE_WITH), reasoning is left out: %s", one_line(error)
        )
        return None


def _number(environment: Mapping[str, str], name: str, otherwise: float) -> float:
    told = environment.get(name) or str(otherwise)
    try:
        return float(told)
    except ValueError as error:
        raise UsageError(f"{told!r} is no number", name, "write one like 10") from error


def __getattr__(name: str) -> StillwatchLogger:
    """``proxy_handler_instance`` is made when LiteLLM asks for it, so that importing this module opens nothing."""
    if name != "proxy_handler_instance":
        raise AttributeError(name)
    instance = StillwatchLogger(gate_of_environment(), summaries=summaries_of_environment())
    globals()[name] = instance
    return instance
