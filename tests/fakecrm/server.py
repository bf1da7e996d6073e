"""A made-up CRM as a server on loopback.

Belongs here: starting and stopping it in a thread. Does not belong here: what it answers.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from tests.fakecrm.faults import Faulty, Plan


@contextmanager
def serving(routes: Sequence[BaseRoute], plan: Plan | None = None) -> Iterator[str]:
    """The address, such as `http://127.0.0.1:40123`, for the length of the block."""
    app = Faulty(Starlette(routes=list(routes)), plan or Plan())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(app, log_level="critical", lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the made-up CRM ended"
            assert time.monotonic() < deadline, "the made-up CRM did not start"
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)
