"""Whatever goes wrong on the way to HubSpot: after enough runs raw is what it has, and no secret is told.

Each case is made up of a seed: which faults, when, and what people do in HubSpot meanwhile.
"""

from __future__ import annotations

import copy
from datetime import date
from functools import cache
from pathlib import Path
from random import Random

import pytest

from demo.render_hubspot import Face, render_hubspot
from demo.simulate import simulate
from orchestration.errors import SourceError
from tests.fakecrm.faults import Fault
from tests.fakecrm.hubspot_scene import Scene, scene

SECRET = "pat-eu1-nobody-may-read-this"
ROLLING = b'{"status":"error","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING","message":"slow"}'
DAILY = b'{"status":"error","errorType":"RATE_LIMIT","policyName":"DAILY","message":"enough"}'
EXPIRED = b'{"status":"error","category":"EXPIRED_AUTHENTICATION","message":"expired"}'
STALE = b'{"status":"error","category":"VALIDATION_ERROR","message":"after is no longer valid"}'
KINDS: tuple[tuple[int | str, bytes], ...] = (
    (429, ROLLING),
    (429, DAILY),
    (500, b"{}"),
    (503, b"<html>"),
    (504, b""),
    ("drop", b""),
    ("truncate", b""),
    (401, EXPIRED),
    (400, STALE),
    (408, b"{}"),
)
PATHS = ("objects/contacts", "objects/deals", "objects/calls", "/search", "batch/read", "associations", ".")


@cache
def _face(scale: float = 0.01) -> Face:
    return render_hubspot(simulate(seed=3, scale=scale, until=date(2026, 3, 31), years=1), leads="leads")


def befall(made: Scene, rng: Random, day: int) -> None:
    """Some faults, and some things that people do between two answers."""
    made.plan.faults.clear()
    for _ in range(rng.randint(1, 6)):
        kind, body = rng.choice(KINDS)
        at = tuple(sorted({rng.randint(1, 12) for _ in range(rng.randint(1, 3))}))
        path = rng.choice(PATHS)
        if kind == 400:  # only where a list goes on
            path = r"GET .*/objects/"
        made.plan.faults.append(Fault(path, kind, at, body=body))
    for _ in range(rng.randint(0, 4)):
        number, act = rng.randint(1, 40), rng.randint(0, 5)
        seed = rng.random()
        made.plan.faults.append(
            Fault(".", "meanwhile", (number,), act=lambda act=act, seed=seed: change(made, act, seed, day))  # type: ignore[misc]
        )


def change(made: Scene, act: int, seed: float, day: int) -> None:
    """The edit is an hour after the run began, so it is seen by the next one."""
    rng, fake, at = Random(seed), made.hubspot, made.at(day + 2 / 24)
    kind = rng.choice(("contacts", "deals", "calls", "emails", "companies"))
    there = sorted(one["id"] for one in fake.store.objects[kind].values() if not one["archived"])
    chosen = rng.choice(there)
    match act:
        case 0:
            fake.edit(kind, chosen, at, hubspot_owner_id=str(rng.randint(1, 99)))
        case 1:
            fake.archive(kind, chosen, at)
        case 2:
            fake.store.remove(kind, chosen)
        case 3:
            fake.merge("contacts", *rng.sample(sorted(_alive(made, "contacts")), 2), at)
        case 4:
            fake.edit(kind, chosen, at, a_property_that_is_new="yes")
        case 5:
            links = fake.store.objects["links/deals/contacts"]
            deal = rng.choice(sorted(_alive(made, "deals")))
            links[deal] = {rng.choice(sorted(_alive(made, "contacts"))): [3]}


def _alive(made: Scene, kind: str) -> list[str]:
    return [one["id"] for one in made.hubspot.store.objects[kind].values() if not one["archived"]]


