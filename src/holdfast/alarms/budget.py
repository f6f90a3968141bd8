"""How many false alarms a user tolerates, and how signals share them.

How the budget is split: signals that come late, since they need the truth, have `late_share` of it where there are such
signals, the others have the rest; within each group a location, and the loss, count `HEAVY` times as much as others. A
weight is a head start, not a wall: a signal of half the weight needs twice the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.alarms.scale import kind_of

HEAVY = 8.0
"""A location, and the loss, has so many times the share of the budget of another signal."""

Array = NDArray[np.float64]


class AlarmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a user tolerates.

    Attributes
    ----------
    false_alarms, days
        So many false alarms in so many days, on average at most, over all signals of a model.
    late
        First parts of the keys of signals that need the truth, and so come late.
    late_share
        Their share of the budget, above 0 and below 1.
    minimum
        Smallest effect that opens an incident, by kind of signal or by the last part of its key, where nothing else is said;
        none: whatever alarms matters.
    zone
        Zone whose weekdays and hours are meant.
    seasons
        Whether windows lie on weekdays and hours at all: those of so many rows do not.
    """

    false_alarms: float = 1.0
    days: float = 90.0
    late: tuple[str, ...] = ("loss", "calibration", "label", "realised", "fairness")
    late_share: float = 0.2
    minimum: dict[str, float] = msgspec.field(default_factory=lambda: {"location": 0.3, "spread": 0.3})
    zone: str = "UTC"
    seasons: bool = True

    def __post_init__(self) -> None:
        # ValueErrors, because msgspec then adds the place in the file.
        if not (self.false_alarms > 0 and self.days > 0):
            raise ValueError("a budget allows for more than no false alarms, in more than no days")
        if not 0 < self.late_share < 1:
            raise ValueError("late_share is expected between 0 and 1")

    def smallest(self, key: str) -> float:
        """Smallest effect of a signal that opens an incident, where nothing else is said."""
        return self.minimum.get(kind_of(key), self.minimum.get(key.rpartition(":")[2], 0.0))

    def is_late(self, key: str) -> bool:
        """Whether a signal needs the truth."""
        return key.partition(":")[0] in self.late

    @property
    def threshold(self) -> float:
        """Days for which one false alarm is tolerated."""
        return self.days / self.false_alarms


def weights(keys: Sequence[str], settings: AlarmSettings) -> Array:
    """The share of the budget that each signal has; they sum to 1.

    Examples
    --------
    >>> weights(["column:age:location", "column:age:missing", "loss"], AlarmSettings()).round(3).tolist()
    [0.711, 0.089, 0.2]
    """
    heavy = np.array([HEAVY if kind_of(key) in {"location", "loss"} else 1.0 for key in keys])
    late = np.array([settings.is_late(key) for key in keys])
    share = (
        np.where(late, settings.late_share, 1 - settings.late_share)
        if 0 < late.sum() < len(keys)
        else np.ones(len(keys))
    )
    return np.asarray(share * heavy / np.where(late, heavy[late].sum(), heavy[~late].sum()))
