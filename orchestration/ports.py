"""Ports of this machine, on the loopback address, where all our servers listen.

Belongs here: whether one can be had, and one that can. Does not belong here: who listens on it
(`processes.py`), and what is said to somebody who chose a taken one.
"""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server may listen there: who listens is in the way, who has just left is not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """One on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
