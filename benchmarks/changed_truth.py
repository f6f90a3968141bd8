"""Why no estimate is right in the second half of car loan: its truth follows its features otherwise than in the reference.

An estimate without labels supposes that only inputs move. Shown here: how far off both estimators are in either half, that the
second half's truth is another even where its inputs are those of the reference, and how they compare where the inputs move as
they do there, and the truth follows them as it did: on rows of the reference, drawn to look like that half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bars import Bar, Effort, for_information
from estimate_worlds import LOAN, Rows, World, car_loan
from monitoring_estimates import METRICS, cells_of, nannyml, ratio
from peers import PEERS, installed
from real_files import not_measured

Array: TypeAlias = NDArray[np.float64]

SIZE, WINDOWS = 5_000, 40
SPLITS = 4
MOST = 20.0
"""Weight of a row at most, times the mean: few rows may not stand for all."""
ALIKE = 2.0
"""Inputs are alike where they are at most so many times as frequent in one part as in the other."""


def halves(_: Effort) -> Iterator[Bar]:
    """Both halves of car loan beside each other."""
    if not LOAN[0].exists():
        yield not_measured(LOAN[0], "Car loan by halves")
        return
    python = installed("NannyML", [*PEERS["NannyML"], "pyarrow"])
    loan = car_loan()
    middle = len(loan.rows.score) // 2
    name = "Car loan", SIZE
    alone = replace(loan, windows={name: loan.windows[name]})
    (cell,) = cells_of(alone, nannyml(python, alone))
    late = alone.windows[name][:, 0] >= middle
    mine, theirs = (np.abs(told - cell.realised) for told in (cell.mine, cell.theirs))
    for place, part in (("first", ~late), ("second", late)):
        yield for_information(f"Car loan, {SIZE:,}, {place} half: {WHAT}", told_of(ratio(mine[part], theirs[part])))
    frame = inputs([loan.reference, loan.rows])
    reference, second = np.arange(len(loan.reference.score)), len(loan.reference.score) + np.arange(middle, 2 * middle)
    odds = frequency(frame, reference, second)
    truth = np.concatenate([loan.reference.truth, loan.rows.truth])
    near = (odds < ALIKE) & (odds > 1 / ALIKE)
    for place, own, other in (("second half", second, reference), ("reference", reference, second)):
        alike = own[near[own]]
        held = loss(frame, truth, own, own)[near[own]]
        moved = loss(frame, truth, other, alike)
        told = f"{held.mean():.3f} and {moved.mean():.3f}, {len(alike):,} rows"
        yield for_information(
            f"Car loan, {place}, rows with inputs alike in both: log loss of LightGBM, {FITTED}", told
        )
    ratios = []
    for seed in range(SPLITS):
        world = drawn_like(loan.reference, np.minimum(odds[reference], MOST), seed)
        (cell,) = cells_of(world, nannyml(python, world))
        ratios.append(np.log(ratio(np.abs(cell.mine - cell.realised), np.abs(cell.theirs - cell.realised))))
    setting = f"Rows of its reference, drawn with the inputs of the second half, {SIZE:,}: {WHAT}"
    yield for_information(setting, told_of(np.exp(np.mean(ratios, axis=0))))


WHAT = f"error, times NannyML's CBPE ({' / '.join(METRICS)})"
FITTED = "fitted on other rows of this part, and on the other part"


def told_of(ratios: Array) -> str:
    """Four figures for people."""
    return " / ".join(f"{one:.2f}" for one in ratios)


def drawn_like(rows: Rows, likely: Array, seed: int) -> World:
    """A random half of the rows as the reference, and windows of the other, drawn with these chances."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(rows.score))
    known, rest = (np.sort(part) for part in np.array_split(order, 2))
    chance = likely[rest] / likely[rest].sum()
    windows = np.stack([random.choice(len(rest), SIZE, p=chance) for _ in range(WINDOWS)])
    return World(
        reference=rows.take(known),
        rows=rows.take(rest),
        threshold=0.5,
        ordered=True,
        windows={("Drawn", SIZE): windows},
        shifts={"Drawn": None},
    )


def inputs(parts: list[Rows]) -> Any:
    """Features and scores of all the parts' rows, as LightGBM takes them."""
    import pandas as pd

    frame = pd.concat([part.features.to_pandas() for part in parts], ignore_index=True)
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    frame[texts] = frame[texts].astype("category")
    return frame.assign(score=np.concatenate([part.score for part in parts]))


def frequency(frame: Any, here: NDArray[np.intp], there: NDArray[np.intp]) -> Array:
    """How many times as frequent rows of both parts are there as here, out of fold, mean 1 over the rows here; 0 for other rows.

    Source: Bickel, Brueckner & Scheffer, *Discriminative learning under covariate shift*, JMLR 10 (2009).
    """
    rows = np.concatenate([here, there])
    chance = out_of_fold(frame.iloc[rows], np.arange(len(rows)) >= len(here))
    found = np.zeros(len(frame))
    found[rows] = chance / (1 - chance)
    found /= found[here].mean()
    return found


def loss(frame: Any, truth: NDArray[np.bool_], fitted: NDArray[np.intp], rows: NDArray[np.intp]) -> Array:
    """Log loss of rows by what is fitted on some: on the same out of fold."""
    if fitted is rows:
        chance = out_of_fold(frame.iloc[rows], truth[rows])
    else:
        chance = boosted().fit(frame.iloc[fitted], truth[fitted]).predict_proba(frame.iloc[rows])[:, 1]
    return np.asarray(-np.log(np.where(truth[rows], chance, 1 - chance)))


def out_of_fold(frame: Any, truth: NDArray[np.bool_]) -> Array:
    """Probabilities of rows by what was fitted on the others."""
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(5, shuffle=True, random_state=0)
    return np.asarray(cross_val_predict(boosted(), frame, truth, cv=folds, method="predict_proba")[:, 1])


def boosted() -> Any:
    """Enough for seven features."""
    import lightgbm

    return lightgbm.LGBMClassifier(
        n_estimators=300,
        learning_rate=0.03,
        num_leaves=15,
        min_child_samples=50,
        verbosity=-1,
        n_jobs=1,
        random_state=0,
    )
