"""`python -m gateway FOLDER`: run the gateway whose settings are in FOLDER; `--rebuild-index` empties the index first."""

import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from gateway import index
from gateway.app import create_app
from gateway.database import DatabaseUnusable
from gateway.settings import Settings, SettingsInvalid, load_settings
from gateway.vault import VaultLocked

EXIT_UNUSABLE = 2


def main(arguments: list[str]) -> int:
    """Run until told to stop; an exit code other than 0 comes with one line that says why."""
    rebuild = "--rebuild-index" in arguments
    folders = [argument for argument in arguments if argument != "--rebuild-index"]
    if len(folders) != 1:
        print("usage: python -m gateway FOLDER [--rebuild-index]", file=sys.stderr)
        return EXIT_UNUSABLE
    try:
        settings = load_settings(Path(folders[0]))
        if rebuild:
            empty_index(settings)
        return serve(settings)
    except (SettingsInvalid, DatabaseUnusable, VaultLocked) as problem:
        print(problem, file=sys.stderr)
        return EXIT_UNUSABLE


def empty_index(settings: Settings) -> None:
    """Forget the index; the chains are followed from their first block again."""
    database = index.open_index(settings.data / "index.db")
    index.forget(database.connection)
    database.close()


def serve(settings: Settings) -> int:
    """Serve with one worker until a signal; 2 if the address cannot be listened on."""
    server = make_server(create_app(settings), settings.host, settings.port)
    try:
        server.run()
    except SystemExit:  # uvicorn has said in its log that the address is in use
        return EXIT_UNUSABLE
    return 0 if server.started else EXIT_UNUSABLE


def make_server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """The server of an application, with the options that the gateway has."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=60,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=64_000,
    )
    return uvicorn.Server(config)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
