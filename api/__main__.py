"""`python -m api`: the server, told what to do by LINEAGE_ settings alone."""

from __future__ import annotations

import errno
import gc
import os
import socket
import sys
from collections.abc import Sequence

import uvicorn

from api import logs, storage_check
from api.app import create_app
from api.settings import Settings, SettingsError, read_settings
from api.wiring import open_stores
from lineage.errors import LineageError

__all__ = ["main"]

_EXIT_SETTINGS = 2
_HELP = """\
usage: python -m api                    serve, told what to do by LINEAGE_ settings (.env.example)
       python -m api storage-check …    try whether a bucket keeps what the server relies on
"""
_ADVICE = {
    errno.EADDRINUSE: "stop what uses it, or set another LINEAGE_PORT",
    errno.EADDRNOTAVAIL: "LINEAGE_HOST is no address of this machine",
    errno.EACCES: "this user may not: set a LINEAGE_PORT above 1023",
}


def main() -> int:
    """Serve until a signal comes. Whatever prevents that is one line and an exit code."""
    match sys.argv[1:]:
        case []:
            pass
        case ["storage-check", *arguments]:
            return _check_storage(arguments)
        case ["-h" | "--help"]:
            sys.stdout.write(_HELP)
            return 0
        case _:
            reason = "takes no arguments, for it is set by LINEAGE_ settings, see .env.example"
            return _say(f"{reason}; or `storage-check`", _EXIT_SETTINGS)
    try:
        settings = read_settings(os.environ)
    except SettingsError as exc:
        return _say(str(exc), _EXIT_SETTINGS)
    logs.set_up()
    try:
        with _bind(settings) as listener:
            return _serve(settings, listener)
    except SettingsError as exc:
        return _say(str(exc), _EXIT_SETTINGS)
    except (LineageError, OSError) as exc:
        return _say(str(exc), 1)
    except KeyboardInterrupt:
        return 130


def _check_storage(arguments: Sequence[str]) -> int:
    try:
        return storage_check.main(arguments)
    except SettingsError as exc:
        return _say(str(exc), _EXIT_SETTINGS)
    except KeyboardInterrupt:
        return 130


def _say(message: str, code: int) -> int:
    sys.stderr.write(f"python -m api: {' '.join(message.split())}\n")
    return code


def _bind(settings: Settings) -> socket.socket:
    """The address, taken before anything else: a second server must not touch the stores."""
    host, port = settings.host.strip("[]"), settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise OSError(f"LINEAGE_HOST {host} is no address of this machine: {exc.strerror}") from exc
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as exc:
        listener.close()
        advice = _ADVICE.get(exc.errno or 0, "set another LINEAGE_HOST or LINEAGE_PORT")
        raise OSError(f"cannot listen on {host} port {port} ({exc.strerror}): {advice}") from exc
    return listener


def _serve(settings: Settings, listener: socket.socket) -> int:
    stores = open_stores(settings)
    app = create_app(
        stores,
        admin_key=settings.admin_key if settings.auth == "on" else None,
        draft_ttl_s=settings.draft_ttl_s,
    )
    config = uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than clients keep idle connections
        timeout_graceful_shutdown=10,
    )
    # What was imported stays: no large answer has it all looked through again and again.
    gc.collect()
    gc.freeze()
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    logs.say_listening(f"http://{shown}:{port}")
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
