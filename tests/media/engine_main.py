"""An engine's process for the tests: `python -m tests.media.engine_main SOCKET FOLDER LINGER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvloop

from adapters.files.disk import DiskStore
from adapters.media.process import serve
from adapters.media.settings import Settings


def main() -> None:
    socket, folder, linger = sys.argv[1:]
    drain = Settings.of(os.environ).drain
    settings = Settings(listen=("127.0.0.1",), ports=range(1), linger=float(linger), drain=drain)
    uvloop.run(serve(settings, DiskStore(Path(folder)), Path(socket)))


if __name__ == "__main__":
    main()
