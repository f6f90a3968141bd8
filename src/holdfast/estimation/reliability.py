"""Whether estimates can be believed: each is scored when its labels come, and a metric that was wrong is not trusted.

An estimate supposes that the truth depends on score and features as it did. Where it no longer does (concept drift), the
estimate looks as sure as ever; only labels tell.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from holdfast.estimation.estimates import Estimated

FAR = 3.3
"""Joint standard errors that contradict an estimate at once: by chance in one window of 1,000."""
TWICE = 2.24
"""Joint standard errors that do so in two windows running, on one side: by chance in one of 3,000."""
AGREEING = 3
"""Windows running that must agree before an estimate that was contradicted is believed again."""


class Reliability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the labelled windows so far say of the estimates of one metric.

    Attributes
    ----------
    status
        Whether the next estimate can be believed.
    contradicts
        Whether the last labelled window contradicted its estimate.
    distance
        Of that window: realised less estimated, in joint standard errors; None before the first.
    agreeing
        Windows running that agreed.
    windows, covered
        Labelled windows with an estimate, and those whose interval held what was realised.
    """

    status: Literal["reliable", "unreliable"] = "reliable"
    contradicts: bool = False
    distance: float | None = None
    agreeing: int = 0
    windows: int = 0
    covered: int = 0

    @property
    def coverage(self) -> float | None:
        """Running share of the intervals that held what was realised; None before the first."""
        return self.covered / self.windows if self.windows else None


def judged(realised: float | None, estimated: Estimated, state: Reliability, labelled: float = 1.0) -> Reliability:
    """The state after one more labelled window; the same if there is nothing to compare.

    Parameters
    ----------
    realised
        The metric of the labelled rows; None where it cannot be had.
    estimated
        The estimate for the window, made without its labels.
    state
        After the windows before.
    labelled
        Share of the window's rows whose truth is known, above 0: of fewer rows chance is larger.

    Examples
    --------
    >>> from holdfast.evidence import Estimate
    >>> estimated = Estimated(estimate=Estimate(value=0.90, low=0.86, high=0.94), deviation=0.02)
    >>> state = judged(0.91, estimated, Reliability())
    >>> state.status, round(state.distance, 2), state.coverage
    ('reliable', 0.5, 1.0)
    >>> judged(0.80, estimated, state).status
    'unreliable'
    """
    value, low, high = (getattr(estimated.estimate, name) for name in ("value", "low", "high"))
    deviation = estimated.deviation
    if realised is None or value is None or deviation is None or low is None or high is None:
        return state
    # Chance grows with the root of the rows that are missing.
    scale = labelled**-0.5
    # What leaves nothing to chance is wrong if it differs by more than rounding.
    distance = float((realised - value) / max(deviation * scale, 1e-12))
    before = state.distance or 0.0
    again = abs(distance) > TWICE and abs(before) > TWICE and distance * before > 0
    contradicts = abs(distance) > FAR or again
    agreeing = 0 if contradicts or abs(distance) > TWICE else state.agreeing + 1
    unreliable = contradicts or (state.status == "unreliable" and agreeing < AGREEING)
    inside = value + (low - value) * scale <= realised <= value + (high - value) * scale
    return Reliability(
        status="unreliable" if unreliable else "reliable",
        contradicts=contradicts,
        distance=distance,
        agreeing=agreeing,
        windows=state.windows + 1,
        covered=state.covered + inside,
    )
