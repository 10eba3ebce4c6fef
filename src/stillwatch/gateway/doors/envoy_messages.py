"""Messages of Envoy's ext_proc, read and made."""

from __future__ import annotations

import math
from typing import Any, Final

from envoy.config.core.v3 import base_pb2
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3 import external_processor_pb2 as ext_proc
from google.protobuf.duration_pb2 import Duration

__all__ = ["address", "duration", "header", "headers_of", "processing_mode", "streamed"]

OVERWRITE: Final = base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
FILTER: Final = "envoy.filters.http.ext_proc"


def headers_of(headers: Any) -> dict[str, str]:
    """Envoy's header map by name; values of one name are joined as HTTP joins them. Bytes that are no text stay
    readable as Latin-1."""
    found: dict[str, str] = {}
    for header in headers.headers:
        value = header.raw_value.decode("latin-1") if header.raw_value else header.value
        found[header.key] = f"{found[header.key]}, {value}" if header.key in found else value
    return found


def address(message: Any) -> str:
    """The client's address as Envoy knows it, where the filter asks for the attribute ``source.address``."""
    if FILTER not in message.attributes:
        return ""
    fields = message.attributes[FILTER].fields
    place = fields["source.address"].string_value if "source.address" in fields else ""
    return place.rpartition(":")[0].removeprefix("[").removesuffix("]")  # the port goes


def processing_mode(request: int | None = None, response: int | None = None) -> Any:
    """Envoy takes the mode as a whole, so that each part is said again."""
    duplex = response == ProcessingMode.FULL_DUPLEX_STREAMED
    return ProcessingMode(
        request_header_mode=ProcessingMode.SEND,
        response_header_mode=ProcessingMode.SEND,
        request_body_mode=ProcessingMode.BUFFERED_PARTIAL if request is None else request,
        response_body_mode=ProcessingMode.STREAMED if response is None else response,
        response_trailer_mode=ProcessingMode.SEND if duplex else ProcessingMode.SKIP,
    )


def streamed(body: bytes, end: bool) -> Any:
    """A piece of an answer's body that was handed over; ``end``: the last."""
    piece = ext_proc.StreamedBodyResponse(body=body, end_of_stream=end)
    common = ext_proc.CommonResponse(body_mutation=ext_proc.BodyMutation(streamed_response=piece))
    return ext_proc.ProcessingResponse(response_body=ext_proc.BodyResponse(response=common))


def header(name: str, value: str) -> Any:
    """A header that takes the place of one of its name."""
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=name, raw_value=value.encode("latin-1", "replace")), append_action=OVERWRITE
    )


def duration(seconds: float) -> Duration:
    """Seconds as protobuf has them."""
    whole = math.floor(seconds)
    return Duration(seconds=whole, nanos=int((seconds - whole) * 1e9))