def survive(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(seed)
    monkeypatch.setenv("ZEVEN_HS_TOKEN", SECRET)
    told = ""
    with scene(copy.deepcopy(_face()), folder, "leads", piece=rng.randint(1, 3)) as made:
        made.hubspot.tokens = {SECRET}
        made.hubspot.repeated_at = {rng.randint(1, 60) for _ in range(8)}
        for day in range(rng.randint(2, 4)):
            befall(made, rng, day)
            try:
                told += "".join(made.run(day).findings)
            except SourceError as error:
                told += str(error)
        made.plan.faults.clear()
        made.run(20)  # all is read once more, and what is gone is found
        made.run(21)
        assert made.differences() == [], seed
        cursors = made.con.execute("select * from raw_hubspot.cursors").fetchall()
        landed = made.con.execute("select * from raw_hubspot.load_ledger").fetchall()
    assert SECRET not in told + str(cursors) + str(landed), seed
    assert "@" not in told, seed


@pytest.mark.parametrize("seed", range(3))
def test_raw_is_what_hubspot_has_in_the_end(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survive(seed, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 200))
def test_raw_is_what_hubspot_has_in_the_end_of_many(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survive(seed, tmp_path, monkeypatch)


def test_a_page_that_comes_twice_and_a_cursor_that_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEVEN_HS_TOKEN", SECRET)
    with scene(copy.deepcopy(_face(0.1)), tmp_path, "leads", piece=1) as made:
        made.hubspot.tokens = {SECRET}
        records = made.hubspot.store.objects["emails"]
        second = sorted(int(one["id"]) for one in records.values() if not one["archived"])[99] + 1
        assert len(records) > 200
        made.hubspot.stale = {str(second)}

        def forget() -> None:
            made.hubspot.stale.clear()

        made.plan.faults.append(Fault("GET /crm/v3/objects/emails$", "meanwhile", (3,), act=forget))
        made.hubspot.repeated_at = set(range(1, 200, 5))
        made.run()
        assert made.differences() == []
        # the second page of the list was asked for, refused, and the list begun again
        asked = [line for line in made.plan.asked if line.startswith("GET /crm/v3/objects/emails?")]
        assert sum("after=" not in line and "archived=false" in line for line in asked) == 2


def test_a_run_that_is_broken_off_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEVEN_HS_TOKEN", SECRET)
    with scene(copy.deepcopy(_face(0.1)), tmp_path, "leads", piece=1) as made:
        made.hubspot.tokens = {SECRET}
        made.plan.faults.append(Fault("GET /crm/v3/objects/emails$", 429, (3,), body=DAILY))
        with pytest.raises(SourceError, match="What was read is kept"):
            made.run()
        made.plan.faults.clear()
        made.plan.asked.clear()
        made.run(1)
        asked = [line for line in made.plan.asked if line.startswith("GET /crm/v3/objects/emails?")]
        assert "after=" in asked[0]
        assert made.differences() == []


def test_a_token_that_is_renewed_in_the_middle_of_a_run_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEVEN_HS_TOKEN", SECRET)
    with scene(copy.deepcopy(_face()), tmp_path, "leads") as made:
        made.hubspot.tokens = {SECRET}

        def renew() -> None:
            made.hubspot.tokens = {SECRET + "-2"}
            monkeypatch.setenv("ZEVEN_HS_TOKEN", SECRET + "-2")

        made.plan.faults.append(Fault("objects/calls", "meanwhile", (2,), act=renew))
        made.run()
        assert made.differences() == []


def test_the_policies_of_a_refusal_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEVEN_HS_TOKEN", SECRET)
    with scene(copy.deepcopy(_face()), tmp_path) as made:
        made.hubspot.tokens = {SECRET}
        made.plan.faults.append(Fault("owners", 429, (1, 2), body=ROLLING))
        made.run()
        assert len(made.waited) == 2
        made.plan.faults = [Fault("owners", 429, (1,), body=DAILY)]
        made.plan.asked.clear()
        with pytest.raises(SourceError, match="budget of calls"):
            made.run(1)
        assert made.plan.count("owners") == 1
