"""The inference protocol, against what real clients write and read; without a server."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, InferResult

from holdfast.column import Column
from holdfast.kinds import Kind
from holdfast.log.columns import type_at_rest
from holdfast.serve.columnar import Columnar
from holdfast.serve.engine import Answered
from holdfast.serve.errors import ServeError
from holdfast.serve.fields import Field, Problem
from holdfast.serve.inference_protocol import Tensors, Wanted, write
from holdfast.serve.outputs import outputs_of
from holdfast.serve.request import Reply, Request


def field(name: str, kind: Kind, type_: str, *, wanted: bool = True) -> Field:
    column = Column(name=name, physical=name, kind=kind, type=type_)
    return Field(column, wanted, type_at_rest(column))


FIELDS = (
    field("amount", Kind.NUMBER, "double"),
    field("count", Kind.NUMBER, "int64"),
    field("new", Kind.BOOLEAN, "bool", wanted=False),
    field("card", Kind.CATEGORY, "string", wanted=False),
)
OUTPUTS = outputs_of("binary", ("no", "yes"), ("amount", "count"))
DEFAULT = ["score", "decision", "confidence", "review", "reason", "warnings", "id"]
TENSORS = Tensors(Columnar(FIELDS, "id", ("old",)), ("amount", "count"), OUTPUTS)


def body(*inputs: dict[str, Any], **other: Any) -> bytes:
    return json.dumps({"inputs": inputs, **other}).encode()


def one(name: str, datatype: str, data: Any, shape: list[int] | None = None, **other: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data, **other}


AMOUNT, COUNT = one("amount", "FP64", [1.5, 2.5]), one("count", "INT64", [1, 2])
ROWS = [(1.5, 1, None, None), (2.5, 2, None, None)]


def asked(*inputs: dict[str, Any], **other: Any) -> Request:
    return TENSORS.read(body(*inputs, **other))[0]


def refused(content: bytes, header: bytes | None = None) -> str:
    with pytest.raises(ServeError) as error:
        TENSORS.read(content, header)
    assert error.value.status == 400
    return error.value.message


# What may come


def test_one_tensor_for_each_field() -> None:
    request = asked(AMOUNT, COUNT, one("new", "BOOL", [True, None]), one("card", "BYTES", ["visa", None]))
    assert request.rows == [(1.5, 1, True, "visa"), (2.5, 2, None, None)]
    assert (request.problems, request.ids, request.explain) == ([], [None, None], False)


@pytest.mark.parametrize("data", [[1.5, 1, 2.5, 2], [[1.5, 1], [2.5, 2]]], ids=["flat", "nested"])
@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_one_tensor_of_all_features(data: list[Any], datatype: str) -> None:
    assert asked(one("anything", datatype, data, [2, 2])).rows == ROWS


def test_all_features_beside_other_fields() -> None:
    request = asked(
        one("input-0", "FP64", [[1.5, 1], [2.5, 2]]) | {"shape": [2, 2]}, one("card", "BYTES", ["a", "b"], [2, 1])
    )
    assert [row[3] for row in request.rows] == ["a", "b"]


def test_the_only_feature_of_a_model_may_have_any_name() -> None:
    tensors = Tensors(Columnar(FIELDS[:1], "id", ()), ("amount",), OUTPUTS)
    assert tensors.read(body(one("input-0", "FP64", [1.5, 2.5], [2, 1])))[0].rows == [(1.5,), (2.5,)]


def test_missing_numbers_are_null_and_nan() -> None:
    request = asked(one("amount", "FP64", [None, 2.5]), COUNT)
    assert request.rows[0][0] is None
    content, header = InferenceServerClient.generate_request_body(triton(binary=False, amount=math.nan))
    assert b"NaN" in content
    assert header is None
    assert TENSORS.read(content)[0].rows[0][0] is None
    content, header = InferenceServerClient.generate_request_body(triton(binary=True, amount=math.nan))
    assert TENSORS.read(content, str(header).encode())[0].rows[0][0] is None


def test_nan_in_a_text_stays_as_it_is() -> None:
    content = body(AMOUNT, COUNT, one("card", "BYTES", ['"NaN" \\', "NaN"])).replace(b"1.5", b"NaN")
    assert TENSORS.read(content)[0].rows == [(None, 1, None, '"NaN" \\'), (2.5, 2, None, "NaN")]


def test_what_the_schema_has_and_nobody_uses_is_passed_over() -> None:
    request = asked(AMOUNT, COUNT, one("old", "FP64", [1.0, 2.0]))
    assert (request.rows, request.problems) == (ROWS, [])


def test_names_that_nobody_knows_are_a_problem_of_the_request() -> None:
    assert [problem.code for problem in asked(AMOUNT, COUNT, one("amuont", "FP64", [1.0, 2.0])).problems] == ["unknown"]


def test_values_that_do_not_fit_the_schema_are_problems_of_their_rows() -> None:
    request = asked(AMOUNT, one("count", "FP64", [1, 1.5]))
    assert [str(problem) for problem in request.problems] == [
        "rows[1].count: expected a whole number or null, got another number"
    ]


def test_keys_that_the_protocol_does_not_have_are_ignored() -> None:
    assert asked(AMOUNT, COUNT | {"x": 1}, model_name="fraud", x={"y": []}).rows == ROWS


def test_the_request_s_id_names_its_rows_and_a_tensor_of_ids_goes_before_it() -> None:
    assert asked(AMOUNT, COUNT, id="mine").ids == ["mine-0", "mine-1"]
    assert asked(AMOUNT, COUNT, one("id", "BYTES", ["a", "b"]), id="mine").ids == ["a", "b"]
    assert asked(AMOUNT, COUNT, one("id", "INT64", [7, 8])).ids == ["7", "8"]


@pytest.mark.parametrize("content_type", ["np", "pd", "str", None])
def test_codecs_of_mlserver_name_what_is_there_anyway(content_type: str | None) -> None:
    """`PandasCodec.encode_request` gives a tensor [rows, 1] for each column, `NumpyRequestCodec` a single one."""
    parameters = {"content_type": content_type, "headers": None}
    columns = [
        AMOUNT | {"shape": [2, 1]},
        COUNT | {"shape": [2, 1]},
        one("card", "BYTES", ["a", "b"], [2, 1], parameters=parameters),
    ]
    assert [row[3] for row in asked(*columns, parameters=parameters).rows] == ["a", "b"]
    matrix = one("input-1", "FP64", [1.5, 1, 2.5, 2], [2, 2], parameters=parameters)
    assert asked(matrix, parameters=parameters).rows == ROWS


def test_columns_of_mixed_values_come_as_json_in_texts() -> None:
    parameters = {"content_type": "pd_json"}
    request = asked(AMOUNT, COUNT, one("card", "BYTES", ['"visa"', "null"], [2, 1], parameters=parameters))
    assert [row[3] for row in request.rows] == ["visa", None]


# What may not come


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The body is empty: expected JSON."),
        (b"NaN NaN", "Expected an inference request: Expected `object`, got `null`."),
        (b"\xff", "The body is no JSON: "),
        (b"[]", "Expected an inference request: Expected `object`, got `array`"),
        (b"{}", "missing required field `inputs`"),
        (body(), "Expected `array` of length >= 1 - at `$.inputs`"),
        (body({"name": "a"}), "missing required field `shape` - at `$.inputs[0]`"),
        (body(one("amount", "FP64", [], [])), "Expected at least one row"),
        (body(one("amount", "FP64", [1.0], [1, 1, 1])), "Expected `array` of length <= 2"),
        (body(one("amount", "FP64", [1.0], [-1])), "Expected `int` >= 0"),
        (body(one("amount", "FP128", [1.0])), "inputs[0]: expected a datatype of BOOL, "),
        (body(one("amount", "FP64", [1.0], [1, 2])), "inputs[0]: expected the shape [rows] or [rows, 1]"),
        (body(one("x", "FP64", [1.0], [1, 3])), "inputs[0]: expected the name of a field, or the shape [rows, 2]"),
        (body(one("x", "FP64", [1.0, 2.0])), "inputs[0]: expected the name of a field, or the shape [rows, 2]"),
        (body(one("x", "FP64", [], [10**5, 0])), "inputs[0]: expected the name of a field, or the shape [rows, 2]"),
        (body(AMOUNT, one("count", "INT64", [1])), "inputs[1]: expected 2 rows, as in inputs[0]; got 1"),
        (body(AMOUNT, AMOUNT), "inputs[1]: a field that another input holds as well"),
        (body({**AMOUNT, "data": None}), "inputs[0].data: Expected `array`, got `null`"),
        (body({**AMOUNT, "parameters": {"binary_data_size": 16}}), "a binary_data_size from 0 to the 0 bytes"),
        (body({**AMOUNT, "parameters": {"binary_data_size": 0}}), "data or a binary_data_size, not both"),
        (body({**AMOUNT, "parameters": {"binary_data_size": True}}), "a binary_data_size from 0"),
        (body({**AMOUNT, "parameters": {"shared_memory_region": "x"}, "data": None}), "got `null`"),
        (body(AMOUNT, id=7), "Expected `str | null`, got `int` - at `$.id`"),
        (body(AMOUNT, COUNT, outputs=[{"name": "x"}]), "outputs[0]: expected one of score, decision, "),
        (
            body(AMOUNT, COUNT, parameters={"binary_data_output": 1}),
            "parameters: expected binary_data_output to be true",
        ),
        (
            body(AMOUNT, COUNT, outputs=[{"name": "score", "parameters": {"classification": 3}}]),
            "outputs[0]: classification is not supported",
        ),
    ],
)
def test_what_is_no_request_is_refused(content: bytes, message: str) -> None:
    assert message in refused(content)


def test_bytes_behind_the_last_tensor_are_refused() -> None:
    content = body(AMOUNT, COUNT)
    assert refused(content + b"x", str(len(content)).encode()) == (
        "1 bytes lie behind the last tensor that has a binary_data_size."
    )


@pytest.mark.parametrize("before", [b'{"inputs":[{"data":', b'{"parameters":{"x":', b'{"x":'])
@pytest.mark.parametrize("deep", [b"[", b'{"x":'])
def test_deep_nesting_is_refused(before: bytes, deep: bytes) -> None:
    assert "no JSON: it is nested too deeply" in refused(before + deep * 1_000_000)


@pytest.mark.parametrize("shape", [[10**12], [10**12, 1], [10**18, 0], [1, 10**12]])
def test_shapes_of_a_million_million_values_allocate_nothing(shape: list[int], peak: Callable[[], int]) -> None:
    for name, raw in (("amount", b""), ("x", b""), ("amount", b"\x00" * 8)):
        tensor = {"name": name, "shape": shape, "datatype": "FP64", "data": []}
        if raw:
            tensor |= {"parameters": {"binary_data_size": 8}, "data": None}
        content = body(tensor)
        with pytest.raises(ServeError):
            TENSORS.read(content + raw, str(len(content)).encode())
    assert peak() < 200_000


def test_quotes_without_an_end_take_no_more_than_a_moment() -> None:
    """A pattern that looked for the end of each string again would need hours for this."""
    assert "no JSON" in refused(b'{"x": NaN "' + b'\\"' * 500_000)


# The real client


def triton(*, binary: bool, amount: float = 1.5) -> list[InferInput]:
    arrays = {
        "amount": ("FP32", np.array([amount, 2.5], dtype=np.float32)),
        "count": ("INT32", np.array([[1], [2]], dtype=np.int32)),
        "new": ("BOOL", np.array([True, False])),
        "card": ("BYTES", np.array(["visa", "é"], dtype=object)),
    }
    inputs = []
    for name, (datatype, array) in arrays.items():
        inputs.append(InferInput(name, list(array.shape), datatype))
        inputs[-1].set_data_from_numpy(array, binary_data=binary)
    return inputs


@pytest.mark.parametrize("binary", [True, False])
def test_what_triton_s_client_sends_is_understood(*, binary: bool) -> None:
    content, length = InferenceServerClient.generate_request_body(
        triton(binary=binary), request_id="mine", sequence_id=3, priority=1, timeout=5, parameters={"x": 1}
    )
    request, wanted = TENSORS.read(content, None if length is None else str(length).encode())
    assert request.rows == [(1.5, 1, True, "visa"), (2.5, 2, False, "é")]
    assert request.problems == []
    assert request.ids == ["mine-0", "mine-1"]
    assert wanted == Wanted(tuple((output, True) for output in OUTPUTS[:-1]), "mine")


def test_one_binary_tensor_of_all_features() -> None:
    matrix = InferInput("input", [2, 2], "FP64")
    matrix.set_data_from_numpy(np.array([[1.5, 1], [2.5, 2]]))
    content, length = InferenceServerClient.generate_request_body([matrix])
    assert TENSORS.read(content, str(length).encode())[0].rows == ROWS


def test_outputs_are_those_that_were_asked_for_each_in_its_way() -> None:
    outputs = [InferRequestedOutput("score"), InferRequestedOutput("contributions", binary_data=False)]
    content, length = InferenceServerClient.generate_request_body(triton(binary=True), outputs=outputs)
    request, wanted = TENSORS.read(content, str(length).encode())
    assert [(output.name, binary) for output, binary in wanted.outputs] == [("score", True), ("contributions", False)]
    assert request.explain
    _, wanted = TENSORS.read(
        body(
            AMOUNT,
            COUNT,
            parameters={"binary_data_output": True},
            outputs=[
                {"name": "id"},
                {"name": "id", "parameters": {}},
                {"name": "reason", "parameters": {"binary_data": False}},
            ],
        )
    )
    assert [(output.name, binary) for output, binary in wanted.outputs] == [("id", True), ("reason", False)]


def reply(rows: int = 2, first: int = 1) -> Reply:
    answered = Answered(
        score=[0.0, 0.25, math.nan],
        decision=[True, False, None],
        confidence=[1.0, 0.75, math.nan],
        review=[True, False, True],
        reason=["band", "", "unknown"],
        loss=[None] * 3,
        propensity=[1.0] * 3,
    )
    problems = [Problem(0, "count", "range", "x"), Problem(0, "card", "category", "x")]
    contributions = [{"amount": 0.1, "count": -0.35, "base": 0.5}, {"amount": 0.0, "base": 0.5}]
    return Reply(
        model="fraud",
        version=3,
        ids=["a", "b"][:rows],
        answered=answered,
        first=first,
        rows=rows,
        problems=problems,
        contributions=contributions[:rows],
    )


def received(wanted: Wanted, **given: int) -> InferResult:
    content, length = write(reply(**given), wanted)
    return InferResult.from_response_body(content, header_length=length)


@pytest.mark.parametrize("binary", [True, False])
def test_answers_as_triton_s_client_reads_them(*, binary: bool) -> None:
    result = received(Wanted(tuple((output, binary) for output in OUTPUTS), "mine"))
    response = result.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == ("fraud", "3", "mine")
    assert [output["name"] for output in response["outputs"]] == [*DEFAULT, "contributions"]

    def texts(name: str) -> list[str]:
        return [text.decode() if isinstance(text, bytes) else text for text in result.as_numpy(name)]

    np.testing.assert_array_equal(result.as_numpy("score"), [0.25, np.nan])
    np.testing.assert_array_equal(result.as_numpy("decision"), [False, False])
    np.testing.assert_array_equal(result.as_numpy("confidence"), [0.75, np.nan])
    np.testing.assert_array_equal(result.as_numpy("review"), [False, True])
    np.testing.assert_array_equal(result.as_numpy("contributions"), [[0.1, -0.35, 0.5], [0.0, np.nan, 0.5]])
    assert texts("reason") == ["", "unknown"]
    assert texts("id") == ["a", "b"]
    assert texts("warnings") == ['["range:count","category:card"]', ""]


def test_an_answer_in_json() -> None:
    content, length = write(reply(rows=1, first=2), Wanted(tuple((output, False) for output in OUTPUTS[:2])))
    assert length is None
    assert json.loads(content) == {
        "model_name": "fraud",
        "model_version": "3",
        "id": "a",
        "outputs": [
            {"name": "score", "shape": [1], "datatype": "FP64", "data": [None]},
            {"name": "decision", "shape": [1], "datatype": "BOOL", "data": [None]},
        ],
    }


def test_several_rows_without_an_id_have_none_in_common() -> None:
    assert "id" not in received(Wanted(tuple((output, False) for output in OUTPUTS))).get_response()


def test_some_outputs_in_json_and_some_behind_it() -> None:
    result = received(Wanted(((OUTPUTS[0], False), (OUTPUTS[6], True), (OUTPUTS[3], True))))
    np.testing.assert_array_equal(result.as_numpy("score"), [0.25, np.nan])
    assert result.as_numpy("id").tolist() == [b"a", b"b"]
    assert result.as_numpy("review").tolist() == [False, True]


def test_probabilities_of_several_classes_are_a_matrix() -> None:
    outputs = outputs_of("classes", ("x", "y", "z"), ("amount",), sets=True)
    answered = Answered(
        score=[[0.2, 0.3, 0.5]],
        classes=("x", "y", "z"),
        decision=["z"],
        confidence=[0.5],
        sets=[["y", "z"]],
        review=[False],
        reason=[""],
        loss=[None],
        propensity=[1.0],
    )
    answer = Reply(model="m", version=1, ids=["a"], answered=answered, first=0, rows=1, problems=[])
    content, length = write(answer, Wanted(tuple((output, True) for output in outputs)))
    result = InferResult.from_response_body(content, header_length=length)
    np.testing.assert_array_equal(result.as_numpy("score"), [[0.2, 0.3, 0.5]])
    np.testing.assert_array_equal(result.as_numpy("contributions"), [[np.nan, np.nan]])
    assert result.as_numpy("decision").tolist() == [b"z"]
    assert result.as_numpy("classes").tolist() == [b'["y","z"]']


# Round trips and anything at all


@given(
    st.integers(1, 20).flatmap(
        lambda n: st.tuples(
            st.lists(st.floats(), min_size=n, max_size=n),
            st.lists(st.integers(-(2**53), 2**53), min_size=n, max_size=n),
            st.lists(st.text(), min_size=n, max_size=n),
        )
    )
)
def test_values_come_through_as_they_were_sent(columns: tuple[list[float], list[int], list[str]]) -> None:
    inputs = []
    for name, datatype, values, dtype in zip(
        ("amount", "count", "card"), ("FP64", "INT64", "BYTES"), columns, (np.float64, np.int64, object), strict=True
    ):
        inputs.append(InferInput(name, [len(values)], datatype))
        inputs[-1].set_data_from_numpy(np.array(values, dtype=dtype))
    content, length = InferenceServerClient.generate_request_body(inputs)
    request = TENSORS.read(content, str(length).encode())[0]
    sent = zip(*columns, strict=True)
    assert repr(request.rows) == repr([(None if a != a else a, b, None, c) for a, b, c in sent])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
)
TENSOR = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["amount", "count", "card", "x"]),
        "shape": st.lists(st.integers(0, 3) | st.integers(), max_size=3),
        "datatype": st.sampled_from(["FP64", "INT8", "BYTES", "BOOL", "UINT64", "x"]),
    },
    optional={
        "data": JSON,
        "parameters": st.none()
        | st.dictionaries(
            st.sampled_from(["binary_data_size", "content_type", "x"]), st.integers(-1, 9) | st.text(max_size=3)
        ),
    },
)


@given(
    st.lists(TENSOR, max_size=3),
    st.dictionaries(st.sampled_from(["id", "outputs", "parameters", "x"]), JSON, max_size=2),
    st.binary(max_size=20),
    st.integers(-3, 3) | st.none(),
)
def test_anything_like_a_request_is_read_or_refused(
    inputs: list[Any], other: dict[str, Any], tail: bytes, shift: int | None
) -> None:
    content = body(*inputs, **other)
    header = None if shift is None else str(len(content) + shift).encode()
    with suppress(ServeError):
        request, _ = TENSORS.read(content + tail, header)
        assert {len(row) for row in request.rows} == {len(FIELDS)}


@given(st.binary(), st.binary(max_size=3) | st.none())
def test_anything_at_all_is_refused(content: bytes, header: bytes | None) -> None:
    refused(content, header)


@given(st.data())
def test_a_request_with_some_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    content, length = InferenceServerClient.generate_request_body(triton(binary=data.draw(st.booleans())))
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ServeError):
        TENSORS.read(bytes(changed), None if length is None else str(length).encode())
