"""False alarms of other tools with their defaults, on rows of the worlds of the alarm bars: for scale.

Each tool is asked once a day, as its users ask it: all rows of the reference against those of the day. As many days as it
begins in its time are counted up to a quarter; of one stream a world, because the tools need minutes for each.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bars import Bar, Effort, for_information
from holdfast.testing.signals import COLUMNS, MONITORED, REFERENCE, ROWS, World
from holdfast.testing.streams import Family, day_effects
from peers import PEERS, Pair, PeerError, answers, installed, version

WORLDS = (World(), World(family=Family(weekly_sd=0.2)), World(family=Family(phi=0.5, sd=0.1)))
NAMES = ("NannyML", "Evidently", "deepchecks", "alibi-detect", "scipy loop")


def peers_alarms(effort: Effort) -> Iterator[Bar]:
    """Days with an alarm, and alarms of columns, in a quarter in which nothing changes."""
    seconds = {"quick": 10, "usual": 40, "thorough": 600}[effort]
    for world in WORLDS:
        with tempfile.TemporaryDirectory() as place:
            days = stream(Path(place), world)
            for name in NAMES:
                setting = f"{str(world).partition(', with')[0]}: {name} {version(name)} with its defaults"
                try:
                    told = answers(name, installed(name, [*PEERS[name], "pyarrow"]), days, seconds)
                except PeerError as error:
                    yield for_information(setting, f"not measured: {error}")
                    continue
                a_quarter = MONITORED / len(told)
                alarmed, columns = sum(map(bool, told)), sum(map(len, told))
                yield for_information(
                    setting,
                    f"an alarm on {alarmed} of {len(told)} days, {a_quarter * alarmed:.0f} a quarter; "
                    f"of columns {a_quarter * columns:.0f}",
                )


def stream(folder: Path, world: World) -> list[Pair]:
    """Rows of the reference's days in one file, and those of each monitored day: standard normal around the day's level."""
    rng = np.random.default_rng(7)
    levels = day_effects(REFERENCE + MONITORED, COLUMNS, world.family, rng)
    names = [f"x{column}" for column in range(COLUMNS)]

    def write(path: Path, days: NDArray[np.float64]) -> Path:
        rows = rng.standard_normal((len(days), ROWS, COLUMNS)) + days[:, None, :]
        pq.write_table(pa.table(dict(zip(names, rows.reshape(-1, COLUMNS).T, strict=True))), path)
        return path

    reference = write(folder / "reference.parquet", levels[:REFERENCE])
    return [
        (reference, write(folder / f"day-{day}.parquet", levels[REFERENCE + day : REFERENCE + day + 1]))
        for day in range(MONITORED)
    ]
