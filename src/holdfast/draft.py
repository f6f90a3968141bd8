"""A first `holdfast.toml`, with comments: what was found in the data is filled in, and what can be said besides is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from holdfast.evidence import Task
from holdfast.schema import Column, Kind, Role, Schema

Value: TypeAlias = bool | int | float | str
"""A value of a column, as TOML writes it."""

_MONEY = ("amount", "value", "price", "sum", "loss", "balance")
"""Words in the name of a column that a missed case may cost."""


def draft(
    name: str, data: str, model: str, schema: Schema, target: str, task: Task, positive: Value | None = None
) -> str:
    """The text of a configuration to begin with.

    Parameters
    ----------
    name
        What the model is called.
    data, model
        Paths as they shall stand in the file.
    schema
        What was found in the data.
    target, task
        The column that the model predicts, and what kind of prediction that is.
    positive
        Which value of the target is the positive class, where that is known.

    Examples
    --------
    >>> from holdfast.schema import infer
    >>> from holdfast.tables import open_table
    >>> schema = infer(open_table({"amount": [1.5, 2.5, 9.0], "is_fraud": [False, True, False]}))
    >>> print(draft("fraud", "rows.parquet", "model.txt", schema, "is_fraud", "binary").splitlines()[4])
    name = "fraud"
    """
    lines = [
        "# What holdfast evaluates, gates and releases. Every key: docs/configuration.md.",
        "# `holdfast evaluate` judges the model, `holdfast release` seals it if it passes.",
        "",
        "# Releases are numbered under this name: releases/<name>/1, 2, ...",
        f"name = {_quoted(name)}",
        '# intended_use = "..."            # what the model is for: report and model card begin with it',
        "",
        *_data(data, schema, target, task, positive),
        *_model(model),
        *_objective(schema, task),
        *_split(schema),
        *_policy(task),
        *_slices(schema),
        *_gate(task),
    ]
    return "\n".join(lines) + "\n"


def positive_class(label: Column, classes: Sequence[str]) -> Value | None:
    """Which value of the label is the positive class, as the model's classes say, or as 1 and true are understood.

    Examples
    --------
    >>> from holdfast.schema import infer
    >>> from holdfast.tables import open_table
    >>> label, number = infer(open_table({"kind": ["no", "yes", "no"], "bad": [0, 1, 0]})).columns
    >>> positive_class(label, ("no", "yes")), positive_class(number, ()), positive_class(label, ("0", "1"))
    ('yes', 1, None)
    """
    last = classes[-1] if len(classes) == 2 else None
    if label.kind is Kind.BOOLEAN:
        return last != "false"
    if label.kind is Kind.NUMBER:
        if (label.minimum, label.maximum) == (0, 1):
            return 0 if last == "0" else 1
        return int(last) if last is not None and last.lstrip("-").isdigit() else None
    return last if set(classes) == set(label.categories or ()) else None


def _data(path: str, schema: Schema, target: str, task: Task, positive: Value | None) -> list[str]:
    lines = ["[data]", f"path = {_quoted(path)}", f"target = {_quoted(target)}"]
    if task == "binary":
        known = "true" if positive is None else json.dumps(positive, ensure_ascii=False)
        lines += [
            f"{'# ' * (positive is None)}{f'positive = {known}':<34}# the value of the target that is the positive class"
        ]
    for role, key in ((Role.TIME, "time"), (Role.ID, "id"), (Role.WEIGHT, "weight")):
        found = schema.by_role(role)
        lines += [f"{key} = {_quoted(found[0].name)}"] if found else []
    if not schema.by_role(Role.TIME):
        lines += ['# time = "..."                   # when a row happened: without it no split by time is possible']
    special = {Role.SCORE, Role.PREDICTION}
    ignored = [c.name for c in schema.columns if c.role in special and c.name != target]
    named = [f"{_key(name)} = {_quoted('ignore')}" for name in ignored]
    lines += [
        "# What other columns are for: ignore, segment, protected, group, cost; the rest are features.",
        "[data.roles]",
        *(named or ['# note = "ignore"']),
        "",
    ]
    return lines


def _model(path: str) -> list[str]:
    return [
        "[model]",
        f"path = {_quoted(path)}",
        "# Rows up to the end of training are never judged. Say when that was:",
        '# trained_until = "2026-06-30"',
        "",
    ]


def _objective(schema: Schema, task: Task) -> list[str]:
    head = ["# What the business pays. Other kinds: docs/objectives.md.", "[objective]"]
    if task == "regression":
        return [
            *head,
            'kind = "mae"',
            "# Or in money, for each unit too high and too low; each is a number, or a column:",
            '# kind = "asymmetric"',
            "# over = 1.0",
            "# under = 3.0",
            '# unit = "EUR"',
            "",
        ]
    if task == "classes":
        return [*head, 'kind = "f_beta"', 'average = "macro"', ""]
    money = next((c.name for c in _numbers(schema.columns) if any(word in c.name.lower() for word in _MONEY)), "amount")
    return [
        *head,
        'kind = "f_beta"',
        "beta = 1.0                        # above 1, recall counts more than precision",
        "# Or in money; an entry is a number, or a column that holds it for each row:",
        '# kind = "cost"',
        "# false_positive = 5",
        f"# false_negative = {_quoted(money)}",
        '# currency = "EUR"',
        "",
    ]


def _split(schema: Schema) -> list[str]:
    groups = [c.name for c in schema.by_role(Role.GROUP)]
    group = f"group = {_quoted(groups[0])}" if groups else '# group = "customer_id"          # no customer in two parts'
    return [
        "[split]",
        "test = 0.2                        # a share of the rows, or a length at the end, such as 28d",
        "validation = 0.2                  # threshold, calibration and review band are chosen on it",
        '# delay = "7d"                     # how long the truth takes: so much is left out before each part',
        "# folds = 4                        # rolling origins to judge besides",
        group,
        "",
    ]


def _policy(task: Task) -> list[str]:
    if task == "regression":
        return ["[uncertainty]", "level = 0.9                       # share of rows whose truth the intervals hold", ""]
    return [
        "[policy]",
        "# At most one of these: what a person's look costs, the share that persons can look at, or a guarantee.",
        "# review_cost = 2.0",
        "# review_capacity = 0.01",
        "# guarantee = { risk = 0.02, confidence = 0.95 }",
        "# explore = 0.005                  # decide so many the other way, so that their truth becomes known",
        "",
    ]


def _slices(schema: Schema) -> list[str]:
    few = [c.name for c in schema.columns if c.role is Role.FEATURE and _few_values(c)][:3]
    protected = [c.name for c in schema.by_role(Role.PROTECTED)]
    return [
        "[slices]",
        f"columns = {json.dumps(few, ensure_ascii=False)}",
        f"protected = {json.dumps(protected, ensure_ascii=False)}                    # such as sex or age group",
        "",
    ]


def _gate(task: Task) -> list[str]:
    ranking = {"binary": ("roc_auc", 0.7), "classes": ("accuracy", 0.7), "regression": ("r2", 0.3)}[task]
    return [
        "# What a release must pass, judged on the 95% interval. Checks that fail refuse a release, too, but for those",
        "# named in `warnings`.",
        "[gate]",
        'warnings = ["drift", "quality", "explain"]',
        "",
        "[[gate.limits]]                   # better than a simple rule",
        'metric = "objective"',
        'against = "simple"',
        "",
        "[[gate.limits]]                   # not worse than the release that is in place, if there is one",
        'metric = "objective"',
        'against = "champion"',
        "# How much worse is tolerable, in the unit of the objective. Without a margin the candidate must certainly be no",
        "# worse at all: of two models that are about as good that is never certain.",
        "# margin = 0.01",
        "",
        "# [[gate.limits]]",
        f'# metric = "{ranking[0]}"',
        f"# at_least = {ranking[1]}",
    ]


def _numbers(columns: Iterable[Column]) -> list[Column]:
    return [c for c in columns if c.kind is Kind.NUMBER and c.role in {Role.FEATURE, Role.COST}]


def _few_values(column: Column) -> bool:
    """Whether a column's values make segments that a person would name."""
    return column.kind is Kind.CATEGORY and column.categories is not None and 2 <= len(column.categories) <= 12


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _quoted(name)
