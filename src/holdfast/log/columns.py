"""What is logged of a prediction and of a label: names and types of the columns."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.column import Column
from holdfast.kinds import Kind as ColumnKind
from holdfast.kinds import Role
from holdfast.log.frames import Layout, Type

NOT_LOGGED = frozenset({Role.IGNORE, Role.TARGET})
"""The target comes as a label; what is ignored is not kept."""

DATE = "hf_date"
"""UTC day of receipt: what the tables are partitioned by."""

COMMITTED: tuple[tuple[str, Type], ...] = (
    ("hf_writer", "string"),
    ("hf_seq", "int64"),
    ("hf_row", "int64"),
    (DATE, "string"),
)
"""Added when a frame is committed: which spool it comes from, its number there, the row in it, and the day."""

CONFLICT = "hf_conflict"
"""Of a prediction: its id was used before, with other inputs."""


def prediction_columns(task: str, classes: tuple[str, ...]) -> tuple[tuple[str, Type], ...]:
    """Own columns of a logged prediction, in the order of its row.

    Examples
    --------
    >>> [name for name, _ in prediction_columns("classes", ("a", "b", "c")) if "score" in name]
    ['hf_score_0', 'hf_score_1', 'hf_score_2']
    """
    scores = [f"hf_score_{k}" for k in range(len(classes))] if task == "classes" else ["hf_score"]
    return (
        ("hf_id", "string"),
        ("hf_given", "bool"),
        ("hf_time", "timestamp"),
        ("hf_event_time", "timestamp"),
        ("hf_release", "int64"),
        ("hf_route", "string"),
        *((name, "float64") for name in scores),
        ("hf_decision", answer_type(task)),
        ("hf_confidence", "float64"),
        ("hf_lower", "float64"),
        ("hf_upper", "float64"),
        ("hf_set", "string"),
        ("hf_review", "bool"),
        ("hf_reason", "string"),
        ("hf_expected_loss", "float64"),
        ("hf_propensity", "float64"),
        ("hf_policy_revision", "int64"),
        ("hf_warnings", "string"),
        ("hf_latency", "float64"),
        ("hf_client", "string"),
        ("hf_inputs", "int64"),
    )


def prediction_layout(
    model: str, task: str, classes: tuple[str, ...], logged: Iterable[tuple[str, Type]], packed: Iterable[str] = ()
) -> Layout:
    """Layout of a model's logged predictions: its own columns, then those of the schema, by their physical names."""
    columns = (*prediction_columns(task, classes), *logged)
    return Layout(model=model, kind="predictions", columns=columns, packed=tuple(packed))


def label_layout(model: str, task: str) -> Layout:
    """Layout of a model's labels."""
    return Layout(
        model=model,
        kind="labels",
        columns=(
            ("hf_id", "string"),
            ("hf_label", answer_type(task)),
            ("hf_source", "string"),
            ("hf_giver", "string"),
            ("hf_time", "timestamp"),
            ("hf_outcome_time", "timestamp"),
        ),
    )


def type_at_rest(column: Column) -> Type:
    """How a column's values are kept.

    Examples
    --------
    >>> type_at_rest(Column(name="n", physical="n", kind=ColumnKind.NUMBER, type="uint8"))
    'int64'
    """
    match column.kind:
        case ColumnKind.NUMBER:
            # Beyond 63 bits it would not fit; the float is what the model gets, too.
            return "int64" if "int" in column.type and column.type != "uint64" else "float64"
        case ColumnKind.BOOLEAN:
            return "bool"
        case ColumnKind.TIME:
            return "timestamp"
        case _:
            return "string"


def answer_type(task: str) -> Type:
    """Type of decisions and labels: yes or no, a class by its name, or a number."""
    types: dict[str, Type] = {"binary": "bool", "classes": "string", "regression": "float64"}
    return types[task]
