"""What is wrong in a configuration is said with its place and with what would be right."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from holdfast.errors import SettingError
from holdfast.validated import read_toml, validated


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Square(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="square"):
    side: Annotated[float, msgspec.Meta(gt=0)]
    paint: Literal["matt", "gloss"] | None = None


class Circle(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="circle"):
    radius: float
    edge: Literal["sharp", "soft"] = "sharp"


class Part(msgspec.Struct, forbid_unknown_fields=True):
    shape: Square | Circle
    colours: dict[str, Colour] = {}
    spares: tuple[Square, ...] = ()


CIRCLE = {"kind": "circle", "radius": 1.0}


def test_what_is_right_is_read() -> None:
    found = validated({"shape": CIRCLE, "colours": {"front": "red"}}, Part, "part.toml")
    assert (found.shape, found.colours) == (Circle(radius=1.0), {"front": Colour.RED})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"shape": {**CIRCLE, "edge": "softt"}},
            "Invalid enum value 'softt' - at `$.shape.edge`: did you mean 'soft'?",
        ),
        ({"shape": {**CIRCLE, "edge": "x"}}, "Invalid enum value 'x' - at `$.shape.edge`: there are 'sharp', 'soft'."),
        ({"shape": {"kind": "circel"}}, "Invalid value 'circel' - at `$.shape.kind`: did you mean 'circle'?"),
        ({"shape": {"kind": "line"}}, "Invalid value 'line' - at `$.shape.kind`: there are 'square', 'circle'."),
        (
            {"shape": CIRCLE, "colours": {"front": "red", "the back": "green"}},
            "Invalid enum value 'green' - at `$.colours.the back`: there are 'red', 'blue'.",
        ),
        (
            {
                "shape": CIRCLE,
                "spares": [{"kind": "square", "side": 1}, {"kind": "square", "side": 2, "paint": "glos"}],
            },
            "Invalid enum value 'glos' - at `$.spares[1].paint`: did you mean 'gloss'?",
        ),
        (
            {"shape": {**CIRCLE, "radios": 2}},
            "Object contains unknown field `radios` - at `$.shape`: did you mean 'radius'?",
        ),
        ({"shpe": CIRCLE}, "Object contains unknown field `shpe`: did you mean 'shape'?"),
        ({"shape": {"kind": "square", "side": -1}}, "Expected `float` > 0.0 - at `$.shape.side`."),
        ({}, "Object missing required field `shape`."),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(values: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError) as caught:
        validated(values, Part, "part.toml")
    assert str(caught.value) == f"part.toml: {told}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^Cannot read the part .*a\.toml: No such file or directory\.$"):
        read_toml(tmp_path / "a.toml", "the part")
    (tmp_path / "b.toml").write_text("a = ")
    with pytest.raises(SettingError, match=r"^Cannot read the part .*b\.toml: Invalid value"):
        read_toml(tmp_path / "b.toml", "the part")
