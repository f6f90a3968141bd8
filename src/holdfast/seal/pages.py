"""The pages of an evaluation: report and model card."""

from __future__ import annotations

from holdfast.gate.evaluation import Evaluation


def report(evaluation: Evaluation) -> str:
    """The report as one HTML file that works offline."""
    from holdfast.report.evaluation import page

    return page(
        evaluation.evidence,
        evaluation.findings,
        verdict=evaluation.verdict,
        refusing=evaluation.refusing,
        title=f"{evaluation.project.name}: evaluation",
        policy=evaluation.policy,
    )


def card_markdown(evaluation: Evaluation) -> str:
    """The model card as Markdown."""
    from holdfast.report.model_card import markdown

    return markdown(evaluation.evidence, evaluation.findings, verdict=evaluation.verdict)


def card_html(evaluation: Evaluation) -> str:
    """The model card as one HTML file that works offline."""
    from holdfast.report.model_card import html

    return html(evaluation.evidence, evaluation.findings, verdict=evaluation.verdict)
