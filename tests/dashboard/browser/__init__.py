"""The dashboard in a real Chromium, before the real server and real releases.

Belongs here: what only a browser can show. Does not belong here: what a function or an answer of the server
can show (`tests/dashboard`, `tests/dashboard/proxy`), or how fast it is (`benchmarks`).
"""
