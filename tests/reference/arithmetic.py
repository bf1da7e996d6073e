"""Arithmetic that several metrics share: cents, ratios, percentiles, Wilson, Kaplan-Meier, season.

Belongs here: functions of plain numbers. Does not belong here: anything that knows a record, a period or a
rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
Z_95 = 1.959963984540054


def cents(amount: Decimal | Fraction) -> Decimal:
    """Half away from zero."""
    if isinstance(amount, Fraction):
        amount = Decimal(amount.numerator) / Decimal(amount.denominator)
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def share_of(amount: Decimal, factor: float) -> Decimal:
    """Amount x factor to the cent, the factor taken as it is written (0.7 is seven tenths)."""
    return cents(amount * Decimal(repr(factor)))


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def ratio(part: float | Decimal | None, whole: float | Decimal | None) -> float | None:
    if part is None or whole is None or whole == 0:
        return None
    return float(part) / float(whole)


def mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def percentile(values: Iterable[float], share: float) -> float | None:
    """Linear between the two neighbours of position share x (n - 1)."""
    ordered = sorted(values)
    if not ordered:
        return None
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = math.ceil(position)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Iterable[float]) -> float | None:
    return percentile(values, 0.5)


def wilson(successes: int, trials: int) -> tuple[float | None, float | None]:
    """The 95 % interval of a share, without continuity correction."""
    if trials == 0:
        return None, None
    share = successes / trials
    z2 = Z_95 * Z_95
    centre = share + z2 / (2 * trials)
    spread = Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    scale = 1 + z2 / trials
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return 0.0 if successes == 0 else low, 1.0 if successes == trials else high


def kaplan_meier_median(responses: Iterable[float], censored: Iterable[float]) -> float | None:
    """The smallest time at which survival is 0.5 or less; at equal times responses before censorings."""
    events = sorted([(time, 0) for time in responses] + [(time, 1) for time in censored])
    at_risk = len(events)
    survival = Fraction(1)
    for time, is_censored in events:
        if not is_censored:
            survival *= Fraction(at_risk - 1, at_risk)
            if survival <= Fraction(1, 2):
                return time
        at_risk -= 1
    return None


def centred_trend(values: Sequence[float]) -> list[float | None]:
    """The 2x12 moving average; None in the first and the last six months."""
    trend: list[float | None] = [None] * len(values)
    for i in range(6, len(values) - 6):
        trend[i] = (values[i - 6] / 2 + math.fsum(values[i - 5 : i + 6]) + values[i + 6] / 2) / 12
    return trend


def seasonal_indices(
    months: Sequence[int], values: Sequence[float], trend: Sequence[float | None]
) -> dict[int, float]:
    """The index by calendar month, averaging 1; empty where one of the twelve has no raw index."""
    against_trend: dict[int, list[float]] = {}
    for month, value, level in zip(months, values, trend, strict=True):
        if level is not None and level > 0:
            against_trend.setdefault(month, []).append(value / level)
    if len(against_trend) < 12:
        return {}
    raw = {month: math.fsum(shares) / len(shares) for month, shares in against_trend.items()}
    level = math.fsum(raw.values()) / 12
    return {month: index / level for month, index in raw.items()} if level else {}
