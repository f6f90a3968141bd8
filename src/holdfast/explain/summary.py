"""The whole explanation of a model on a sample of stated size: what matters, in which direction, how, and with what."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta
from numpy.typing import NDArray

from holdfast.evidence import Dependence, Estimate, Importance, Interaction
from holdfast.explain.aggregates import Example, directions, examples, shapley_shares
from holdfast.explain.dependence import can_depend, dependence
from holdfast.explain.interactions import interactions
from holdfast.explain.mixing import Predict, typed_like
from holdfast.explain.permutation import permutation_importance
from holdfast.explain.sample import Population, sample
from holdfast.explain.shapley import Contributions, Scale, contributions
from holdfast.names import no_such_column


class Effort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rows and draws an explanation takes: its cost is theirs, however many rows there are.

    Attributes
    ----------
    permutation_rows, permutations
        Rows of each part that are shuffled, and how often.
    shapley_rows, pairs
        Rows whose contributions are computed, and (where they are sampled) the pairs of orders drawn for each.
    background_rows
        Rows at most that stand for "not known", and that dependence is averaged over.
    interacting
        Most important features whose pairs are asked for interactions.
    curves, points, single
        Most important features with a dependence, its points, and the rows whose own curves are kept.
    examples
        Rows whose contributions are kept, evenly spaced from the lowest to the highest score.
    """

    permutation_rows: Annotated[int, Meta(ge=2)] = 2_000
    permutations: Annotated[int, Meta(ge=1)] = 5
    shapley_rows: Annotated[int, Meta(ge=2)] = 500
    pairs: Annotated[int, Meta(ge=2)] = 10
    background_rows: Annotated[int, Meta(ge=1)] = 200
    interacting: Annotated[int, Meta(ge=0)] = 5
    curves: Annotated[int, Meta(ge=0)] = 6
    points: Annotated[int, Meta(ge=2)] = 20
    single: Annotated[int, Meta(ge=0)] = 20
    examples: Annotated[int, Meta(ge=0)] = 5


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's scores rest on.

    Attributes
    ----------
    importances
        Of every feature, most important first: by its Shapley share.
    interactions
        Of the pairs of the most important features, strongest first.
    dependences
        Of the most important features, one for each class.
    base
        What a score is when nothing is known, on the `scale`; one number for each class.
    scale, method
        As of `Contributions`.
    permutation_rows, sample_rows, background_rows
        Rows that the permutations, the contributions, and what is not known rest on.
    local
        Contributions to single rows, from the lowest to the highest score.
    """

    importances: tuple[Importance, ...]
    interactions: tuple[Interaction, ...] = ()
    dependences: tuple[Dependence, ...] = ()
    base: tuple[float, ...]
    scale: Scale
    method: Literal["sampling", "interventional", "path-dependent"]
    permutation_rows: int
    sample_rows: int
    background_rows: int
    local: tuple[Example, ...] = ()


def explanation(
    predict: Predict,
    population: Population,
    background: pa.Table,
    *,
    better: Literal["lower", "higher"] = "lower",
    unit: str = "",
    train: Population | None = None,
    features: Sequence[str] | None = None,
    exact: Callable[[pa.Table], Contributions] | None = None,
    classes: Sequence[str] = (),
    effort: Effort | None = None,
    seed: int = 0,
) -> Explanation:
    """Explain a model: importance for the objective and for the score, interactions, dependence, single rows.

    Parameters
    ----------
    predict
        The model.
    population
        Rows that it was not fitted on, with the objective.
    background
        Rows that stand for "not known", such as the training rows; a sample of them is used.
    better, unit
        Whether the objective is better when lower or when higher, and its unit.
    train
        The rows that it was fitted on: an importance that is much larger there is learned by heart.
    features
        Columns that are explained and that the model is given; all by default.
    exact
        Contributions of rows that the model's own library computes, such as `lightgbm_contributions`; sampled for None.
    classes
        Names of the K classes of the scores.
    effort
        How many rows and draws it takes.
    seed
        Seed of everything that is drawn.

    Returns
    -------
    Explanation
        With no value of a row but the points of the dependences.

    Raises
    ------
    InputError
        If there are fewer than two rows, the background is empty, or weights or strata do not fit the rows.
    SettingError
        If a feature is no column of the rows or of the background.
    ModelError
        If a score is not finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = pa.table({"amount": rng.normal(size=400), "unused": rng.normal(size=400)})
    >>> truth = rows["amount"].to_numpy() > 0
    >>> population = Population(rows=rows, per_row=lambda scores, at: (scores - truth[at]) ** 2)
    >>> found = explanation(lambda table: 1 / (1 + np.exp(-table["amount"].to_numpy())), population, rows)
    >>> [(one.feature, one.shapley) for one in found.importances]
    [('amount', 1.0), ('unused', 0.0)]
    """
    effort = effort or Effort()
    features = list(features or population.rows.column_names)
    at, weight = sample(population, effort.shapley_rows, seed)
    some = np.random.default_rng([seed, 0]).permutation(background.num_rows)[: effort.background_rows]
    rows = _taken(population.rows, features, at, "the table of features")
    background = _taken(background, features, some, "the background")
    rows = typed_like(rows, background)
    parts = exact(rows) if exact else contributions(predict, rows, background, pairs=effort.pairs, seed=seed)
    share, direction = shapley_shares(parts, weight), directions(parts, rows)
    worth = _permuted(predict, population, features, better, unit, effort, seed)
    worth_train = _permuted(predict, train, features, better, unit, effort, seed) if train else {}
    ranked = sorted(features, key=lambda name: -share[name])
    pairs = list(itertools.combinations([name for name in ranked[: effort.interacting] if share[name] > 0], 2))
    curves = [name for name in ranked if can_depend(background, name)][: effort.curves]
    return Explanation(
        importances=tuple(
            Importance(
                feature=name,
                permutation=worth[name],
                permutation_train=worth_train.get(name),
                shapley=share[name],
                direction=direction[name],
            )
            for name in ranked
        ),
        interactions=tuple(interactions(predict, rows, background, pairs, weight=weight, seed=seed)),
        dependences=tuple(
            itertools.chain.from_iterable(
                dependence(predict, background, name, points=effort.points, single=effort.single, classes=classes)
                for name in curves
            )
        ),
        base=tuple(np.atleast_1d(parts.base).tolist()),
        scale=parts.scale,
        method=parts.method,
        permutation_rows=worth[ranked[0]].rows,
        sample_rows=len(at),
        background_rows=len(some),
        local=examples(parts, at, effort.examples, classes),
    )


def _taken(rows: pa.Table, features: Sequence[str], at: NDArray[np.intp], what: str) -> pa.Table:
    for name in features:
        if name not in rows.column_names:
            raise no_such_column(name, rows.column_names, what)
    return rows.select(features).take(pa.array(at))


def _permuted(
    predict: Predict,
    population: Population,
    features: Sequence[str],
    better: Literal["lower", "higher"],
    unit: str,
    effort: Effort,
    seed: int,
) -> Mapping[str, Estimate]:
    at, weight = sample(population, effort.permutation_rows, seed)
    return permutation_importance(
        predict,
        _taken(population.rows, features, at, "the table of features"),
        lambda found: population.per_row(found, at),
        better=better,
        weight=weight,
        permutations=effort.permutations,
        seed=seed,
        unit=unit,
    )
