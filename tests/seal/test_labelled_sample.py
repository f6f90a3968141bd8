"""The sealed sample of labelled rows: what it stands for, and that a release without it still loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from holdfast.evaluation.support import impersonal
from holdfast.gate.evaluation import Evaluation
from holdfast.objective import value
from holdfast.released import load_release
from holdfast.releases.folder import SealedFolder, erase, open_release
from holdfast.releases.store import open_store
from holdfast.seal.history import load_labelled
from holdfast.seal.labelled_sample import LABELLED, LabelledSample, from_table, stratified, to_table
from holdfast.testing.releases import seal_small

from .conftest import copied


def test_a_small_history_is_in_it_whole(sealed: SealedFolder, evaluation: Evaluation) -> None:
    sample, parts = load_labelled(sealed), evaluation.parts
    assert sample is not None
    np.testing.assert_array_equal(sample.truth, np.concatenate([parts.validation.truth, parts.test.truth]))
    np.testing.assert_array_equal(sample.score, np.concatenate([evaluation.scores.validation, evaluation.scores.test]))
    assert sample.rows.select(["amount", "country"]).equals(
        pa.concat_tables([parts.validation.features, parts.test.features]).select(["amount", "country"])
    )
    assert sample.rows["email"].null_count == len(sample)
    assert "region" in sample.rows.column_names
    assert "payment" not in sample.rows.column_names
    assert (sample.weight == 1).all()


def test_the_objective_has_its_value_on_it(sealed: SealedFolder, evaluation: Evaluation) -> None:
    """Costs of columns come with it: the release's answers cost on it what they cost on the parts."""
    sample, released = load_labelled(sealed), load_release(sealed)
    assert sample is not None
    score = released.model.predict(sample.rows)
    answer = released.decide(score, sample.rows, sample.columns).decision
    total = 0.0
    for part in (evaluation.parts.validation, evaluation.parts.test):
        known = impersonal(part.features, evaluation.schema)
        own = released.model.predict(known)
        judged = part.judged(own, released.decide(own, known, part.columns).decision)
        total += value(released.objective, judged) * len(part)
    assert value(released.objective, sample.judged(score, answer)) == pytest.approx(total / len(sample))


def test_erasure_and_older_releases_leave_none(sealed: SealedFolder, tmp_path: Path) -> None:
    path = copied(sealed, tmp_path)
    erase(path, LABELLED, author="a", reason="asked by a customer")
    assert load_labelled(open_release(path)) is None
    assert load_labelled(seal_small(open_store(tmp_path / "small"))) is None


def test_each_cell_is_drawn_from_and_weighed() -> None:
    """A rare cell is kept whole; the weights sum to the rows of every cell, and are even within it."""
    cells = np.repeat([0, 1, 2], [7, 30_000, 2_500])
    places, weight = stratified(cells, seed=3)
    assert np.bincount(cells[places]).tolist() == [7, 1_000, 1_000]
    np.testing.assert_allclose(np.bincount(cells[places], weight), [7, 30_000, 2_500])
    assert (np.diff(places) > 0).all()
    np.testing.assert_array_equal(places, stratified(cells, seed=3)[0])
    assert not np.array_equal(places, stratified(cells, seed=4)[0])


def test_many_cells_share_the_rows() -> None:
    places, weight = stratified(np.arange(200_000) % 100, seed=0)
    assert (len(places), weight.sum()) == (20_000, 200_000)


def test_probabilities_of_several_classes_and_times_come_back() -> None:
    sample = LabelledSample(
        rows=pa.table({"x": [1.0, None]}),
        truth=np.array([2, 0]),
        score=np.array([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]]),
        weight=np.array([1.0, 3.0]),
        columns={"amount": np.array([5.0, 6.0])},
        time=np.array([10.0, 20.0]),
    )
    again = from_table(to_table(sample))
    assert again.rows.equals(sample.rows)
    for name in ("truth", "score", "weight", "time"):
        np.testing.assert_array_equal(getattr(again, name), getattr(sample, name))
    np.testing.assert_array_equal(again.columns["amount"], [5.0, 6.0])
