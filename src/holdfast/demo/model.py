"""The model of the demo: a scikit-learn pipeline as one would fit it in a notebook, and one that knows too much."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import holdfast as hf
from holdfast.config import FILE, Project, load_project
from holdfast.draft import draft
from holdfast.evaluation.labelled import read_labelled
from holdfast.evaluation.parts import split_of
from holdfast.evidence import Task
from holdfast.gate.reading import roles_of
from holdfast.models.columns import frame

LEAK = "known_later"

OBJECTIVE = """\
[objective]
kind = "cost"
false_positive = 5
false_negative = "amount"
currency = "EUR"

[split]
test = "7d"
validation = "7d"
delay = "7d"
folds = 0

[slices]
columns = ["country", "channel"]
protected = ["age"]
"""
MOST_CATEGORIES = 50
"""Values of a column of texts that the model is given."""


def project(history: Path, roles: dict[str, str], output: Path, *, generated: bool) -> Project:
    """Write the configuration beside the tables, as `holdfast init` does, and read it."""
    target = next(name for name, role in roles.items() if role == "target")
    with hf.open_table(history, name="history") as table:
        schema = hf.infer(table, roles=roles)
    task = _task(schema.column(target))
    text = draft("fraud" if generated else target, history.name, "model.joblib", schema, target, task)
    if generated:  # in money, and as late as labels of fraud are
        head, _, rest = text.partition("# What the business pays.")
        text = head + OBJECTIVE + "\n# What a release" + rest.partition("# What a release")[2]
    (output / FILE).write_text(text, encoding="utf-8")
    return load_project(output / FILE)


def fit(project: Project) -> tuple[Any, Project]:
    """Fit a model on the rows of the train part alone, store it as a notebook would, and note until when it was fitted."""
    import joblib
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    with hf.open_table(project.path(project.data.path), name="history") as table:
        schema = hf.infer(table, roles=roles_of(project))
        texts, others = features(schema)
        target = schema.by_role(hf.Role.TARGET)[0]
        names = [*others, *texts]
        found, _ = read_labelled(table, schema, task=_task(target), features=names)
    train = split_of(found, project.split).train
    rows = frame(found.features, names, None).iloc[train]
    encode = OneHotEncoder(handle_unknown="ignore", max_categories=20, sparse_output=False)
    trees = HistGradientBoostingRegressor if found.task == "regression" else HistGradientBoostingClassifier
    boosted = trees(max_iter=60, learning_rate=0.05, random_state=0)
    fitted = make_pipeline(make_column_transformer((encode, texts), remainder="passthrough"), boosted)
    labels = np.array(found.classes)[found.truth] if found.task == "classes" else found.truth
    fitted.fit(rows, labels[train])
    joblib.dump(fitted, project.path(project.model.path or "model.joblib"))
    if found.time is None:
        return fitted, project
    until = datetime.fromtimestamp(found.time[train[-1]], UTC).isoformat()
    return fitted, msgspec.structs.replace(project, model=msgspec.structs.replace(project.model, trained_until=until))


def with_leak(honest: Project, output: Path) -> Project:
    """The same job on a history with one more column: the truth itself, but for a few rows."""
    with hf.open_table(honest.path(honest.data.path), name="history") as table:
        rows = pa.Table.from_batches(table.batches())
    truth = rows[honest.data.target].combine_chunks()
    random = np.random.default_rng(0)
    wrong = random.random(len(truth)) < 0.0005
    shuffled = truth.take(pa.array(random.permutation(len(truth))))
    known = pc.if_else(pa.array(wrong), shuffled, truth)
    if pa.types.is_boolean(known.type):
        known = known.cast(pa.int8())
    pq.write_table(rows.append_column(LEAK, known), output / "leaky.parquet")
    return msgspec.structs.replace(
        honest,
        data=msgspec.structs.replace(honest.data, path="leaky.parquet"),
        model=msgspec.structs.replace(honest.model, path="leaky.joblib"),
    )


def features(schema: hf.Schema) -> tuple[list[str], list[str]]:
    """Columns of texts with few values, and of numbers, that a model is given; no identifiers and no times."""
    given = [c for c in schema.columns if c.role is hf.Role.FEATURE and not (c.constant or c.personal)]
    few = [c for c in given if c.kind is hf.Kind.CATEGORY and c.categories and len(c.categories) <= MOST_CATEGORIES]
    numbers = [c for c in given if c.kind in {hf.Kind.NUMBER, hf.Kind.BOOLEAN} and not c.identifier]
    return [c.name for c in few if not c.identifier], [c.name for c in numbers]


def _task(target: hf.Column) -> Task:
    """What a column of this kind is predicted as."""
    if target.kind is hf.Kind.NUMBER and (target.minimum, target.maximum) != (0, 1):
        return "regression"
    return "classes" if target.categories and len(target.categories) > 2 else "binary"
