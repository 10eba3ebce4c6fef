"""``python medallion_server.py CONFIG``: the OASIS reference server (medallion 3.0) with its memory backend on a free
port of 127.0.0.1, which it prints. Run in a process of its own: it keeps everything in module globals.

medallion 3.0 (2020) was written for the Flask of its day. One thing stands in its way today: it asks for the headers
``content_length`` and ``content_type``, and werkzeug no longer takes an underscore for a hyphen there, so every POST is
a bad request. `Lenient` gives it back what it was written for; nothing else is changed.
"""

from __future__ import annotations

import sys
from typing import Any

import medallion
from medallion import application_instance, load_app
from werkzeug.datastructures import EnvironHeaders
from werkzeug.serving import make_server


class Lenient(EnvironHeaders):
    """Headers that are also found by a name with underscores."""

    def get(self, key: str, *rest: Any, **more: Any) -> Any:
        return super().get(key.replace("_", "-"), *rest, **more)


def main(configuration: str) -> None:
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
