"""PyTorch modules against PyTorch, and their ONNX against both. PyTorch comes with `make test-models`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import ModelError, SettingError
from holdfast.models.convert import to_onnx
from holdfast.models.loading import load_model
from holdfast.models.parity import parity
from holdfast.models.session import OnnxSession

pytestmark = [
    pytest.mark.slow_models,
    # PyTorch deprecates what it uses itself, and its own TorchScript.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
torch = pytest.importorskip("torch", reason="PyTorch is installed by `make test-models`")

FEATURES = ["a", "b", "c"]
ROWS = pa.table({name: np.random.default_rng(place).normal(size=50) for place, name in enumerate(FEATURES)})


def network(outputs: int, last: Any) -> Any:
    torch.manual_seed(1)
    layers = [torch.nn.Linear(3, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, outputs)]
    return torch.nn.Sequential(*layers, *([last] if last else []))


def own(module: Any) -> Any:
    matrix = np.column_stack([ROWS[name] for name in FEATURES]).astype(np.float32)
    with torch.inference_mode():
        return module.eval()(torch.from_numpy(matrix)).numpy()


def agrees(model: Any) -> None:
    session = OnnxSession(to_onnx(model, ROWS).content)
    assert (session.family, session.classes) == ("torch", model.classes)
    found = parity(model, session, ROWS, lambda score: score >= 0.5 if score.ndim == 1 else score.argmax(axis=1))
    assert (found.beyond, found.flips) == (0, 0)


def test_a_probability() -> None:
    module = network(1, torch.nn.Sigmoid())
    model = load_model(module, features=FEATURES, task="binary")
    assert model.predict(ROWS) == pytest.approx(own(module)[:, 0])
    agrees(model)


def test_two_columns_with_the_first_positive() -> None:
    module = network(2, torch.nn.Softmax(dim=1))
    model = load_model(module, features=FEATURES, classes=["bad", "good"], positive="bad")
    assert model.predict(ROWS) == pytest.approx(own(module)[:, 0])
    agrees(model)


def test_several_classes_and_a_regression() -> None:
    classes = load_model(network(3, torch.nn.Softmax(dim=1)), features=FEATURES)
    assert (classes.task, classes.classes) == ("classes", ("0", "1", "2"))
    agrees(classes)
    agrees(load_model(network(1, None), features=FEATURES, task="regression"))


def test_torchscript_and_an_exported_program(tmp_path: Path) -> None:
    module = network(1, torch.nn.Sigmoid()).eval()
    torch.jit.script(module).save(tmp_path / "model.pt")
    scripted = load_model(tmp_path / "model.pt", features=FEATURES, task="binary")
    assert scripted.predict(ROWS) == pytest.approx(own(module)[:, 0])
    agrees(scripted)
    shapes = ({0: torch.export.Dim("rows")},)
    torch.export.save(torch.export.export(module, (torch.zeros(2, 3),), dynamic_shapes=shapes), tmp_path / "model.pt2")
    with pytest.raises(ModelError, match="--trust"):
        load_model(tmp_path / "model.pt2", features=FEATURES, task="binary")
    exported = load_model(tmp_path / "model.pt2", trust=True, features=FEATURES, task="binary")
    assert exported.predict(ROWS) == pytest.approx(own(module)[:, 0])
    agrees(exported)


def test_a_pickled_module_needs_trust_and_weights_are_no_module(tmp_path: Path) -> None:
    module = network(1, torch.nn.Sigmoid()).eval()
    torch.save(module, tmp_path / "module.pth")
    with pytest.raises(ModelError, match="--trust"):
        load_model(tmp_path / "module.pth", features=FEATURES, task="binary")
    model = load_model(tmp_path / "module.pth", trust=True, features=FEATURES, task="binary")
    assert model.predict(ROWS) == pytest.approx(own(module)[:, 0])
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    with pytest.raises(ModelError, match="save the whole module, not its weights"):
        load_model(tmp_path / "weights.pth", trust=True, features=FEATURES, task="binary")


def test_what_a_module_does_not_say_must_be_given() -> None:
    with pytest.raises(SettingError, match="give the columns in order as `features`"):
        load_model(network(1, None))
    with pytest.raises(SettingError, match="`task` binary or regression"):
        load_model(network(1, None), features=FEATURES)
    with pytest.raises(ModelError, match="cannot score one row of 2 numbers"):
        load_model(network(1, None), features=["a", "b"], task="regression")


def test_log_odds_are_no_probabilities() -> None:
    model = load_model(network(1, None), features=FEATURES, task="binary")
    with pytest.raises(ModelError, match="end the model with a sigmoid"):
        model.predict(ROWS)
