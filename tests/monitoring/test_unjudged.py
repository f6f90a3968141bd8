"""Windows that are too small to be judged are told loudly, with what to do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.config import Monitoring
from holdfast.monitoring.monitor import monitor, watched_of
from holdfast.monitoring.reference import Reference
from holdfast.monitoring.unjudged import too_small
from holdfast.watched import Shown

from .conftest import Service
from .sources.test_files import ROWS_A_DAY, loans, split, watched, write

DAY = 86_400.0


def windows(*sizes: int, days: float = 1.0) -> list[Shown]:
    return [
        Shown(start=place * days * DAY, end=(place + 1) * days * DAY, rows=rows) for place, rows in enumerate(sizes)
    ]


@pytest.mark.parametrize("sizes", [(), (20, 20), (200, 200, 200), (20, 200, 200, 20), (0, 0, 0, 0, 200)])
def test_nothing_is_said_where_at_least_half_of_the_windows_are_judged(sizes: tuple[int, ...]) -> None:
    assert too_small(Monitoring(), windows(*sizes)) is None


def test_longer_windows_are_proposed_and_those_by_count() -> None:
    told = too_small(Monitoring(), windows(*[200] * 30, *[30] * 14))
    assert told is not None
    assert told.startswith("14 of the newest 14 windows have fewer than 100 rows (`smallest`)")
    assert 'At about 30 rows a day, set window = "1w" or window = "100 rows" in [monitor]' in told
    rare = too_small(Monitoring(), windows(1, 0, 2, 1, 3))
    assert rare is not None
    assert 'set window = "100 rows" in [monitor] and release again' in rare


def test_windows_by_count_that_are_never_full_can_only_be_smaller() -> None:
    asked = Monitoring(window="100 rows", smallest=100)
    told = too_small(asked, windows(1, 1, 1, 1, days=28.0))
    assert told is not None
    assert told.endswith("rows a day, lower smallest.")


def test_a_model_that_is_asked_seldom_is_told_of_and_the_proposal_helps(tmp_path: Path) -> None:
    seldom = loans(40, 24).take(list(range(0, 24 * ROWS_A_DAY, 6)))
    predictions, labels = split(seldom)
    daily = monitor(data=predictions, labels=labels, project=write(tmp_path))
    (warning,) = daily.models[0].warnings
    assert 'At about 20 rows a day, set window = "1w" or window = "50 rows" in [monitor], or lower smallest.' in warning
    for shown in (daily.to_html(), daily._repr_html_(), daily.to_json()):
        assert "are shown, and not judged" in shown
    for place, window in enumerate(("1w", "50 rows")):
        folder = tmp_path / str(place)
        folder.mkdir()
        assert watched(write(folder, monitor={"window": window, "smallest": 50}), predictions, labels).warnings == ()


def test_a_release_whose_history_has_no_times_is_told_of(service: Service, reference: Reference) -> None:
    """Its first windows say what is usual: that nothing is open then means little."""
    timeless = replace(reference, history=())
    (warning,) = [one for one in watched_of(timeless, service.book).warnings if "no times" in one]
    assert warning.startswith(f"The history that was sealed with {reference.model}/{reference.version} has no times")
    assert not [one for one in watched_of(reference, service.book).warnings if "no times" in one]


def command(
    folder: Path, rows: pa.Table, *lines: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """What `holdfast monitor --data` says of a table; lines of `[monitor]`."""
    project = write(folder)
    text = "\n".join(
        [
            'name = "loans"',
            "[data]",
            *(f"{key} = {msgspec.json.encode(value).decode()}" for key, value in project["data"].items()),
            "[objective]",
            'kind = "cost"',
            "false_positive = 1",
            "false_negative = 4",
            "[monitor]",
            *lines,
        ]
    )
    (folder / "holdfast.toml").write_text(text)
    pq.write_table(rows, folder / "new.parquet")
    return subprocess.run(
        [sys.executable, "-m", "holdfast", "monitor", "--data", "new.parquet", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_complains(tmp_path: Path) -> None:
    done = command(tmp_path, loans(40, 10).take(list(range(0, 10 * ROWS_A_DAY, 6))))
    assert done.returncode == 1  # of the volume there is an incident: the history has more rows a day
    assert "holdfast: loans: 10 of the newest 10 windows have fewer than 100 rows" in done.stderr
