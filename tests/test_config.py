"""`holdfast.toml`: what it says is read, what it should not say is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.config import Limit, Project, load_project, project_of
from holdfast.errors import SettingError

SMALL = """
name = "fraud"
[data]
path = "rows.parquet"
target = "is_fraud"
[model]
path = "model.txt"
[objective]
kind = "cost"
false_positive = 5
false_negative = "amount"
currency = "EUR"
"""


def loaded(tmp_path: Path, text: str) -> Project:
    (tmp_path / "holdfast.toml").write_text(text, encoding="utf-8")
    return load_project(tmp_path / "holdfast.toml")


def test_the_small_case(tmp_path: Path) -> None:
    project = loaded(tmp_path, SMALL)
    assert (project.objective.false_positive, project.objective.false_negative) == (5.0, "amount")
    assert project.split.test == 0.2
    assert project.gate.limits == (Limit(metric="objective", against="simple"),)
    assert project.path(project.data.path) == str(tmp_path / "rows.parquet")
    assert project.path("s3://bucket/rows.parquet") == "s3://bucket/rows.parquet"


def test_lengths_and_shares_of_a_split(tmp_path: Path) -> None:
    project = loaded(tmp_path, SMALL + '[split]\ntest = "28d"\nvalidation = 0.1\ndelay = "7d"\n')
    assert (project.split.test, project.split.validation, project.split.delay_seconds) == ("28d", 0.1, 604_800.0)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[splits]\ntest = 0.2\n", r"unknown field `splits`"),
        ("[split]\ntests = 0.2\n", r"unknown field `tests` - at `\$\.split`"),
        ("[split]\ntest = 1.5\n", r"at `\$\.split\.test`"),
        ('[split]\ntest = "7 days"\n', r"at `\$\.split\.test`"),
        ("[split]\nfolds = -1\n", r"Expected `int` >= 0 - at `\$\.split\.folds`"),
        ("[policy]\nreview_cost = 2\nreview_capacity = 0.1\n", r"review_cost and review_capacity exclude each other"),
        ("[policy]\nexplore = 0.5\n", r"Expected `float` < 0\.5 - at `\$\.policy\.explore`"),
        ('[[gate.limits]]\nmetric = "roc_auc"\n', r"a limit needs at_least, at_most or against"),
        (
            '[[gate.limits]]\nmetric = "roc_auc"\nat_least = nan\n',
            r"Expected a finite number - at `\$\.gate\.limits\[0\]\.at_least`",
        ),
        ("[split]\ntest = nan\n", r"Expected a finite number - at `\$\.split\.test`"),
        ("[checks]\nmissing = 0\n", r"at `\$\.checks\.missing`"),
        ("[checks.columns.amount]\nmissing = 0\n", r"at `\$\.checks\.columns\.amount\.missing`"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_its_place(tmp_path: Path, more: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        loaded(tmp_path, SMALL + more)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('[policy]\ncalibrate = "plat"\n', r"at `\$\.policy\.calibrate`: did you mean 'platt'\?"),
        ('[uncertainty]\nmethod = "x"\n', r"there are 'auto', 'split', 'normalised', 'cqr', 'lac', 'aps'\."),
        (
            '[[gate.limits]]\nmetric = "objective"\nagainst = "x"\n',
            r"there are 'champion', 'never', 'always', 'simple'",
        ),
        ('[data.roles]\na = "ignore"\nnote = "ignored"\n', r"at `\$\.data\.roles\.note`: did you mean 'ignore'"),
        ("[policy]\ntreshold = 0.5\n", r"unknown field `treshold` - at `\$\.policy`: did you mean 'threshold'\?"),
        ('[[gate.limits]]\nmetric = "roc_acu"\nat_least = 0.8\n', r"the metric 'roc_acu', .*did you mean 'roc_auc'"),
        ('[[gate.limits]]\nmetric = "rmse"\nat_most = 0.8\n', r"the metric 'rmse', which there is not here"),
        ('[[gate.limits]]\nmetric = "f1"\nagainst = "champion"\n', "these are compared: objective, roc_auc, pr_auc"),
        ('[[gate.limits]]\nmetric = "roc_auc"\nagainst = "simple"\n', "these are compared: objective"),
    ],
)
def test_what_would_have_been_right_is_told(tmp_path: Path, more: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        loaded(tmp_path, SMALL + more)


def test_limits_name_metrics_of_the_task() -> None:
    small = {"name": "a", "data": {"path": "-", "target": "y"}, "model": {"path": "-"}}

    def limited(objective: dict[str, object], **limit: object) -> Project:
        return project_of({**small, "objective": objective, "gate": {"limits": [limit]}})

    assert limited({"kind": "f_beta", "beta": 2}, metric="f2", at_least=0.5)
    assert limited({"kind": "f_beta", "average": "macro"}, metric="recall[any class]", at_least=0.5)
    assert limited({"kind": "mae"}, metric="quantile_loss_0.9", at_most=3)
    with pytest.raises(SettingError, match="'recall\\[a\\]', which there is not here"):
        limited({"kind": "f_beta"}, metric="recall[a]", at_least=0.5)
    with pytest.raises(SettingError, match="'never', which there is for two classes only"):
        limited({"kind": "mae"}, metric="objective", against="never")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('kind = "cost"', 'kind = "costs"', r"Invalid value 'costs' - at `\$\.objective\.kind`"),
        ("false_positive = 5", "", r"missing required field `false_positive` - at `\$\.objective`"),
        ('name = "fraud"', 'name = "../fraud"', r"at `\$\.name`"),
        ('target = "is_fraud"', "", r"missing required field `target` - at `\$\.data`"),
        ('name = "fraud"', 'name = "fraud"\nfolder = "elsewhere"', r"unknown field `folder`"),
        ('name = "fraud"', "name = fraud", r"Invalid value \(at line 2, column 8\)"),
    ],
)
def test_a_broken_small_case_is_refused_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        loaded(tmp_path, SMALL.replace(old, new))


def test_a_file_that_is_not_there_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"No such file or directory; `holdfast init` writes one"):
        load_project(tmp_path / "holdfast.toml")


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(SettingError, match="Cannot read the configuration"):
        load_project(tmp_path / "holdfast.toml")
