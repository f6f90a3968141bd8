"""What an answer consists of, by task."""

from __future__ import annotations

import pytest

from holdfast.serve.outputs import outputs_of


@pytest.mark.parametrize(
    ("task", "classes", "given", "expected"),
    [
        (
            "binary",
            ("no", "yes"),
            {},
            "score:FP64 decision:BOOL confidence:FP64 review:BOOL reason:BYTES warnings:BYTES id:BYTES contributions:FP64",
        ),
        (
            "classes",
            ("x", "y", "z"),
            {"sets": True},
            (
                "score:FP64 decision:BYTES confidence:FP64 classes:BYTES review:BOOL reason:BYTES warnings:BYTES id:BYTES "
                "contributions:FP64"
            ),
        ),
        (
            "regression",
            (),
            {"intervals": True},
            "score:FP64 lower:FP64 upper:FP64 review:BOOL reason:BYTES warnings:BYTES id:BYTES contributions:FP64",
        ),
    ],
)
def test_the_parts_of_an_answer(task: str, classes: tuple[str, ...], given: dict[str, bool], expected: str) -> None:
    outputs = outputs_of(task, classes, ("amount",), **given)
    assert " ".join(f"{output.name}:{output.datatype}" for output in outputs) == expected
    labels = {output.name: output.labels for output in outputs if output.labels}
    scores = {"score": classes} if task == "classes" else {}
    assert labels == scores | {"contributions": ("amount", "base")}
