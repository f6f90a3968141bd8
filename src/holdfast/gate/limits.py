"""The figures that limits may name: of the whole test part, and of each slice that a limit is for."""

from __future__ import annotations

from holdfast.evaluation.limits import Figures
from holdfast.evaluation.performance import performance
from holdfast.evaluation.slices import rows_where
from holdfast.evidence import Evidence, Metric, Versus
from holdfast.gate.champion import Champion
from holdfast.gate.evidence import Trial

Where = tuple[tuple[str, str], ...]


def figures_by_slice(trial: Trial, evidence: Evidence, champion: Champion | None) -> dict[Where, Figures]:
    """Figures by slice; a slice without rows has none, and a limit for it fails."""
    wanted = {tuple(sorted(limit.slice.items())) for limit in trial.project.gate.limits if limit.slice}
    found: dict[Where, Figures] = {(): _figures(evidence, evidence.metrics, champion, "")}
    for where in wanted:
        rows = rows_where(trial.test.rows.groups, dict(where))
        if len(rows):
            told = ", ".join(f"{column} = {value}" for column, value in where)
            found[where] = _figures(evidence, performance(trial.test.take(rows), trial.policy), champion, told)
    return found


def _figures(evidence: Evidence, metrics: tuple[Metric, ...], champion: Champion | None, where: str) -> Figures:
    pairs: dict[str, Versus] = {one.metric: one for one in evidence.champion if one.slice == where}
    whole = where == ""
    return Figures(
        metrics={metric.key: metric for metric in metrics},
        baselines={b.key: b.saving for b in evidence.baselines if b.saving is not None} if whole else {},
        champion=None if champion is None else pairs,
    )
