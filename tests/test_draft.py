"""The first configuration loads as it is written, and its commented lines are valid too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from holdfast.config import Project, load_project
from holdfast.draft import draft
from holdfast.evidence import Task
from holdfast.schema import infer
from holdfast.tables import open_table

ROWS = {
    "when": ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"],
    "customer": ["a", "b", "a", "b"],
    'odd "name"': [1.0, 2.5, 3.5, 4.0],
    "amount": [10.0, 20.0, 5.0, 7.0],
    "y_score": [0.1, 0.2, 0.9, 0.3],
    "y": [0, 0, 1, 0],
}
ROLES = {"when": "time", "customer": "group", 'odd "name"': "protected", "y_score": "score", "y": "target"}


def project(folder: Path, text: str) -> Project:
    (folder / "holdfast.toml").write_text(text, encoding="utf-8")
    return load_project(folder / "holdfast.toml")


def text(task: Task) -> str:
    return draft("fraud", "rows.parquet", "model.joblib", infer(open_table(ROWS), roles=ROLES), "y", task)


@pytest.mark.parametrize(
    ("task", "kind"), [("binary", "FBeta"), ("classes", "FBeta"), ("regression", "MeanAbsoluteError")]
)
def test_what_is_written_loads(tmp_path: Path, task: Task, kind: str) -> None:
    made = project(tmp_path, text(task))
    assert type(made.objective).__name__ == kind
    assert (made.data.time, made.data.target, made.split.group) == ("when", "y", "customer")
    assert made.data.roles == {"y_score": "ignore"}
    assert made.slices.protected == ('odd "name"',)
    assert [limit.against for limit in made.gate.limits] == ["simple", "champion"]


def test_the_alternatives_in_comments_load_too(tmp_path: Path) -> None:
    """Each commented setting, alone, in the place of the one that it replaces."""
    written = text("binary")
    for commented in re.findall(
        r"^# ((?:trained_until|positive|delay|folds|review_\w+|guarantee|explore) = .*)$", written, re.MULTILINE
    ):
        project(tmp_path, written.replace(f"# {commented}", commented))
    money = written.replace('kind = "f_beta"\n', "").replace("beta = 1.0", "# beta = 1.0")
    for line in ('kind = "cost"', "false_positive = 5", 'false_negative = "amount"', 'currency = "EUR"'):
        money = money.replace(f"# {line}", line)
    assert project(tmp_path, money).objective.needs == ("amount",)


def test_names_are_written_so_that_toml_reads_them(tmp_path: Path) -> None:
    made = project(
        tmp_path,
        draft("m", 'a "b" \\ ü.csv', "m.txt", infer(open_table(ROWS), roles=ROLES), 'odd "name"', "regression"),
    )
    assert made.data.path == 'a "b" \\ ü.csv'
    assert made.data.target == 'odd "name"'
