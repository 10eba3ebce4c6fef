"""``stillwatch dossier key``: the key that signs dossiers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.cli.extras import load_for
from stillwatch.cli.terminal import clean

__all__ = ["key"]


def key(*, out: Annotated[Path, Parameter(help="File for the secret; the public key is put beside it (.pub).")]) -> int:
    """Make an Ed25519 key in a file that only you can read. Publish its public key and its id where they cannot be
    exchanged quietly.

    Example: ``stillwatch dossier key --out dossier.key``
    """
    signer = load_for("dossier key", "stillwatch.dossier.keys:make_key", "dossier")(out)
    sys.stdout.write(f"Wrote {clean(str(out))} (secret) and {clean(str(out))}.pub (to publish).\nIts id: {signer.id}\n")
    return 0
