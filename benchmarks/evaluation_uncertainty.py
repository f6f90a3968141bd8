"""Do conformal intervals cover as often as they promise, and do guarantees of the selective risk hold?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from bars import Bar, Effort, at_least, often, within
from holdfast.stats.conformal import coverage, fit, interval
from holdfast.stats.prediction_sets import fit as fit_sets
from holdfast.stats.prediction_sets import sets
from holdfast.stats.selective import guarantee
from real_files import ADULT, not_measured
from simulate import simulated

ROWS, LEVEL = 2_000, 0.9
QUANTILE = "true coverage"


def uncertainty(effort: Effort) -> Iterator[Bar]:
    """Intervals and sets, then guarantees: on a stream whose risk is known, and on Adult."""
    times = {"quick": 0.2, "usual": 1, "thorough": 5}[effort]
    yield from conformal(int(200 * times))
    yield from stream(int(500 * times))
    if ADULT.exists():
        yield from adult(int(100 * times))
    else:
        yield not_measured(ADULT, "Adult, mean coverage at the guaranteed risk")


def conformal(runs: int) -> Iterator[Bar]:
    """Coverage of new rows over runs: its mean, and its spread beside the Beta law's."""
    k = math.ceil((ROWS + 1) * LEVEL - 1e-9)
    mean = k / (ROWS + 1)
    # The coverage given the calibration rows is Beta(k, n + 1 - k); counting it on new rows adds binomial noise.
    law = mean * (1 - mean) / (ROWS + 2)
    counted = law + (mean * (1 - mean) - law) / ROWS
    found = simulated(covered, range(runs))
    for kind in found[0]:
        shares = [run[kind] for run in found]
        setting = f"{kind}, {ROWS:,} rows to calibrate, {runs:,} runs"
        yield within(f"{setting}: mean coverage", float(np.mean(shares)), mean, 0.0025, 4)
        ratio = float(np.std(shares, ddof=1)) / math.sqrt(law if kind == QUANTILE else counted)
        words = "the Beta law's" if kind == QUANTILE else f"the Beta law's with {ROWS:,} test rows"
        yield within(f"{setting}: deviation over runs / {words}", ratio, 1, 0.2, 2)


def covered(run: int) -> dict[str, float]:
    """Share of new rows that each kind of interval or set covers."""
    rng = np.random.default_rng([1, run])
    # Of residuals that are uniform on 0 to 1, the quantile is the coverage itself.
    shares = {QUANTILE: fit(rng.random(ROWS), np.zeros(ROWS), level=LEVEL).quantile or math.inf}
    x = rng.uniform(1, 3, 2 * ROWS)
    truth = x + x * rng.standard_t(4, 2 * ROWS)
    old, new = slice(ROWS), slice(ROWS, None)
    band = np.column_stack([0.5 * x, 2 * x])
    for kind, prediction, sigma in (("absolute", x, None), ("normalised", x, x), ("quantile", band, None)):
        scales = (None, None) if sigma is None else (sigma[old], sigma[new])
        fitted = fit(truth[old], prediction[old], level=LEVEL, sigma=scales[0])
        low, high = interval(fitted, prediction[new], sigma=scales[1])
        inside = (low <= truth[new]) & (truth[new] <= high)
        shares[f"{kind} interval"] = float(coverage(inside, high - low).share[0])
    p = rng.dirichlet(np.ones(4), 2 * ROWS)
    label = (rng.random((2 * ROWS, 1)) > np.cumsum(p, axis=1)).sum(axis=1).clip(max=3)
    uniform = rng.random(2 * ROWS)
    lac = sets(fit_sets(p[old], label[old], level=LEVEL), p[new])
    fitted_aps = fit_sets(p[old], label[old], method="aps", level=LEVEL, uniform=uniform[old])
    aps = sets(fitted_aps, p[new], uniform=uniform[new])
    for kind, held in (("LAC", lac), ("APS", aps)):
        shares[f"{kind} sets"] = float(held[np.arange(ROWS), label[new]].mean())
    return shares


def stream(runs: int) -> Iterator[Bar]:
    """Confidence uniform, error 0.25 exp(-4 c): the guarantee against the true risk, 5,000 calibration rows, delta 0.05."""
    for risk, least, oracle in ((0.02, 0.30, 0.62), (0.05, 0.80, 0.93)):
        shares, held = [], 0
        for run in range(runs):
            rng = np.random.default_rng([2, run])
            confidence = rng.random(5_000)
            found = guarantee(confidence, rng.random(5_000) < 0.25 * np.exp(-4 * confidence), risk)
            shares.append(1 - found.threshold if found else 0.0)
            held += found is None or stream_risk(found.threshold) <= risk
        setting = f"risk {risk:.0%} guaranteed with 95%, 5,000 rows to calibrate"
        yield often(f"{setting}: it holds", held, runs, 0.95)
        yield at_least(f"{setting}: mean coverage", float(np.mean(shares)), least, 3, f" (oracle: {oracle})")


def stream_risk(threshold: float) -> float:
    """True share of errors above a confidence."""
    return 0.25 * (math.exp(-4 * threshold) - math.exp(-4)) / 4 / (1 - threshold)


def adult(runs: int) -> Iterator[Bar]:
    """Census income, gradient boosting near its defaults: 10,000 test rows calibrate, the other 6,281 judge."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    table = pd.read_parquet(ADULT)
    truth = table["class"].str.contains(">50").to_numpy(dtype=bool)
    features = table.drop(columns=["class", "split"])
    for name in features.select_dtypes(exclude="number"):
        features[name] = features[name].astype("category")
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    model.fit(features[:32_561], truth[:32_561])
    score = model.predict_proba(features[32_561:])[:, 1]
    confidence, wrong = np.maximum(score, 1 - score), (score >= 0.5) != truth[32_561:]
    for risk, least in ((0.02, 0.53), (0.03, 0.61), (0.05, 0.69), (0.08, 0.81)):
        shares = []
        for run in range(runs):
            order = np.random.default_rng([3, run]).permutation(len(wrong))
            found = guarantee(confidence[order[:10_000]], wrong[order[:10_000]], risk)
            shares.append(float((confidence[order[10_000:]] >= found.threshold).mean()) if found else 0.0)
        setting = f"Adult, risk {risk:.0%} guaranteed with 95%, 10,000 rows to calibrate"
        yield at_least(f"{setting}: mean coverage", float(np.mean(shares)), least, 3, f" ({runs:,} splits)")
