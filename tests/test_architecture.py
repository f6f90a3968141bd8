"""Imports run one way: a part imports what stands in its row, and nothing else."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import holdfast

ROOT = Path(holdfast.__file__).parent

ARROWS = {
    "errors": set(),
    "decoding": set(),
    "records": set(),
    "numerals": set(),
    "junit": set(),
    "stats": set(),
    "evidence": set(),
    "incident": set(),
    "watched": {"incident"},
    "durations": set(),
    "giving_way": set(),
    "sources": set(),
    "tables": {"sources"},
    "kinds": set(),
    "names": set(),
    "metric_keys": set(),
    "validated": {"durations", "names"},
    "column": {"kinds"},
    "parsing": {"kinds", "tables"},
    "observed": {"column", "kinds", "names", "parsing", "tables"},
    "roles": {"column", "kinds", "names", "observed", "tables"},
    "schema": {"column", "kinds", "names", "observed", "parsing", "roles", "tables"},
    "objectives": {"durations", "evidence"},
    "windows": {"durations"},
    "objective": {"durations", "objectives"},
    "policy": {"objective", "stats"},
    "uncertainty": {"stats"},
    "models": {"evidence"},
    "releases": set(),
    "profile": {"stats", "schema", "tables"},
    "engines": {"profile", "schema", "tables"},
    "checks": {"evidence", "profile", "stats", "schema"},
    "config": {"checks", "durations", "kinds", "metric_keys", "names", "objective", "validated", "windows"},
    "draft": {"evidence", "schema"},
    "explain": {"evidence", "kinds", "names", "schema", "stats"},
    "evaluation": {"config", "durations", "evidence", "objective", "policy", "profile", "schema", "stats", "tables"},
    "report": {"evidence", "incident", "policy", "profile", "stats", "watched"},
    "rows": {"profile", "schema", "tables"},
    "comparison": {"engines", "checks", "profile", "schema", "tables", "rows", "junit", "report", "validated"},
    "gate": {
        "checks",
        "released",
        "comparison",
        "config",
        "evaluation",
        "evidence",
        "explain",
        "junit",
        "kinds",
        "models",
        "objective",
        "policy",
        "profile",
        "releases",
        "report",
        "schema",
        "stats",
        "tables",
        "uncertainty",
    },
    "released": {"evaluation", "models", "objective", "policy", "releases", "schema", "uncertainty"},
    "golden": {"policy", "profile", "released", "releases"},
    "site": {"durations", "validated"},
    "startup": set(),
    "log": {"column", "durations", "giving_way", "kinds", "names", "tables"},
    "estimation": {"evaluation", "evidence", "objective", "profile", "stats"},
    "alarms": {"stats"},
    "causes": {"evaluation", "evidence", "models", "objective", "profile", "released", "seal", "stats"},
    "monitoring": {
        "alarms",
        "alerts",
        "book",
        "causes",
        "checks",
        "comparison",
        "config",
        "durations",
        "engines",
        "estimation",
        "evaluation",
        "evidence",
        "gate",
        "incident",
        "kinds",
        "log",
        "metric_keys",
        "names",
        "objective",
        "policy",
        "profile",
        "released",
        "releases",
        "report",
        "schema",
        "seal",
        "site",
        "stats",
        "tables",
        "uncertainty",
        "watched",
        "windows",
    },
    "replay": {"golden", "kinds", "log", "names", "policy", "released"},
    "book": set(),
    "alerts": {"book", "durations", "names", "site"},
    "serve": {
        "book",
        "explain",
        "giving_way",
        "golden",
        "kinds",
        "log",
        "models",
        "names",
        "objective",
        "policy",
        "released",
        "releases",
        "schema",
        "site",
        "startup",
        "stats",
        "uncertainty",
    },
    "seal": {
        "config",
        "engines",
        "estimation",
        "evaluation",
        "gate",
        "golden",
        "models",
        "objective",
        "policy",
        "profile",
        "released",
        "releases",
        "report",
        "schema",
        "stats",
        "tables",
        "uncertainty",
        "windows",
    },
}
"""Row of each part; besides, every part may import those of `EVERYWHERE`."""

EVERYWHERE = {"decoding", "errors", "records", "numerals"}

LAZY_ARROWS = {
    ("comparison", "report"): "at the call of `to_html` only",
    ("evaluation", "config"): "records of a project, as types",
    ("evaluation", "tables"): "as a type",
    ("gate", "report"): "at the call of `to_html` only",
    ("report", "policy"): "as a type",
    ("monitoring", "report"): "for pages only",
    ("seal", "report"): "for pages only",
}
"""Arrows for types, or for what few callers need; the rest of the part runs without them."""

FREE = {"__init__", "__main__", "cli", "commands", "demo", "testing"}
"""These may import everything, and nothing imports them."""

THIRD_PARTY = {
    "errors": set(),
    "decoding": {"msgspec"},
    "records": {"msgspec"},
    "numerals": set(),
    "junit": set(),
    "stats": {"numpy", "msgspec"},
    "evidence": {"msgspec"},
    "incident": {"msgspec"},
    "watched": {"msgspec"},
    "durations": set(),
    "giving_way": set(),
    "windows": {"numpy", "msgspec"},
    "sources": {"pyarrow"},
    "tables": {"pyarrow"},
    "kinds": set(),
    "names": set(),
    "metric_keys": set(),
    "validated": {"msgspec"},
    "column": {"msgspec"},
    "parsing": {"numpy", "pyarrow"},
    "observed": {"numpy", "pyarrow"},
    "roles": set(),
    "schema": {"numpy", "pyarrow", "msgspec"},
    "objectives": {"numpy", "msgspec"},
    "objective": {"numpy"},
    "policy": {"numpy", "msgspec"},
    "uncertainty": {"numpy", "msgspec"},
    "models": {"numpy", "pyarrow", "msgspec"},
    "releases": {"pyarrow", "msgspec"},
    "profile": {"numpy", "pyarrow", "msgspec"},
    "engines": {"pyarrow"},
    "checks": {"numpy", "pyarrow", "msgspec"},
    "config": {"msgspec"},
    "draft": set(),
    "explain": {"numpy", "pyarrow", "msgspec"},
    "evaluation": {"numpy", "pyarrow", "msgspec"},
    "report": {"numpy", "msgspec"},
    "rows": {"numpy", "pyarrow", "msgspec"},
    "comparison": {"numpy", "msgspec"},
    "gate": {"numpy", "pyarrow", "msgspec"},
    "released": {"numpy", "pyarrow", "msgspec"},
    "golden": {"numpy", "pyarrow"},
    "site": {"msgspec"},
    "startup": set(),
    "log": {"numpy", "pyarrow", "msgspec"},
    "replay": {"numpy", "pyarrow", "msgspec"},
    "book": {"msgspec", "sqlalchemy"},
    "alerts": {"msgspec", "sqlalchemy"},
    "serve": {"numpy", "pyarrow", "msgspec", "uvicorn", "uvloop"},
    "seal": {"numpy", "pyarrow", "msgspec"},
    "estimation": {"numpy", "pyarrow", "msgspec"},
    "alarms": {"numpy", "msgspec"},
    "causes": {"numpy", "pyarrow", "msgspec"},
    "monitoring": {"numpy", "pyarrow", "msgspec", "sqlalchemy"},
}
"""What a part may import when it is itself imported."""

LAZY = {
    "stats": {
        "scipy": "its special functions take 0.15 s; a thread of `compare` loads them, `monitor` does where it counts"
    },
    "checks": {"scipy": "the same"},
    "evaluation": {"scipy": "the same"},
    "gate": {"scipy": "the same"},
    "explain": {"shap": "extra `sklearn`", "xgboost": "extra `xgboost`"},
    "models": {
        "cloudpickle": "comes with what wrote the pickle",
        "joblib": "comes with what wrote the pickle",
        "lightgbm": "extra `lightgbm`",
        "onnx": "extra of each family that is converted",
        "onnxruntime": "extra of each family",
        "onnxscript": "extra `torch`",
        "pandas": "for models that were fitted on a frame",
        "skl2onnx": "extra `sklearn`",
        "sklearn": "extra `sklearn`",
        "tensorflow": "in the process that converts, in an environment of its own",
        "torch": "extra `torch`",
        "xgboost": "extra `xgboost`",
    },
    "sources": {
        "deltalake": "extra `delta`",
        "adbc_driver_manager": "extra of each driver",
        "adbc_driver_sqlite": "extra `sqlite`",
        "adbc_driver_postgresql": "extra `postgres`",
    },
    "report": {"altair": "0.25 s, for charts only", "jinja2": "for pages only"},
    "comparison": {"pyarrow": "for the type of `Result.to_arrow` only"},
    "log": {
        "deltalake": "extra `serve`; the processes that answer never load it",
        "duckdb": "extra `sql`, for queries only",
    },
    "estimation": {"scipy": "the same"},
    "causes": {"scipy": "the same"},
    "monitoring": {"deltalake": "extra `serve`"},
    "alerts": {"apprise": "extra `alerts`"},
    "book": {"alembic": "where the schema is behind"},
    "serve": {
        "prometheus_client": "for `/metrics` only",
        "jinja2": "for `/docs` only",
        "opentelemetry": "extra `otel`",
    },
}
"""What is imported at the point of use, with the reason."""


def parts() -> dict[str, list[Path]]:
    """Files of each part."""
    found: dict[str, list[Path]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        found.setdefault(path.relative_to(ROOT).parts[0].removesuffix(".py"), []).append(path)
    return found


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Imported modules, and whether each is imported only when a function runs, or for types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.walk(node)
    }
    for_types = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            # The version stands in the top package, which imports nothing.
            names = [] if [alias.name for alias in node.names] == ["__version__"] else [node.module or ""]
        for name in names:
            yield name, id(node) in inside or id(node) in for_types


def internal(name: str) -> str | None:
    """The part of Holdfast that a module belongs to; None for other packages."""
    head, _, rest = name.partition(".")
    return rest.partition(".")[0] if head == "holdfast" else None


def test_every_part_has_a_row() -> None:
    assert set(parts()) == set(ARROWS) | FREE


def test_the_map_in_the_docs_shows_the_same_arrows() -> None:
    page = (ROOT.parents[1] / "docs" / "design.md").read_text(encoding="utf-8").partition("| part | imports |")[2]
    shown = {}
    for line in page.partition("\n\n")[0].strip().splitlines():
        names, arrows = (re.findall(r"`(\w+)`", cell) for cell in line.split("|")[1:3])
        shown |= {name: set(arrows) for name in names}
    ours = {part: row for part, row in ARROWS.items() if part not in EVERYWHERE}
    assert {part: shown.get(part) for part in ours} == ours


@pytest.mark.parametrize("part", ARROWS)
def test_a_part_imports_what_its_row_allows(part: str) -> None:
    allowed = ARROWS[part] | EVERYWHERE | {part}
    for path in parts()[part]:
        for name, lazy in imports(path):
            other = internal(name)
            assert other is None or other in allowed, f"{path.relative_to(ROOT)} imports {name}"
            assert lazy or (part, other) not in LAZY_ARROWS, f"{path.relative_to(ROOT)} imports {name} at its top"


@pytest.mark.parametrize("part", ARROWS)
def test_a_row_allows_no_more_than_is_used(part: str) -> None:
    used = {internal(name) for path in parts()[part] for name, _ in imports(path)}
    assert ARROWS[part] - used == set()


@pytest.mark.parametrize("part", ARROWS)
def test_other_packages_are_few_and_the_heavy_ones_lazy(part: str) -> None:
    for path in parts()[part]:
        for name, lazy in imports(path):
            package = name.partition(".")[0]
            if internal(name) is not None or package in sys.stdlib_module_names:
                continue
            allowed = THIRD_PARTY[part] | (set(LAZY.get(part, {})) if lazy else set())
            assert package in allowed, f"{path.relative_to(ROOT)} imports {name}{' lazily' if lazy else ''}"


def test_arrows_have_no_circle() -> None:
    reached: dict[str, set[str]] = {}
    for part, row in ARROWS.items():
        seen, todo = set(), list(row)
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo.extend(ARROWS[other])
        reached[part] = seen
    assert [part for part, others in reached.items() if part in others] == []


def test_scipy_stats_is_nowhere() -> None:
    """It takes 0.8 s to load."""
    found = [
        str(path.relative_to(ROOT))
        for paths in parts().values()
        for path in paths
        for name, _ in imports(path)
        if name.startswith("scipy.stats")
    ]
    assert found == []


def loaded_by(code: str) -> set[str]:
    """Top-level packages in a fresh process after some code."""
    script = f"{code}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(out.stdout.split())


def test_importing_holdfast_loads_nothing_heavy() -> None:
    heavy = {"numpy", "scipy", "pyarrow", "pandas", "sklearn", "altair", "jinja2", "typer", "rich", "msgspec"}
    assert loaded_by("import holdfast") & heavy == set()


def test_serving_a_model_loads_no_scipy() -> None:
    """Each worker of a service would pay 0.15 s and 30 MB for it."""
    modules = ["policy", "stats.calibration", "stats.conformal", "stats.support", "models.session"]
    heavy = {"scipy", "sklearn", "onnx", "altair", "deltalake", "shap"}
    assert loaded_by("\n".join(f"import holdfast.{module}" for module in modules)) & heavy == set()


def test_a_process_that_answers_stays_small() -> None:
    heavy = {"deltalake", "scipy", "pandas", "sklearn", "altair", "onnx", "alembic", "jinja2", "typer", "rich", "shap"}
    assert loaded_by("import holdfast.serve.worker") & heavy == set()


def test_what_starts_the_processes_that_answer_loads_little() -> None:
    """They are started that much sooner."""
    heavy = {"numpy", "pyarrow", "sqlalchemy", "uvicorn", "onnxruntime"}
    assert loaded_by("import holdfast.serve.supervisor") & heavy == set()


def test_a_comparison_loads_only_the_core() -> None:
    """But for pandas, which Arrow itself loads where it is installed (see `startup`)."""
    code = "import holdfast as hf; hf.compare({'x': [1.0, 2.0] * 50}, {'x': [1.0, 2.0] * 50}).to_json()"
    foreign = {"sklearn", "altair", "jinja2", "typer", "rich", "starlette", "fastapi", "duckdb", "polars", "deltalake"}
    assert loaded_by(code) & foreign == set()


def test_a_command_does_not_load_pandas(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    code = (
        f"import sys; sys.argv = ['holdfast', 'compare', r'{tmp_path / 'a.csv'}', r'{tmp_path / 'a.csv'}', '--json']\n"
        "from holdfast.__main__ import main\n"
        "import contextlib, io\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main()\n"
        "import sys; assert 'pandas' not in sys.modules"
    )
    assert "pyarrow" in loaded_by(code)
