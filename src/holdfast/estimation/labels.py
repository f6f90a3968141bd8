"""The share of positive rows, where the truth is not known, if only the proportions of the labels have changed.

The estimate of `estimates` supposes that the truth still depends on score and features as it did (covariate shift); this
one supposes that positive and negative rows each look as they did (label shift). Where the two differ, one is wrong.
"""

from __future__ import annotations

import numpy as np

from holdfast.estimation.estimates import Estimated, unknown
from holdfast.estimation.fitted import Fitted
from holdfast.estimation.parts import EDGES
from holdfast.estimation.table import ExpectedTable
from holdfast.evidence import Estimate
from holdfast.stats import calibration
from holdfast.stats.calibration import Calibration
from holdfast.stats.label_shift import covariance_of_em, proportions_by_em


def label_share(fitted: Fitted, table: ExpectedTable, *, level: float = 0.95) -> Estimated:
    """Share of positive rows under label shift, with an interval for the share that the rows come from.

    Its error is that of the choice of the rows, and that of the calibration (the delete-a-group jackknife).

    Parameters
    ----------
    fitted
        As sealed.
    table
        What is expected of the window; only the scores are read.

    Source: `stats.label_shift`.
    """
    from scipy.special import ndtri

    rows, shift = table.rows, fitted.label_shift
    reason = "the reference has rows of one label only" if shift is None else unknown(fitted, None, rows)
    if reason or shift is None:
        return Estimated(estimate=Estimate(value=None, level=level, rows=rows), status="unknown", reason=reason)
    prior = [1 - shift.prior, shift.prior]
    used = table.ranked.rows > 0
    weight = table.ranked.rows[used].astype(np.float64)
    middles = ((EDGES.starts + np.append(EDGES.starts[1:], 1.0)) / 2)[used]

    def probabilities(curve: Calibration) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        positive = calibration.apply(curve, middles)
        return np.stack([1 - positive, positive], axis=1)

    found = proportions_by_em(probabilities(shift.curve), prior, weight)
    variance = covariance_of_em(probabilities(shift.curve), prior, found, weight)[1, 1]
    members = np.array([proportions_by_em(probabilities(curve), prior, weight)[1] for curve in shift.members])
    if len(members):
        variance += (len(members) - 1) / len(members) * ((members - members.mean()) ** 2).sum()
    deviation = float(np.sqrt(variance))
    half = float(ndtri((1 + level) / 2)) * deviation
    share = float(found[1])
    return Estimated(
        estimate=Estimate(
            value=share, low=max(share - half, 0.0), high=min(share + half, 1.0), level=level, unit="share", rows=rows
        ),
        deviation=deviation,
    )
