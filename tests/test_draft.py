"""The first configuration loads as it is written, and its commented lines are valid too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from holdfast.config import Project, load_project
from holdfast.draft import draft, positive_class
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


@pytest.mark.parametrize("task", ["binary", "classes", "regression"])
def test_every_comment_that_is_a_setting_loads_in_place_of_what_it_replaces(tmp_path: Path, task: Task) -> None:
    """Blocks of commented settings, uncommented together; those of `[policy]` exclude each other and come alone."""
    lines = text(task).splitlines()
    setting = re.compile(r"# (\[+[\w.]+\]+|[\w.]+ = .*)$")
    places = [place for place, line in enumerate(lines) if setting.match(line)]
    blocks: list[list[int]] = []
    for place in places:
        alone = lines[place].startswith(("# review_", "# guarantee", "# explore"))
        if blocks and blocks[-1][-1] == place - 1 and not alone:
            blocks[-1].append(place)
        else:
            blocks.append([place])
    assert len(blocks) > 5
    for block in blocks:
        changed = list(lines)
        for place in block:
            changed[place] = changed[place].removeprefix("# ")
            key = changed[place].partition(" = ")[0]
            begin = max(i for i in range(place + 1) if lines[i].startswith("[") or i == 0)
            for i in range(begin, min(block)):
                if lines[i].startswith((f"{key} = ", "beta = ")) and "kind = " in "".join(changed[p] for p in block):
                    changed[i] = f"# {lines[i]}"
        project(tmp_path, "\n".join(changed))


def test_the_positive_class_is_written(tmp_path: Path) -> None:
    label = {**ROWS, "y": ["good", "bad", "good", "good"]}
    schema = infer(open_table(label), roles=ROLES)
    column = next(column for column in schema.columns if column.name == "y")
    positive = positive_class(column, ("good", "bad"))
    made = draft("credit", "rows.parquet", "m.joblib", schema, "y", "binary", positive)
    assert project(tmp_path, made).data.positive == "bad"
    unknown = draft("credit", "rows.parquet", "m.joblib", schema, "y", "binary", positive_class(column, ("0", "1")))
    assert project(tmp_path, unknown).data.positive is None
    assert "# positive = true" in unknown
    assert "positive" not in draft("credit", "rows.parquet", "m.joblib", schema, "y", "classes")


@pytest.mark.parametrize(
    ("values", "classes", "expected"),
    [
        ([True, False], (), True),
        ([True, False], ("true", "false"), False),
        ([0, 1], ("0", "1"), 1),
        ([1, 2], ("2", "1"), 1),
        ([1, 2], ("a", "b"), None),
        (["a", "b"], ("b", "a"), "a"),
    ],
)
def test_the_positive_class_is_the_model_s_last(values: list[Any], classes: tuple[str, ...], expected: Any) -> None:
    [column] = infer(open_table({"y": values * 3})).columns
    assert positive_class(column, classes) == expected
    assert type(positive_class(column, classes)) is type(expected)


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
