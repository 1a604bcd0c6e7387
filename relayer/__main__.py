"""`python -m relayer FOLDER`: run the relayer whose settings are in FOLDER, until it is told to stop."""

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import Final

import httpx
from prometheus_client import start_http_server

from relayer.duties import Duties
from relayer.gateway_client import GatewayChains
from relayer.hearing import Hearing
from relayer.process import Relayer
from relayer.settings import Settings, SettingsInvalid, load_settings

EXIT_UNUSABLE: Final = 2
CONNECTIONS: Final = 64


def main(arguments: list[str]) -> int:
    """Run until told to stop; an exit code other than 0 comes with one line that says why."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if len(arguments) != 1:
        print("usage: python -m relayer FOLDER", file=sys.stderr)
        return EXIT_UNUSABLE
    try:
        settings = load_settings(Path(arguments[0]))
    except SettingsInvalid as problem:
        print(problem, file=sys.stderr)
        return EXIT_UNUSABLE
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(serve(settings))
    return 0


async def serve(settings: Settings) -> None:
    """Listen and work until SIGTERM or SIGINT."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    async with httpx.AsyncClient(
        base_url=settings.url,
        headers={"Authorization": f"Bearer {settings.api_key}"},
        timeout=60,
        limits=httpx.Limits(max_connections=CONNECTIONS),
    ) as http:
        chains = GatewayChains(http, settings.accounts)
        hearing = Hearing({chain: own.rules.profile for chain, own in settings.accounts.items()})
        relayer = Relayer(Duties(frozenset(settings.accounts)), chains, hearing)
        if settings.metrics_port:
            start_http_server(settings.metrics_port, "127.0.0.1", registry=relayer.registry)
        await relayer.run(http)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
