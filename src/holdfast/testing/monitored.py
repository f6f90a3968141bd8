"""Made-up models in service, for those who write pages: with everything that there can be, with little, and with a lot."""

from __future__ import annotations

import math

import numpy as np
from msgspec.structs import replace

from holdfast.incident import Incident, Sign
from holdfast.watched import Shown, Watched

DAY = 86_400.0
START = 1_743_465_600.0
"""2025-04-01, UTC."""

CHANGED = 20
"""The window from which on the first column is away from the reference."""

COLUMNS = ("amount", "age", "distance_km")


def nothing() -> Watched:
    """A model that nobody has asked yet."""
    return Watched(
        model="new", release=1, zone="UTC", loss_title="Error rate", unit="", usual=None, windows=(), incidents=()
    )


def calm(windows: int = 1, *, labelled: bool = False) -> Watched:
    """A model of which nothing is wrong, whose truth is not known unless asked for."""
    return Watched(
        model="calm",
        release=2,
        zone="Europe/Berlin",
        loss_title="Error rate",
        unit="",
        usual=(0.1, 0.09, 0.11) if labelled else None,
        windows=tuple(
            Shown(
                start=START - 2 * 3_600 + DAY * day,
                end=START - 2 * 3_600 + DAY * (day + 1),
                rows=1_000,
                labelled=500 if labelled else 0,
                release=2,
                figures={"loss": (0.1, 0.08, 0.12)} if labelled else {},
                effects={"column:age:location": 0.1, "column:age:missing": 0.001, "volume": 0.0},
            )
            for day in range(windows)
        ),
        incidents=(),
        minimum={"column:age:location": 0.3, "column:age:missing": 0.05},
    )


def payments(windows: int = 40, columns: int = 3) -> Watched:
    """A model with all there can be: incidents in each state, a release, groups, truths that are late or missing."""
    names = (*COLUMNS, *(f"column_{place}" for place in range(len(COLUMNS), columns)))
    draws = np.random.default_rng(5)
    return Watched(
        model="payments",
        release=4,
        zone="UTC",
        loss_title="Cost per row",
        unit="EUR",
        usual=(0.38, 0.34, 0.43),
        windows=tuple(_window(day, windows, names, draws) for day in range(windows)),
        incidents=_incidents(),
        importance={name: 3.0 / (1 + place) for place, name in enumerate(names)},
        minimum={
            "volume": math.log(2),
            "loss": 0.04,
            "score:location": 0.3,
            "decision:yes": 0.05,
            "review:share": 0.05,
            **{f"column:{name}:location": 0.3 for name in names},
            **{f"column:{name}:missing": 0.05 for name in names},
        },
        judged=windows,
        rows=2_000 * windows,
        labels=1_500 * windows,
        opened=("payments-1",),
    )


def _window(day: int, windows: int, names: tuple[str, ...], draws: np.random.Generator) -> Shown:
    start = START + DAY * day
    if day == 7:  # nothing arrived
        return Shown(start=start, end=start + DAY)
    changed, rows = day >= CHANGED, int(draws.poisson(2_000))
    labelled = 0 if day >= windows - 3 else rows
    loss = 0.38 + 0.5 * changed + 0.05 * draws.standard_normal()
    away = draws.standard_normal((len(names), 2)) * (0.06, 0.004)
    away[0, 0] += 1.2 * changed
    away[1, 1] += 0.12 * (25 <= day < 30)
    effects = {f"column:{name}:location": float(away[place, 0]) for place, name in enumerate(names)}
    effects |= {f"column:{name}:missing": float(away[place, 1]) for place, name in enumerate(names)}
    effects |= {
        "volume": math.log1p(rows) - math.log1p(2_000),
        "score:location": 0.4 * changed + 0.02 * float(draws.standard_normal()),
        "decision:yes": 0.08 * changed + 0.01 * float(draws.standard_normal()),
        "review:share": 0.01 * float(draws.standard_normal()),
    }
    outside = day in {26, 27}
    expected = 0.38 + 0.2 * changed
    return Shown(
        start=start,
        end=start + DAY,
        rows=rows,
        labelled=labelled,
        release=3 if day < windows // 2 + 8 else 4,
        figures={"loss": (loss, loss - 0.09, loss + 0.1), "recall": (0.6, 0.4, 0.8)} if labelled else {},
        estimates={} if outside else {"loss": (expected, expected - 0.1, expected + 0.12), "f1": (0.3, 0.2, 0.4)},
        unknown={"loss": "too few rows are like those of the reference"} if outside else {},
        effects=effects,
        segments=_segments(labelled, rows, loss),
        findings=_findings(day, names),
        alarms=[_small_change(start)] if day == 12 else [],
    )


