"""The desk with three stand-in platforms and a page that shows them: no account anywhere.

`make playground` runs it. The stand-ins are a program of their own, strangers to the desk; this tool
starts them, connects the desk to them as an admin would, and then runs the desk itself. With `PARTS=1`
the desk runs in parts instead (`tools/scale.py`).
"""

from __future__ import annotations

import os
import sys

import standins

sys.path.insert(0, str(standins.ROOT))


def main() -> int:
    from core import settings as core_settings

    os.environ.setdefault("DESKBELL_DATA", str(standins.ROOT / "data" / "playground"))
    try:
        with standins.running(core_settings.load().url) as facts:
            os.environ.update(standins.settings_of(facts))
            return _desk(facts)
    except standins.NotStarted as error:
        sys.stderr.write(str(error))
        return 2


def _desk(facts: standins.Facts) -> int:
    from bot.app import App, bind, compose, run
    from bot.cli import edge
    from core import log
    from core.settings import Settings

    async def serve(settings: Settings) -> None:
        log.configure(settings.log_format)
        listening = bind(settings)
        async with compose(settings) as app:
            await standins.settle(app.desk, facts)

            async def announce(app: App) -> None:
                await standins.say(app.desk, app.settings.url, facts)

            await run(app, listening, announce)

    edge.run(serve, quiet=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
