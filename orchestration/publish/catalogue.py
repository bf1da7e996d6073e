"""The releases that exist: which one serves, going back to another, clearing old ones away, opening one.

Belongs here: everything that reads or chooses among finished releases. Does not belong here: making one
(`release.py`). Nothing here opens the working database.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from orchestration.errors import SettingsError, ZevenError
from orchestration.publish.gateway import refresh_gateway
from orchestration.publish.manifest import ReleaseInfo, damage, read_manifest, read_release
from orchestration.publish.store import Store, explaining, remove, switch_link
from orchestration.settings import Settings
from orchestration.sql_text import literal

ATTEMPTS = 5
"""A reader can resolve `current` just before a switch and a pruning; then it looks again."""


def current(settings: Settings) -> ReleaseInfo | None:
    """The release that serves; None before the first. `ZevenError` if it is gone or its manifest damaged."""
    store = Store.of(settings)
    serving = store.current_id()
    while serving is not None:
        try:
            return read_release(store.releases / serving, current_id=serving)
        except ZevenError:
            before, serving = serving, store.current_id()
            if serving == before:
                raise
    return None


def releases(settings: Settings) -> list[ReleaseInfo]:
    """Every release that can be read, newest first; `damaged` tells of the others."""
    store = Store.of(settings)
    serving = store.current_id()
    found = []
    for release_id in store.release_ids():
        try:
            found.append(read_release(store.releases / release_id, current_id=serving))
        except ZevenError:
            continue
    return found


def damaged(settings: Settings) -> dict[str, str]:
    """A sentence for every release whose files are not those that were published. Reads all of them."""
    store = Store.of(settings)
    found = {release_id: damage(store.releases / release_id) for release_id in store.release_ids()}
    return {release_id: sentence for release_id, sentence in found.items() if sentence}


def rollback(settings: Settings, to: str | None = None) -> ReleaseInfo:
    """Let the release `to` serve again, or the one that served before the current one; the release it is.

    The same atomic switch as publishing; no release is changed or removed. Refuses an unknown release and one
    whose files are not those of its manifest.
    """
    store = Store.of(settings)
    with explaining(store), store.locked():
        known = store.release_ids()
        wanted = _before_current(store, known) if to is None else to
        if wanted not in known:
            newest = ", ".join(known[:5]) or "none"
            raise SettingsError(f"There is no release '{wanted}'; the newest are: {newest}.")
        if sentence := damage(store.releases / wanted):
            raise ZevenError(f"{sentence} Nothing was switched; choose another release.")
        switch_link(store.current, f"releases/{wanted}")
        refresh_gateway(store, read_manifest(store.releases / wanted))
        return read_release(store.releases / wanted, current_id=wanted)


def _before_current(store: Store, known: list[str]) -> str:
    """What served when the current release was published, else the next older one.

    The manifest decides, not the order: after going back from a bad release and publishing again, the one
    before is the good one, not the bad one.
    """
    serving = store.current_id()
    if serving is None:
        raise SettingsError(f"{store.root}: nothing was published yet, so there is nothing to go back to.")
    previous = None
    if serving in known:
        previous = read_manifest(store.releases / serving).get("previous")
    if previous in known:
        return str(previous)
    older = [release_id for release_id in known if release_id < serving]
    if not older:
        raise SettingsError(f"There is no release before {serving}, which serves; it stays.")
    return older[0]


def find(settings: Settings, name: str) -> ReleaseInfo:
    """The release of this id, or the one that is meant by `current` or `previous` (what served before it)."""
    store = Store.of(settings)
    known, serving = store.release_ids(), store.current_id()
    wanted = name
    if name == "current":
        if serving is None:
            raise SettingsError(f"{store.root}: nothing was published yet; run `zeven run`.")
        wanted = serving
    elif name == "previous":
        wanted = _before_current(store, known)
    if wanted not in known:
        newest = ", ".join(known[:5]) or "none"
        raise SettingsError(
            f"There is no release '{wanted}' (or it was cleared away); the newest are: {newest}."
        )
    return read_release(store.releases / wanted, current_id=serving)


def prune(settings: Settings) -> list[str]:
    """Remove releases beyond the newest `release.keep`, but never one that serves or is pinned; their ids."""
    store = Store.of(settings)
    with explaining(store), store.locked():
        return prune_locked(store, settings.release.keep)


def prune_locked(store: Store, keep: int) -> list[str]:
    """`prune` for who holds the lock already."""
    spared = {store.current_id()}
    if store.pins.is_dir():
        spared |= {entry.name for entry in store.pins.iterdir()}
    removed = [release_id for release_id in store.release_ids()[keep:] if release_id not in spared]
    remove_locked(store, removed)
    return removed


def remove_locked(store: Store, release_ids: Iterable[str]) -> None:
    """Remove these releases, for who holds the lock; the one that serves is never among them."""
    for release_id in release_ids:
        folder = store.releases / release_id
        doomed = folder.with_name(f".new-removed-{release_id}")
        folder.chmod(0o755)
        # out of sight first, so that nobody lists a release of which half is gone
        folder.rename(doomed)
        remove(doomed)


def open_release(settings: Settings, release_id: str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that reads one release, `current` when none is named, whatever is published meanwhile.

    The link is resolved once, and the tables stand in one file that stays open, so that no two queries of
    this connection ever see two releases. Plain table names work; nothing can be written. Close it after use.
    """
    store = Store.of(settings)
    for attempt in range(ATTEMPTS):
        wanted = release_id or store.current_id()
        if wanted is None:
            raise ZevenError(f"{store.root}: nothing was published yet; run `zeven run`.")
        path = store.releases / wanted / "zeven.duckdb"
        con = duckdb.connect(":memory:")
        try:
            con.execute(f"attach {literal(path)} as release (read_only)")
            con.execute("use release")
        except duckdb.Error as error:
            con.close()
            if path.exists() or release_id is not None or attempt == ATTEMPTS - 1:
                reason = str(error).split("\n", 1)[0]
                raise ZevenError(f"{path}: release {wanted} cannot be opened ({reason}).") from None
        else:
            return con
    raise AssertionError("every attempt returns or raises")
