"""Do conformal intervals cover, do guarantees of the selective risk hold? Prints a table of what was asked and what came.

python benchmarks/evaluation_uncertainty.py [--quick]
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from holdfast.stats.conformal import coverage, fit, interval
from holdfast.stats.prediction_sets import fit as fit_sets
from holdfast.stats.prediction_sets import sets
from holdfast.stats.selective import guarantee

Row = tuple[str, str, str, bool]
"""What was measured, the bar, the figure, and whether it meets the bar."""

ROWS, LEVEL = 2_000, 0.9
DATA = Path(os.environ.get("HOLDFAST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def conformal_coverage(runs: int) -> Iterator[Row]:
    """Coverage of new rows over runs: its mean, and its spread beside the Beta law's."""
    k = math.ceil((ROWS + 1) * LEVEL - 1e-9)
    mean = k / (ROWS + 1)
    # The coverage given the calibration rows is Beta(k, n + 1 - k); counting it on new rows adds binomial noise.
    law = mean * (1 - mean) / (ROWS + 2)
    spread = math.sqrt(law + (mean * (1 - mean) - law) / ROWS)
    shares: dict[str, list[float]] = {kind: [] for kind in ("absolute", "normalised", "quantile", "LAC", "APS")}
    exact = []
    for run in range(runs):
        rng = np.random.default_rng([1, run])
        # Of residuals that are uniform on 0 to 1, the quantile is the coverage itself.
        exact.append(fit(rng.random(ROWS), np.zeros(ROWS), level=LEVEL).quantile or math.inf)
        x = rng.uniform(1, 3, 2 * ROWS)
        truth = x + x * rng.standard_t(4, 2 * ROWS)
        old, new = slice(ROWS), slice(ROWS, None)
        band = np.column_stack([0.5 * x, 2 * x])
        for kind, prediction, sigma in (("absolute", x, None), ("normalised", x, x), ("quantile", band, None)):
            scales = (None, None) if sigma is None else (sigma[old], sigma[new])
            conformal = fit(truth[old], prediction[old], level=LEVEL, sigma=scales[0])
            low, high = interval(conformal, prediction[new], sigma=scales[1])
            inside = (low <= truth[new]) & (truth[new] <= high)
            shares[kind].append(float(coverage(inside, high - low).share[0]))
        p = rng.dirichlet(np.ones(4), 2 * ROWS)
        label = (rng.random((2 * ROWS, 1)) > np.cumsum(p, axis=1)).sum(axis=1).clip(max=3)
        uniform = rng.random(2 * ROWS)
        lac = sets(fit_sets(p[old], label[old], level=LEVEL), p[new])
        aps = sets(
            fit_sets(p[old], label[old], method="aps", level=LEVEL, uniform=uniform[old]), p[new], uniform=uniform[new]
        )
        for kind, held in (("LAC", lac), ("APS", aps)):
            shares[kind].append(float(held[np.arange(ROWS), label[new]].mean()))
    ratio = float(np.std(exact, ddof=1)) / math.sqrt(law)
    yield "true coverage: sd / Beta law's", "0.8 to 1.2", f"{ratio:.2f}", 0.8 <= ratio <= 1.2
    for kind, found in shares.items():
        off, ratio = float(np.mean(found)) - mean, float(np.std(found, ddof=1)) / spread
        yield f"{kind}: mean coverage", f"{mean:.4f} +- 0.0025", f"{np.mean(found):.4f}", abs(off) <= 0.0025
        yield f"{kind}: sd / law with test noise", "0.8 to 1.2", f"{ratio:.2f}", 0.8 <= ratio <= 1.2


def selective_stream(runs: int) -> Iterator[Row]:
    """Confidence uniform, error 0.25 exp(-4 c): the guarantee against the true risk, 5,000 calibration rows, delta 0.05."""
    for risk, least, oracle in ((0.02, 0.30, 0.62), (0.05, 0.80, 0.93)):
        held, covered = [], []
        for run in range(runs):
            rng = np.random.default_rng([2, run])
            confidence = rng.random(5_000)
            found = guarantee(confidence, rng.random(5_000) < 0.25 * np.exp(-4 * confidence), risk)
            covered.append(1 - found.threshold if found else 0.0)
            held.append(found is None or _stream_risk(found.threshold) <= risk)
        yield f"stream, risk {risk}: holds", ">= 0.95", f"{np.mean(held):.3f}", bool(np.mean(held) >= 0.95)
        bar = f">= {least:.2f} (oracle {oracle})"
        yield f"stream, risk {risk}: coverage", bar, f"{np.mean(covered):.3f}", bool(np.mean(covered) >= least)


def _stream_risk(threshold: float) -> float:
    return 0.25 * (math.exp(-4 * threshold) - math.exp(-4)) / 4 / (1 - threshold)


def selective_adult(runs: int) -> Iterator[Row]:
    """Census income, gradient boosting near its defaults: 10,000 test rows calibrate, the other 6,281 judge."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    table = pd.read_parquet(DATA / "adult.parquet")
    truth = table["class"].str.contains(">50").to_numpy(dtype=bool)
    features = table.drop(columns=["class", "split"])
    for name in features.select_dtypes(exclude="number"):
        features[name] = features[name].astype("category")
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    model.fit(features[:32_561], truth[:32_561])
    score = model.predict_proba(features[32_561:])[:, 1]
    confidence, wrong = np.maximum(score, 1 - score), (score >= 0.5) != truth[32_561:]
    for risk, least in ((0.02, 0.53), (0.03, 0.61), (0.05, 0.69), (0.08, 0.81)):
        covered = []
        for run in range(runs):
            order = np.random.default_rng([3, run]).permutation(len(wrong))
            found = guarantee(confidence[order[:10_000]], wrong[order[:10_000]], risk)
            covered.append(float((confidence[order[10_000:]] >= found.threshold).mean()) if found else 0.0)
        yield (
            f"Adult, risk {risk}: coverage",
            f">= {least:.2f}",
            f"{np.mean(covered):.3f}",
            bool(np.mean(covered) >= least),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the runs")
    share = 5 if parser.parse_args().quick else 1
    rows = [*conformal_coverage(200 // share), *selective_stream(500 // share)]
    if (DATA / "adult.parquet").exists():
        rows += selective_adult(100 // share)
    print(f"{'':32} {'bar':>26} {'measured':>10}")
    for what, bar, figure, met in rows:
        print(f"{what:32} {bar:>26} {figure:>10}  {'met' if met else 'NOT MET'}")


if __name__ == "__main__":
    main()
