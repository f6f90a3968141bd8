"""What processes count goes on when one of them dies, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.serve import counts as module
from holdfast.serve.counts import counts_folder, process_use, resumed, saved
from holdfast.serve.metrics import Metrics, exposition


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(module, "MEMORY", folder)
    return folder


def test_who_takes_the_place_of_another_goes_on_with_its_counts(tmp_path: Path) -> None:
    path = tmp_path / "0.counts"
    metrics = resumed(path)
    metrics.count("holdfast_rows", ("fraud", "3"), 12)
    metrics.observe("holdfast_group_rows", ("fraud",), [1, 7])
    metrics.set("holdfast_queue_rows", ("fraud",), 5)
    metrics.save(path)
    again = resumed(path)
    again.count("holdfast_rows", ("fraud", "3"), 1)
    again.observe("holdfast_group_rows", ("fraud",), [4])
    text = exposition([again.content()])
    assert 'holdfast_rows_total{model="fraud",release="3"} 13.0' in text
    assert 'holdfast_group_rows_sum{model="fraud"} 12.0' in text
    assert 'holdfast_group_rows_bucket{le="5.0",model="fraud"} 2.0' in text
    assert "holdfast_queue_rows{" not in text


def test_a_file_that_cannot_be_read_is_a_beginning(tmp_path: Path) -> None:
    path = tmp_path / "0.counts"
    path.write_bytes(b"\xff\xff")
    assert exposition([resumed(path).content()]) == exposition([])


def test_processes_are_added_up_and_say_once_what_is_loaded(tmp_path: Path) -> None:
    for worker in "01":
        metrics = Metrics()
        metrics.count("holdfast_rows", ("fraud", "3"), 2)
        metrics.set("holdfast_queue_rows", ("fraud",), 5)
        metrics.set("holdfast_model_info", ("fraud", "3", "sha256:ab", "champion"), 1)
        metrics.observe("holdfast_group_rows", ("fraud",), [2])
        metrics.save(tmp_path / f"{worker}.counts")
    text = exposition(saved(tmp_path).values())
    assert 'holdfast_rows_total{model="fraud",release="3"} 4.0' in text
    assert 'holdfast_queue_rows{model="fraud"} 10.0' in text
    assert 'holdfast_model_info{identity="sha256:ab",model="fraud",release="3",stage="champion"} 1.0' in text
    assert 'holdfast_group_rows_count{model="fraud"} 2.0' in text
    assert 'holdfast_group_rows_sum{model="fraud"} 4.0' in text


def test_the_use_of_processes_that_live(tmp_path: Path) -> None:
    Metrics().save(tmp_path / "0.counts")
    gone = (
        "import sys; from pathlib import Path; from holdfast.serve.metrics import Metrics;"
        "Metrics().save(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", gone, str(tmp_path / "1.counts")], check=True)
    ((worker, seconds, resident),) = process_use({**saved(tmp_path), "2": b"torn"})
    assert worker == "0"
    assert 0 < seconds <= sum(os.times()[:2]) + 0.1
    assert 10e6 < resident < 10e9


@pytest.mark.usefixtures("memory")
def test_a_folder_is_there_as_long_as_its_server(tmp_path: Path) -> None:
    with counts_folder(tmp_path) as folder:
        (folder / "0.counts").write_bytes(b"")
        assert list((tmp_path / "memory").iterdir()) == [folder]
    assert list((tmp_path / "memory").iterdir()) == []


def test_what_killed_servers_left_is_removed_and_nothing_of_living_ones(tmp_path: Path, memory: Path) -> None:
    left = memory / "holdfast-counts-left"
    left.mkdir()
    (left / "0.counts").write_bytes(b"")
    (memory / "others").mkdir()
    with counts_folder(tmp_path) as first:
        assert not left.exists()
        with counts_folder(tmp_path) as second:
            assert first.exists()
            assert second.exists()
    assert [path.name for path in memory.iterdir()] == ["others"]


def test_without_memory_the_folder_is_below_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMORY", tmp_path / "none")
    with counts_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
