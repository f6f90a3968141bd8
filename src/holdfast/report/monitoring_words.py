"""Signals, changes and moments of the monitor, as a person reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from holdfast.numerals import number, several
from holdfast.profile.group_names import figure_parts, group_title
from holdfast.report.words import moment

TITLES = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "specificity": "Specificity",
    "balanced_accuracy": "Balanced accuracy",
    "prevalence": "Share of positives",
    "bias": "Bias: truth less prediction",
    "mcc": "Matthews correlation",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
}
"""Figures by their keys, in the order in which they are shown."""

_NO_SHARES = frozenset({"bias", "mcc", "mae", "rmse"})
_AVERAGES = ("macro", "weighted")

_OF_GROUPS = {
    "true_positive_rate": "True positive rate",
    "false_positive_rate": "False positive rate",
    "accuracy": "Accuracy",
    "loss": "Loss",
    "bias": "Bias",
}

_SIGNALS = {
    "score:location": "Mean score",
    "score:spread": "Spread of the scores",
    "score:missing": "Rows without a score",
    "review:share": "Share sent to review",
    "interval:width": "Width of the intervals",
    "set:size": "Size of the sets of classes",
    "volume": "Rows",
    "calibration": "Truth less score",
    "calibration:slope": "Truth less score, the higher it is",
    "loss": "Loss",
}
_OF_COLUMNS = {
    "location": "location",
    "spread": "spread",
    "age": "age",
    "missing": "missing values",
    "new": "new values",
}
POINTS = "percentage points"
"""The unit of a difference of shares, in full."""

_IN_DEVIATIONS = frozenset({"location", "spread", "age"})
_SURE = 1e9


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a model: its zone, and whether its windows begin with days, so that hours need not be told."""

    zone: str
    days: bool

    def place(self, seconds: float) -> float:
        """What the clock shows, as the seconds since 1970 of a place where it would be UTC."""
        try:
            return datetime.fromtimestamp(seconds, ZoneInfo(self.zone)).replace(tzinfo=UTC).timestamp()
        except (OverflowError, ValueError, OSError):
            return seconds

    def told(self, seconds: float) -> str:
        """A moment.

        >>> Clock("Europe/Berlin", True).told(1746396000), Clock("Europe/Berlin", False).told(1746435600)
        ('5 May 2025', '5 May 2025, 11:00')
        """
        try:
            then = datetime.fromtimestamp(seconds, ZoneInfo(self.zone))
        except (OverflowError, ValueError, OSError):
            return moment(seconds)
        return f"{then.day} {then:%b %Y}" if self.days else f"{then.day} {then:%b %Y, %H:%M}"

    def between(self, first: float, last: float) -> str:
        """From a moment to another; one if both are the same.

        >>> Clock("UTC", True).between(0, 86_400), Clock("UTC", True).between(0, 0)
        ('1 Jan 1970 to 2 Jan 1970', '1 Jan 1970')
        """
        ends = self.told(first), self.told(last)
        return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


@cache
def column_of(key: str) -> str | None:
    """The column that a signal is about, if it is about one.

    >>> column_of("column:amount:location"), column_of("column:a:b:value:3"), column_of("score:location")
    ('amount', 'a:b', None)
    """
    if not key.startswith("column:"):
        return None
    name, _, last = key.removeprefix("column:").rpartition(":")
    return name.removesuffix(":value") if last.isdigit() else name


def aspect(key: str) -> str:
    """What of its column a signal watches.

    >>> aspect("column:amount:location"), aspect("column:country:value:3")
    ('location', 'share of a value')
    """
    last = key.rpartition(":")[2]
    return "share of a value" if last.isdigit() else _OF_COLUMNS.get(last, last)


def signal(key: str) -> str:
    """What a signal watches.

    >>> signal("column:amount:location"), signal("decision:yes"), signal("loss"), signal("estimate:f1")
    ('amount: location', 'Share of the answer yes', 'Loss', 'F1, expected')
    """
    column = column_of(key)
    if column is not None:
        return f"{column}: {aspect(key)}"
    head, _, rest = key.partition(":")
    match head:
        case "decision":
            return f"Share of the answer {rest}"
        case "label":
            return f"Share of the truth {rest}"
        case "group" | "fairness":
            group, figure = figure_parts(rest)
            return f"{gap_title(figure)}, gap of {group_title(group)}"
        case "check":
            subject, _, code = rest.rpartition(":")
            return f"{subject or 'rows'}: {code}"
        case "estimate":
            return f"{figure_title(rest)}, expected"
        case _:
            return _SIGNALS.get(key, key)


