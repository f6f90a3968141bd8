"""What a model earns, beside simple rules and beside what a random split would have said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.numerals import number, several
from holdfast.report.estimates import ends, point, scaled, told
from holdfast.report.evaluation_panels import RANDOM, earnings
from holdfast.report.sections import Section, Table, Tile

if TYPE_CHECKING:
    from holdfast.evidence import Baseline, Estimate, Evidence, Part


def earns(evidence: Evidence) -> Section:
    """The section."""
    objective, test = evidence.objective, test_part(evidence)
    known = objective.value is not None
    tiles = [Tile(evidence.goal.title, point(objective), interval_text(objective))] if known else []
    if evidence.total is not None:
        rows = f"All {several(test.rows, 'test row')} together" if test else "All test rows together"
        tiles.append(Tile(rows, point(evidence.total), interval_text(evidence.total)))
    never = next((rule for rule in evidence.baselines if rule.key == "never"), None)
    if never is not None and (saved := _saved(evidence, never)) is not None:
        tiles.append(Tile(f"Saved beside “{never.title}”", point(saved), told(never.saving) if never.saving else ""))
    if evidence.inflated is not None and evidence.inflated.value is not None:
        tiles.append(Tile("A random split would have said", point(evidence.inflated), _flattering(evidence)))
    picture = earnings(evidence)
    return Section(
        anchor="earns",
        title="What it earns" if is_cost(evidence) else "How good it is",
        tiles=tuple(tiles),
        text=tuple(text for text in (objective_text(evidence), inflated_text(evidence)) if text),
        items=baseline_texts(evidence),
        pictures=(picture,) if picture else (),
        tables=rules_tables(evidence),
    )


def interval_text(estimate: Estimate) -> str:
    """The interval as it stands under a figure."""
    interval = ends(estimate)
    return "" if interval == "–" else f"{interval} ({number(100 * estimate.level, 3)}% interval)"


def _saved(evidence: Evidence, rule: Baseline) -> Estimate | None:
    """What is saved as a share of what the rule costs. The rule's own error is left out: not an interval to tell."""
    before = rule.objective.value
    if not is_cost(evidence) or rule.saving is None or rule.saving.value is None or before is None or not before > 0:
        return None
    return scaled(rule.saving, 1 / before, unit="share")


def baseline_texts(evidence: Evidence) -> tuple[str, ...]:
    """Comparisons with simple rules in sentences."""
    return tuple(_beside(evidence, rule) for rule in evidence.baselines if rule.saving is not None)


def _beside(evidence: Evidence, rule: Baseline) -> str:
    """A comparison with a simple rule in words, as sure as its interval is."""
    saving = rule.saving
    if saving is None or saving.value is None:
        return f"Beside “{rule.title}” there is no comparison."
    noun = "saves" if is_cost(evidence) else "is better by"
    worse = "costs more, by" if is_cost(evidence) else "is worse by"
    size = told(saving if saving.value >= 0 else scaled(saving, -1.0, unit=saving.unit))
    unit = " per row" if is_cost(evidence) else ""
    saved = _saved(evidence, rule)
    of = f", {point(saved)} of what the rule costs" if saved is not None and saving.value > 0 else ""
    sure = saving.low is not None and saving.high is not None and (saving.low > 0 or saving.high < 0)
    doubt = "" if sure else "; the interval holds 0, so this may be chance"
    return f"Beside “{rule.title}” it {noun if saving.value >= 0 else worse} {size}{unit}{of}{doubt}."


def _flattering(evidence: Evidence) -> str:
    honest, inflated = evidence.objective.value, evidence.inflated.value if evidence.inflated else None
    if honest is None or inflated is None or not evidence.goal.direction:
        return ""
    better = inflated < honest if evidence.goal.direction == "lower" else inflated > honest
    return "better than it is" if better else "no better than the honest figure"


def inflated_text(evidence: Evidence) -> str:
    """What a random split would have said, and why it does not count."""
    if evidence.inflated is None or evidence.inflated.value is None:
        return ""
    said = (
        f"A random split would have said {told(evidence.inflated)}. It lets the model learn from rows that are as late as "
        "those it is judged on"
    )
    if _flattering(evidence) == "better than it is":
        return f"{said}, which no model in use can; that figure flatters, and does not count."
    return f"{said}; here that made no better figure."


def rules_tables(evidence: Evidence) -> tuple[Table, ...]:
    """The objective beside that of simple rules."""
    rows = [("this model", point(evidence.objective), ends(evidence.objective), "–", "–")]
    for rule in evidence.baselines:
        better = (point(rule.saving, signed=True), ends(rule.saving, signed=True))
        rows.append((rule.title, point(rule.objective), ends(rule.objective), *better))
    if evidence.inflated is not None:
        rows.append((RANDOM, point(evidence.inflated), ends(evidence.inflated), "–", "–"))
    if len(rows) == 1:
        return ()
    head = ("Rule", evidence.goal.title, "Interval", "This model is better by", "Interval")
    return (Table(caption="The objective beside simple rules", head=head, rows=tuple(rows), folded=True).trimmed,)


def is_cost(evidence: Evidence) -> bool:
    """Whether the objective is what rows cost."""
    return evidence.total is not None or evidence.goal.settings.get("kind") in {"cost", "cost_matrix", "asymmetric"}


def test_part(evidence: Evidence) -> Part | None:
    """The part that was judged."""
    return next((part for part in evidence.parts if part.name == "test"), None)


def objective_text(evidence: Evidence) -> str:
    """The objective in a sentence."""
    if evidence.objective.value is None:
        return f"{evidence.goal.title}: it could not be had."
    rows = test_part(evidence)
    on = f" on {several(rows.rows, 'test row')}" if rows else ""
    better = {"lower": "; lower is better", "higher": "; higher is better"}.get(evidence.goal.direction, "")
    return f"{evidence.goal.title}{on}: {told(evidence.objective)}{better}."
