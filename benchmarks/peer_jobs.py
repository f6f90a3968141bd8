"""The default drift job of each peer, run in its own environment: `peer_jobs.py PEER SECONDS REFERENCE CURRENT ...`.

For each pair of Parquet files, as long as the seconds last, one line tells the columns that the peer says have drifted.
Numbers and strings are told apart for the peers that would otherwise guess; everything else is left as they have it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from time import monotonic
from typing import Any, TypeAlias

import pandas as pd

Frame: TypeAlias = Any
"""A pandas.DataFrame."""

LEVEL = 0.05


def main(peer: str, seconds: float, *paths: str) -> None:
    """Compare pair after pair."""
    start = monotonic()
    for reference, current in zip(paths[::2], paths[1::2], strict=True):
        if monotonic() - start > seconds:
            break
        # What the peers themselves print goes elsewhere.
        with redirect_stdout(sys.stderr):
            drifted = JOBS[peer](pd.read_parquet(reference), pd.read_parquet(current))
        print(json.dumps(drifted), flush=True)


def evidently(reference: Frame, current: Frame) -> list[str]:
    """The drift preset; its choice of test by type and number of rows."""
    from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
    from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]

    numbers, strings = columns(reference)
    known = DataDefinition(numerical_columns=numbers, categorical_columns=strings)
    data = [Dataset.from_pandas(frame, data_definition=known) for frame in (current, reference)]
    snapshot = Report([DataDriftPreset()]).run(*data)
    found = []
    for metric in snapshot.dict()["metrics"]:
        told = metric["config"]
        if told["type"].endswith(":ValueDrift"):
            # Distances drift upwards, p-values downwards.
            value, limit = float(metric["value"]), told["threshold"]
            if value < limit if "p_value" in told["method"] else value >= limit:
                found.append(told["column"])
    return found


def nannyml(reference: Frame, current: Frame) -> list[str]:
    """Jensen-Shannon distances; ten chunks of a long table, and a short window as one chunk beside chunks of its size."""
    from nannyml import UnivariateDriftCalculator

    names = list(reference.columns)
    chunks: dict[str, int] = {} if len(current) > 100_000 else {"chunk_size": len(current)}
    result = UnivariateDriftCalculator(column_names=names, **chunks).fit(reference).calculate(current)
    frame = result.filter(period="analysis").to_df()
    return [name for name in names if frame[name].xs("alert", axis=1, level=1).to_numpy().any()]


def deepchecks(reference: Frame, current: Frame) -> list[str]:
    """The feature drift check with the limits of its condition."""
    from deepchecks.tabular import Dataset  # type: ignore[import-not-found]
    from deepchecks.tabular.checks import FeatureDrift  # type: ignore[import-not-found]

    strings = columns(reference)[1]
    data = [Dataset(frame, cat_features=strings) for frame in (reference, current)]
    limit = 0.2
    value = FeatureDrift().run(*data).value
    return [name for name, told in value.items() if (told["Drift score"] or 0) >= limit]


def alibi_detect(reference: Frame, current: Frame) -> list[str]:
    """Tests of each feature with a Bonferroni correction.

    It takes one array of numbers without missing values, so strings are coded and missing values get the reference's median.
    """
    import numpy as np
    from alibi_detect.cd import TabularDrift  # type: ignore[import-not-found]

    numbers, strings = columns(reference)
    frames = [reference.copy(), current.copy()]
    for name in numbers:
        middle = reference[name].median()
        frames = [frame.assign(**{name: frame[name].fillna(middle)}) for frame in frames]
    for name in strings:
        codes, _ = pd.factorize(pd.concat([frame[name].astype(str) for frame in frames]))
        frames[0][name], frames[1][name] = np.split(codes.astype(float), [len(reference)])
    places = [reference.columns.get_loc(name) for name in strings]
    arrays = [frame.to_numpy(dtype=float) for frame in frames]
    detector = TabularDrift(arrays[0], p_val=LEVEL, categories_per_feature=dict.fromkeys(places))
    data = detector.predict(arrays[1])["data"]
    return [name for name, p in zip(reference.columns, data["p_val"], strict=True) if p < data["threshold"]]


def whylogs(reference: Frame, current: Frame) -> list[str]:
    """Profiles of both tables, and the scores that it computes from them."""
    import whylogs as why  # type: ignore[import-not-found]
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores  # type: ignore[import-not-found]

    views = [why.log(pandas=frame).profile().view() for frame in (current, reference)]
    scores = calculate_drift_scores(target_view=views[0], reference_view=views[1], with_thresholds=True)
    return [name for name, told in scores.items() if told and told["drift_category"] == "DRIFT"]


def scipy(reference: Frame, current: Frame) -> list[str]:
    """A plain loop: Kolmogorov-Smirnov or chi-square on what is not missing, Bonferroni."""
    from scipy.stats import chi2_contingency, ks_2samp

    numbers, strings = columns(reference)
    p_values = {name: ks_2samp(reference[name].dropna(), current[name].dropna()).pvalue for name in numbers}
    for name in strings:
        counts = [frame[name].value_counts() for frame in (reference, current)]
        p_values[name] = chi2_contingency(pd.concat(counts, axis=1).fillna(0).to_numpy()).pvalue
    return [name for name, p in p_values.items() if p < LEVEL / len(p_values)]


def columns(frame: Frame) -> tuple[list[str], list[str]]:
    """Names of the columns of numbers, and of the others."""
    numbers = list(frame.select_dtypes("number").columns)
    return numbers, [name for name in frame.columns if name not in numbers]


JOBS: dict[str, Callable[[Frame, Frame], list[str]]] = {
    "evidently": evidently,
    "nannyml": nannyml,
    "deepchecks": deepchecks,
    "alibi-detect": alibi_detect,
    "whylogs": whylogs,
    "scipy": scipy,
}


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:])