def gap_title(figure: str) -> str:
    """What a gap of groups is of.

    >>> gap_title("true_positive_rate"), gap_title("yes"), gap_title("loss")
    ('True positive rate', 'Share of the answer yes', 'Loss')
    """
    return _OF_GROUPS.get(figure, f"Share of the answer {figure}")


def gap_unit(figure: str, unit: str) -> str:
    """The unit of a gap of groups: `share`, that of the objective, or none."""
    return {"loss": unit, "bias": ""}.get(figure, "share")


def figure_title(key: str) -> str:
    """What a figure is called.

    >>> figure_title("roc_auc"), figure_title("recall[low]"), figure_title("macro_f1"), figure_title("brier_score")
    ('ROC AUC', 'Recall of low', 'Macro F1', 'Brier score')
    """
    average, base, of = _parts(key)
    title = TITLES.get(base) or base[:1].upper() + base[1:].replace("_", " ")
    if average:
        title = f"{average.capitalize()} {title if title[:2].isupper() else title.lower()}"
    return f"{title} of {of}" if of else title


def figure_is_share(key: str) -> bool:
    """Whether a figure is written in percents.

    >>> figure_is_share("recall[low]"), figure_is_share("macro_roc_auc"), figure_is_share("mae")
    (True, True, False)
    """
    base = _parts(key)[1]
    return base in TITLES and base not in _NO_SHARES


def _parts(key: str) -> tuple[str, str, str]:
    """How a figure of several classes is averaged, the figure, and the class that it is of."""
    base, _, of = key.partition("[")
    average = next((how for how in _AVERAGES if base.startswith(f"{how}_")), "")
    return average, base.removeprefix(f"{average}_"), of.removesuffix("]")


def in_shares(key: str) -> bool:
    """Whether a signal is a share of rows, so that its changes are points."""
    head, last = key.partition(":")[0], key.rpartition(":")[2]
    if head in {"group", "fairness"}:
        return gap_unit(last, "") == "share"
    if column_of(key) is not None:
        return last not in _IN_DEVIATIONS
    return head in {"decision", "label", "review"} or key == "score:missing"


def change(key: str, effect: float, unit: str = "", *, bare: bool = False) -> str:
    """By how much a signal changed; `bare`: without its unit.

    Parameters
    ----------
    key
        Of the signal.
    effect
        In the signal's unit.
    unit
        Of the objective.

    Examples
    --------
    >>> change("column:age:location", 0.489), change("column:age:missing", -0.0206), change("volume", 0.2449)
    ('+0.489 sd', '-2.06 points', '+27.7%')
    >>> change("loss", 0.5127, "EUR"), change("loss", 0.02, "share"), change("column:age:location", 0.0, bare=True)
    ('+0.513 EUR', '+2 points', '0')
    """
    if key.startswith("check:"):
        return f"failed in {several(round(effect), 'window')}"
    if key == "volume":
        return _signed(100 * math.expm1(effect)) + "%"
    if in_shares(key) or (key == "loss" and unit == "share"):
        return _signed(100 * effect) + ("" if bare else " points")
    last = key.rpartition(":")[2]
    own = "sd" if last in _IN_DEVIATIONS else unit if last == "loss" and column_of(key) is None else ""
    return _signed(effect) + ("" if bare or not own else f" {own}")


def changes(key: str, ends: tuple[float, float], unit: str = "") -> str:
    """An interval of a change, beside its value.

    >>> changes("column:age:location", (0.447, 0.531))
    '+0.447 to +0.531'
    """
    return " to ".join(change(key, end, unit, bare=True) for end in ends)


def sure(e_value: float) -> str:
    """How sure a change is. By chance, an e-value of x or more is reached at most 1 time in x, whenever one looks.

    Source: Ville's inequality; Shafer (2021), *Testing by betting*, Journal of the Royal Statistical Society A 184.

    >>> sure(1070.9), sure(1.7e10), sure(0.5)
    ('by chance at most 1 in 1,000', 'by chance less than 1 in a billion', 'may be chance')
    """
    if e_value >= _SURE:
        return "by chance less than 1 in a billion"
    if not e_value >= 2:
        return "may be chance"
    place = 10 ** max(math.floor(math.log10(e_value)) - 1, 0)
    return f"by chance at most 1 in {number(e_value // place * place)}"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value, 3)
