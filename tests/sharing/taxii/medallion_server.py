"""``python medallion_server.py CONFIG``: the OASIS reference server (medallion 3.0) with its memory backend on a free
port of 127.0.0.1, which it prints. Run in a process of its own: it keeps everything in module globals.

medallion 3.0 (2020) was written for the Flask of its day, and is not kept up. Two things stand in its way, and are put
right here; nothing else is changed. It asks for the headers ``content_length`` and ``content_type``, and werkzeug no
longer takes an underscore for a hyphen there, so every POST would be a bad request (`Lenient`). And it takes the
property ``version`` that an extension-definition of STIX 2.1 has for the date of a manifest's row, so that once one is
in a collection every GET fails (`date_of`).
"""

from __future__ import annotations

import sys
from typing import Any

import medallion
from medallion import application_instance, load_app
from medallion.backends import memory_backend
from medallion.filters import basic_filter
from werkzeug.datastructures import EnvironHeaders
from werkzeug.serving import make_server

FIND_ATT = basic_filter.find_att


class Lenient(EnvironHeaders):
    """Headers that are also found by a name with underscores."""

    def get(self, key: str, *rest: Any, **more: Any) -> Any:
        return super().get(key.replace("_", "-"), *rest, **more)


def date_of(row: dict[str, Any]) -> Any:
    """The date of a manifest's row or of an object, whose ``version`` is another thing."""
    return FIND_ATT({key: value for key, value in row.items() if key != "version"} if "type" in row else row)


def main(configuration: str) -> None:
    basic_filter.find_att = memory_backend.find_att = date_of
    load_app(configuration)
    request_class = application_instance.request_class

    class Request(request_class):  # type: ignore[misc, valid-type]
        def __init__(self, environ: dict[str, Any], *rest: Any, **more: Any) -> None:
            super().__init__(environ, *rest, **more)
            self.headers = Lenient(environ)

    application_instance.request_class = Request
    server = make_server("127.0.0.1", 0, application_instance, threaded=True)
    sys.stdout.write(f"{medallion.__version__} {server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
