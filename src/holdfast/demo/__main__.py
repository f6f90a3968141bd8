"""The main job, in the order in which one would do it by hand: read it first.

    python -m holdfast.demo                                    generated card transactions
    python -m holdfast.demo --data rows.parquet --time column  a file of yours, the last tenth of it as new rows
                            --target column                    and a model of one of its columns

Fit a model on a labelled history, evaluate it honestly, seal a release; see a leaky candidate refused; serve the release,
and kill the server in the middle; watch four more weeks of it; then compare the rows that came after with the history.
"""

from __future__ import annotations

import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import holdfast as hf
from holdfast.cli import run
from holdfast.commands import tables as table_commands
from holdfast.commands import verdict
from holdfast.commands.terminal import check_writable, progress, steps
from holdfast.demo import tables
from holdfast.startup import allow_pandas, prepare

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def demo(
    data: Annotated[str | None, typer.Option(help="A table of yours.", metavar="FILE")] = None,
    time: Annotated[str | None, typer.Option(help="Its column of times.", metavar="COLUMN")] = None,
    target: Annotated[str | None, typer.Option(help="The column to predict.", metavar="COLUMN")] = None,
    output: Annotated[Path, typer.Option(help="Folder for all that is written.")] = Path("demo-output"),
) -> None:
    """Evaluate and release a model of generated card transactions, or of your own file, and compare the newest rows."""
    if (time or target) and not data:
        raise hf.SettingError("--time and --target go with --data: the generated tables have their own.")
    output.mkdir(parents=True, exist_ok=True)
    history, newest = output / "reference.parquet", output / "current.parquet"
    for path in (history, newest):
        check_writable(path, data or "")
    roles = tables.generate(history, newest) if data is None else tables.cut(data, time, history, newest)
    if target is not None:
        roles[target] = "target"
    if "target" in roles.values():
        release(history, roles, output, generated=data is None)
    else:
        print("No model is fitted: --target names the column to predict.\n")
    compare(history, newest, roles, output)


def release(history: Path, roles: dict[str, str], output: Path, *, generated: bool) -> None:
    """Fit a model on the oldest rows of a history, release it, and try the same with a candidate that knows too much."""
    from holdfast.demo import model

    print("1. A model, fitted on the oldest rows, and judged on the newest ones\n")
    project = model.project(history, roles, output, generated=generated)
    with steps() as say:
        say("Fitting a model")
        fitted, project = model.fit(project)
        evaluation = hf.evaluate(fitted, None, project, say=say)
    verdict.show(evaluation)
    page = output / "evaluation.html"
    page.write_text(evaluation.to_html(), encoding="utf-8")
    print(f"\nReport    {page.absolute().as_uri()}")
    sealed = None
    if evaluation.passed:
        with steps() as say:
            sealed = hf.release(evaluation, say=say)
        print(f"Release   {sealed.name} in {output / 'releases'}, {sealed.identity}")
    else:
        print("Release   none: see what refuses it above.")

    print(f"\n2. A candidate with one more column, {model.LEAK}, that is known only later\n")
    with steps() as say:
        say("Fitting a candidate")
        fitted, leaky = model.fit(model.with_leak(project, output))
        candidate = hf.evaluate(fitted, None, leaky, say=say)
    verdict.show(candidate)
    try:
        print(f"Release   {hf.release(candidate).name}: the leak was not seen.")
    except hf.ReleaseError as error:
        print(textwrap.fill(f"Release   refused. {error}", 80, subsequent_indent=" " * 10))
    if sealed is not None:
        from holdfast.demo.serving import serve

        print("\n3. The release in service, and a server that is killed in the middle\n")
        serve(project, sealed, evaluation, output)
    if sealed is not None and generated:
        from holdfast.demo.watching import watch

        print("\n4. Four more weeks in service, and what the monitor finds in them\n")
        watch(project, sealed, output)
    number = 3 if sealed is None else 5 if generated else 4
    print(f"\n{number}. The rows that came after, compared with the history\n")


def compare(reference: Path, current: Path, roles: dict[str, str], output: Path) -> None:
    """Compare two tables, print the findings, and write them as a page and as JSON."""
    with progress() as report_rows:
        result = hf.compare(reference, current, roles=roles, progress=report_rows)
    result = replace(result, names=(str(reference), str(current)))
    table_commands.show(result)
    page, findings = output / "report.html", output / "findings.json"
    result.to_html(page, title=f"{current} against {reference}")
    findings.write_text(result.to_json(), encoding="utf-8")
    print(f"\nReport    {page.absolute().as_uri()}")
    print(f"Findings  {findings}")


if __name__ == "__main__":
    prepare()
    allow_pandas()
    sys.exit(run(app, "holdfast.demo"))