def _findings(day: int, names: tuple[str, ...]) -> list[dict[str, str]]:
    """What the quality checks found: values that nobody knows from some day on, and nulls for a few days."""
    found = []
    if day >= CHANGED:
        found.append(
            (
                "quality.unseen_category",
                "fail",
                "country",
                "2 values that the reference does not have, in 1.2% of rows.",
            )
        )
    if 25 <= day < 30:
        found.append(
            ("quality.new_nulls", "fail", "age", "240 of 2,000 rows (12.00%) hold no value; 0.23% are tolerable.")
        )
    if day in {3, 11}:
        found.append(("quality.row_count", "warn", "", "2,290 rows, where 1,750 to 2,250 are usual."))
    found += [
        ("quality.outliers", "warn", name, "0.4% of values are far from all others, where 0.1% were.")
        for place, name in enumerate(names)
        if place >= len(COLUMNS) and (day + place) % 3 == 0
    ]
    return [dict(zip(("code", "status", "subject", "message"), one, strict=True)) for one in found]


def _segments(labelled: int, rows: int, loss: float) -> dict[str, dict[str, object]]:
    parts = {"country=PT": (0.7, 0.0), "country=ES": (0.295, 0.1), "country=MT": (0.005, 0.0)}
    return {
        name: {
            "rows": int(share * rows),
            "labelled": int(share * labelled),
            "figures": {"loss": (loss + gap, loss + gap - 0.1, loss + gap + 0.1)} if labelled else {},
        }
        for name, (share, gap) in parts.items()
    }


def _small_change(since: float) -> dict[str, object]:
    change = {
        "signal": "column:age:missing",
        "effect": -0.02,
        "since": since,
        "minimum": 0.05,
        "material": False,
    }
    return {"start": since, "changes": [change]}


def _incidents() -> tuple[Incident, ...]:
    since = START + CHANGED * DAY
    moved = Sign(
        key="column:amount:location",
        effect=1.2,
        low=1.1,
        high=1.3,
        e_value=2e10,
        since=since,
        earliest=since - DAY,
        latest=since + DAY,
        minimum=0.3,
    )
    worse = Sign(
        key="loss", effect=0.5, low=0.3, high=0.7, e_value=924.9, since=since + DAY, earliest=since, latest=since + DAY
    )
    gone = Sign(
        key="column:age:missing",
        effect=0.12,
        low=0.1,
        high=0.14,
        e_value=5e6,
        since=START + 25 * DAY,
        earliest=START + 25 * DAY,
        latest=START + 25 * DAY,
    )
    return (
        Incident(
            id="payments-1",
            model="payments",
            release=3,
            subject="amount",
            kind="input",
            title="amount moved",
            story="amount moved since 21 Apr 2025: by +1.2 standard deviations (+1.1 to +1.3). The answers became worse.",
            signs=(moved, worse),
            opened=since + DAY,
            updated=since + 2 * DAY,
            cost=310.0,
            cost_low=250.0,
            cost_high=370.0,
            unit="EUR",
            usual=760.0,
            where=("country = PT",),
            rows=("01JWF7ZZEG20FK77CRANMX0Z4Q", "01JWF7ZZEG20FK77CRANMX0Z4S"),
            upstream=("release 4 came into force on 29 Apr 2025", "volume fell by 12%"),
            advice="See whether the unit of this column has changed; if the values are right, retrain.",
        ),
        Incident(
            id="payments-3",
            model="payments",
            release=3,
            subject="distance_km",
            kind="input",
            title="distance_km moved",
            signs=(replace(moved, key="column:distance_km:location", e_value=150.0),),
            opened=since + 3 * DAY,
            updated=since + 3 * DAY,
            needs_labels=True,
            known="a new measuring device",
        ),
        Incident(
            id="payments-2",
            model="payments",
            release=3,
            subject="age",
            kind="input",
            title="age changed its share of missing values",
            signs=(gone,),
            opened=START + 26 * DAY,
            updated=START + 33 * DAY,
            status="resolved",
            resolved=START + 33 * DAY,
            cost=12.0,
            cost_low=-4.0,
            cost_high=28.0,
            unit="EUR",
        ),
        Incident(
            id="payments-4",
            model="payments",
            release=3,
            subject="age",
            kind="input",
            title="age moved",
            signs=(replace(moved, key="column:age:location", effect=0.4, low=0.35, high=0.45),),
            opened=since + 5 * DAY,
            updated=since + 5 * DAY,
            status="noted",
            cost=-2.0,
            cost_low=-9.0,
            cost_high=5.0,
            unit="EUR",
            advice="No action: the objective is not expected to become worse by it.",
        ),
    )
