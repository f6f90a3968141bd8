"""Signals against the rows that they are made of."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest

from holdfast.config import Slices
from holdfast.incident import subject_of
from holdfast.kinds import Role
from holdfast.monitoring.counts.arrived import Arrived
from holdfast.monitoring.reference import Reference, protected_of, segments_of
from holdfast.monitoring.signals import (
    answer_signals,
    group_signals,
    history,
    input_signals,
    loss_signals,
    smallest_effects,
    truth_signals,
    volume_signal,
    watched_groups,
)
from holdfast.profile.group_names import group_name, group_title
from holdfast.profile.window import Counted, moments, nothing
from holdfast.report.monitoring_words import signal

CLASSES = ("fine", "card: lost", "card: stolen")


@pytest.fixture(scope="module")
def whole(reference: Reference) -> Counted:
    """All windows of the reference together."""
    windows = [one for _, one in reference.history]
    return sum(windows[1:], windows[0])


def test_the_reference_against_itself_has_not_moved(reference: Reference, whole: Counted) -> None:
    found = input_signals(reference, whole)
    moved = {key: one.value for key, one in found.items() if key.endswith((":location", ":spread"))}
    assert set(moved) == {f"column:{name}:{what}" for name in ("amount", "age") for what in ("location", "spread")}
    assert max(map(abs, moved.values())) < 1e-9


def test_signals_of_windows_scatter_as_their_deviations_say(reference: Reference) -> None:
    """Nothing changes in the reference: each signal, standardised, is about standard normal."""
    for key in ("column:amount:location", "column:age:location", "column:country:value:1"):
        seen = [(one[key].value, one[key].deviation) for _, one in history(reference)]
        values, deviations = np.array(seen).T
        z = (values - values.mean()) / deviations
        assert stats.kstest(z, "norm").pvalue > 0.001
        assert 0.7 < z.std() < 1.35


def test_shares_are_those_of_the_rows(reference: Reference) -> None:
    _, one = reference.history[-1]
    place = reference.profile.edges.places["country"]
    cells = one.inputs[place]
    found = input_signals(reference, one)
    assert found["column:country:missing"].value == cells[0] / cells.sum()
    assert found["column:country:new"].value == 0
    known = [key for key in found if key.startswith("column:country:value")]
    assert known == ["column:country:value:1"], "the last share follows from the others"
    answers = answer_signals(reference, one)
    assert answers["review:share"].value == one.reviews[0] / one.size
    assert answers["decision:yes"].value == one.decisions[1] / one.decisions.sum()


def test_a_share_of_nothing_has_the_noise_of_three_rows(reference: Reference) -> None:
    _, one = reference.history[-1]
    found = input_signals(reference, one)["column:amount:missing"]
    share = 3 / one.size
    assert (found.value, found.deviation) == (0.0, pytest.approx(np.sqrt(share * (1 - share) / one.size)))


@pytest.mark.parametrize("slope", [1.0, 0.6, -1.0])
def test_the_slope_falls_when_scores_tell_less_than_they_did(reference: Reference, slope: float) -> None:
    """Log odds of the truth are those of the scores times a slope, around the median: the mean stays about what it was."""
    rng, n = np.random.default_rng(3), 4_000
    cuts = np.array(reference.answers.cuts)
    odds = np.log(cuts / (1 - cuts))
    logit = rng.choice(odds, n)
    truth = (rng.random(n) < 1 / (1 + np.exp(-(np.median(odds) + slope * (logit - np.median(odds)))))).astype(float)
    score = 1 / (1 + np.exp(-logit))
    standing = reference.answers.standing(score)
    assert standing is not None
    arrived = Arrived(slopes=tuple(moments((truth - score) * standing).tolist()))
    found = loss_signals(reference, arrived)["calibration:slope"]
    limit = smallest_effects(reference, ["calibration:slope"])["calibration:slope"]
    if slope == 1.0:
        assert abs(found.value) < 3 * found.deviation
        assert abs(found.value) < limit
    else:
        assert found.value < -8 * found.deviation
        assert found.value < -limit
    # The expectation in closed form: what is left of each row's truth, times how high its score stands.
    expected = ((1 / (1 + np.exp(-(np.median(odds) + slope * (logit - np.median(odds))))) - score) * standing).mean()
    assert found.value == pytest.approx(expected, abs=4 * found.deviation)


def test_losses_have_the_standard_error_of_their_mean(reference: Reference) -> None:
    _, one = reference.history[-1]
    values = np.random.default_rng(0).gamma(2, 3, 200)
    found = truth_signals(reference, replace(one, losses=moments(100 * values)))["loss"]
    assert found.value == pytest.approx(100 * values.mean())
    assert found.deviation == pytest.approx(stats.sem(100 * values))


@pytest.mark.parametrize("labels", [2, 3, 50])
def test_losses_that_happen_to_be_alike_have_the_noise_of_the_reference(reference: Reference, labels: int) -> None:
    """Three labels without a loss say nothing: their own variance, which is zero, would be certain of it."""
    _, one = reference.history[-1]
    whole = reference.whole.losses
    found = truth_signals(reference, replace(one, losses=moments(np.zeros(labels))))["loss"]
    deviation = np.sqrt((whole[2] - whole[1] ** 2 / whole[0]) / (whole[0] - 1))
    assert (found.value, found.rows) == (0.0, labels)
    assert found.deviation == pytest.approx(deviation / np.sqrt(labels))


def test_intervals_of_one_width_may_move_a_little_with_each_revision(reference: Reference) -> None:
    """They have no variance at all: half of what matters would else be as certain as anything can be."""
    _, one = reference.history[-1]
    found = answer_signals(reference, replace(one, widths=moments(np.full(2_000, 40.0))))["interval:width"]
    assert (found.value, found.deviation, found.rows) == (40.0, 2.0, 2_000)


def test_rows_without_a_score_are_a_signal_and_those_of_the_history_are_not(reference: Reference) -> None:
    """Rows of the history that the model was fitted on have none, and make no signal."""
    _, one = reference.history[-1]
    scores = np.append(one.scores[:-1], 30)
    found = answer_signals(reference, replace(one, scores=scores))["score:missing"]
    assert found.value == 30 / (one.size + 30)
    own = [signals["score:missing"].value for _, signals in history(reference) if "score:missing" in signals]
    assert own == [0.0] * 24


def test_silence_is_as_certain_as_the_usual_number_of_rows(reference: Reference) -> None:
    sizes = [one.size for _, one in reference.history]
    found = volume_signal(reference, nothing(reference.profile.edges, reference.answers), 86_400.0)["volume"]
    assert (found.value, found.deviation) == (0.0, pytest.approx(np.mean(sizes) ** -0.5))


def protected(reference: Reference) -> Reference:
    """The reference, with a protected column."""
    columns = tuple(
        msgspec.structs.replace(column, role=Role.PROTECTED) if column.name == "region" else column
        for column in reference.schema.columns
    )
    return replace(reference, schema=msgspec.structs.replace(reference.schema, columns=columns))


def test_groups_are_held_against_everybody_else(reference: Reference) -> None:
    _, one = reference.history[-1]
    with_group = protected(reference)
    (group,) = {"region=north", "region=south"} - with_group.mirrored
    counted = replace(one, decisions=np.array([700, 300]))
    own = replace(one, decisions=np.array([250, 150]))
    found = group_signals(with_group, counted, {group: own})
    assert list(found) == [f"group:{group}:yes"]
    one_signal = found[f"group:{group}:yes"]
    assert one_signal.value == pytest.approx(150 / 400 - 150 / 600)
    z, _ = proportions_ztest([150, 150], [400, 600])
    assert one_signal.value / one_signal.deviation == pytest.approx(z)
    assert subject_of(f"group:{group}:yes") == (group, "groups")
    assert subject_of(f"fairness:{group}:true_positive_rate") == (group, "groups")


def test_classes_with_a_colon_in_their_names_leave_the_group_as_it_is(reference: Reference) -> None:
    _, one = reference.history[-1]
    with_group = protected(reference)
    (group,) = {"region=north", "region=south"} - with_group.mirrored
    several = replace(with_group, answers=msgspec.structs.replace(with_group.answers, classes=CLASSES))
    counted, own = (replace(one, decisions=np.array(shares)) for shares in ([700, 200, 100], [250, 100, 50]))
    found = group_signals(several, counted, {group: own})
    assert {subject_of(key) for key in found} == {(group, "groups")}
    assert [signal(key) for key in found][2] == f"Share of the answer card: stolen, gap of {group_title(group)}"


def test_a_feature_may_be_protected_too(reference: Reference) -> None:
    """What `slices.protected` names is watched, as it was before the release."""
    named = replace(reference, slices=Slices(protected=("country", "age")))
    assert segments_of(reference) == ("region",)
    assert segments_of(named) == ("country", "region"), "numbers have too many values"
    assert protected_of(named) == {"country", "age"}
    assert segments_of(replace(named, settings=msgspec.structs.replace(named.settings, segments=("region",)))) == (
        "region",
    )


def test_groups_that_nobody_protects_have_no_signals(reference: Reference) -> None:
    _, one = reference.history[-1]
    counted = replace(one, decisions=np.array([700, 300]))
    groups = {group: replace(one, decisions=np.array([300, 100])) for group in ("region=north", "region=south")}
    assert group_signals(reference, counted, groups) == {}
    assert len(group_signals(protected(reference), counted, groups)) == 1, "the other one's gap mirrors it"


def test_groups_have_a_history_like_the_others(reference: Reference) -> None:
    """In the reference nothing changes: gaps of decisions and errors, standardised, are about standard normal."""
    with_group = protected(reference)
    (group,) = {"region=north", "region=south"} - with_group.mirrored
    keys = [f"group:{group}:yes", *(f"fairness:{group}:{name}" for name in ("loss", "false_positive_rate"))]
    larger = replace(
        with_group,
        history=tuple((start, sum([one] * 3, one)) for start, one in reference.history),
        groups={
            start: {name: sum([one] * 3, one) for name, one in groups.items()}
            for start, groups in reference.groups.items()
        },
    )
    for key in keys:
        values = np.array([(s[key].value, s[key].deviation) for _, s in history(larger) if key in s])
        assert len(values) > 15, key
        z = values[:, 0] / values[:, 1] / 2  # four times the same rows
        assert stats.kstest(z, "norm").pvalue > 0.001
        assert 0.5 < z.std() < 1.5


def test_the_smallest_effects_are_those_of_the_configuration(reference: Reference) -> None:
    keys = dict.fromkeys(["column:amount:location", "column:age:missing", "loss", "volume", "decision:yes"])
    found = smallest_effects(reference, keys)
    usual = sum((one.losses for _, one in reference.history), np.zeros(3))
    assert found == pytest.approx(
        {
            "column:amount:location": 0.3,
            "column:age:missing": 0.05,
            "decision:yes": 0.05,
            "loss": 0.1 * usual[1] / usual[0],
            "volume": np.log(2),
        }
    )


def test_a_protected_column_may_have_the_sign_that_stands_before_values(reference: Reference) -> None:
    own = replace(reference, slices=Slices(protected=("age >= 25",)))
    names = [group_name("age >= 25", "yes"), group_name("age >", "= 25=yes")]
    assert watched_groups(own, names) == names[:1]
