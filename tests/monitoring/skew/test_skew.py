"""Features as they were served, row by row beside the same features made again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from holdfast.book import monitoring as recorded
from holdfast.errors import InputError, SettingError
from holdfast.log.reading import open_log
from holdfast.monitoring.monitor import monitor
from holdfast.monitoring.rebuild import rebuild
from holdfast.monitoring.run import run
from holdfast.monitoring.skew import recomputed
from holdfast.monitoring.skew.comparing import skew_of
from holdfast.monitoring.skew.skewed import ColumnSkew, Skew
from holdfast.monitoring.sources.source import LogSource
from holdfast.profile.calendar import moments
from holdfast.records import Status
from holdfast.report.monitoring import page
from holdfast.tables import open_table
from holdfast.testing.planted import unit_change

from ..conftest import HISTORY_DAYS, Service, day, payments
from ..sources.test_files import loans, split, write

FIRST = HISTORY_DAYS
DAYS, ROWS = 6, 1_200


def made_again(service: Service) -> pa.Table:
    """The features of all rows of six days, as they were served."""
    rows = payments(FIRST, DAYS, seed=1)
    return rows.append_column("hf_id", pa.array(service.answer(rows, delay_days=None)))


def found(service: Service, table: pa.Table, **asked: object) -> Skew:
    source = LogSource(open_log(service.root), "fraud")
    with open_table(table, name="features.parquet") as opened:
        return skew_of(source, service.reference, opened, **{"since": 0, "until": 2**52} | asked)  # type: ignore[arg-type]


def of(result: Skew, column: str) -> ColumnSkew:
    return next(one for one in result.columns if one.column == column)


def changed(table: pa.Table, column: str, change: object, mask: np.ndarray) -> pa.Table:
    values = pc.if_else(pa.array(mask), pa.scalar(change, table[column].type), table[column])
    return table.set_column(table.schema.names.index(column), column, values)


def test_features_that_are_made_again_alike_pass(service: Service) -> None:
    result = found(service, made_again(service))
    assert result.passed
    assert (result.rows, result.ids, result.unmatched, result.repeated) == (ROWS, ROWS, 0, 0)
    assert {one.column for one in result.columns} == {"time", "amount", "age", "country", "region"}
    assert {one.status for one in result.findings} == {Status.PASS}
    assert of(result, "amount").share == 0
    assert of(result, "amount").high == pytest.approx(1 - 0.025 ** (1 / ROWS))
    assert result.findings[0].message == "1,200 rows: all were served with what is made again."


def test_each_way_to_differ_is_counted_and_dated(service: Service) -> None:
    table = made_again(service)
    place, when = np.arange(ROWS), moments(table["time"].combine_chunks())[0]
    other = (when >= day(FIRST + 3)) & (place % 2 == 0)
    table = changed(table, "amount", 1e6, other)
    table = changed(table, "amount", None, place == ROWS - 1)
    table = changed(table, "country", "DE", when < day(FIRST + 2))
    result = found(service, table)
    amount, country = of(result, "amount"), of(result, "country")
    assert not result.passed
    assert {one.subject for one in result.findings if one.status is Status.FAIL} == {"amount", "country"}
    assert (amount.values, amount.only_served, amount.only_recomputed) == (other.sum(), 1, 0)
    assert amount.share == pytest.approx((other.sum() + 1) / ROWS)
    assert amount.since == amount.earliest == amount.latest == day(FIRST + 3)
    assert amount.ended is None
    assert country.ended == day(FIRST + 2)
    assert country.since is None
    assert [hits == rows for _, rows, hits in country.windows] == [True, True, False, False, False, False]
    assert country.differing == (when < day(FIRST + 2)).sum()
    assert amount.shift is not None
    assert amount.largest is not None
    assert amount.shift == pytest.approx(-1e6, rel=0.01)
    assert amount.largest == pytest.approx(1e6, rel=0.01)
    assert set(amount.ids) < set(table["hf_id"].to_pylist()[ROWS // 2 :])
    assert len(amount.ids) == 20
    message = next(one.message for one in result.findings if one.subject == "amount")
    assert (
        f"{other.sum()} with another value, 1 with a value that is missing when made again, since 2026-03-09" in message
    )


def test_what_was_served_without_a_value_is_told_apart(service: Service) -> None:
    rows = payments(FIRST, 2, seed=1)
    gone = changed(rows, "age", None, np.arange(400) < 40)
    table = rows.append_column("hf_id", pa.array(service.answer(gone, delay_days=None)))
    age = of(found(service, table), "age")
    assert (age.values, age.only_served, age.only_recomputed) == (0, 0, 40)
    assert age.size is None


def test_rows_are_joined_by_the_id_of_the_history_too(service: Service) -> None:
    table = made_again(service).drop_columns(["hf_id"])
    result = found(service, table)
    assert (result.rows, result.unmatched) == (ROWS, 0)
    renamed = table.rename_columns({"payment": "key"})
    with pytest.raises(SettingError, match="expected a column 'hf_id'"):
        found(service, renamed)


def test_ids_that_were_not_served_or_come_twice_are_counted(service: Service) -> None:
    table = made_again(service)
    strange = table.slice(0, 3).set_column(
        table.schema.names.index("hf_id"), "hf_id", pa.array(["no", "01JAAAAAAAAAAAAAAAAAAAAAAA", None])
    )
    twice = changed(table.slice(0, 10), "amount", -1.0, np.ones(10, bool))
    result = found(service, pa.concat_tables([table, strange, twice]))
    assert (result.rows, result.ids, result.unmatched, result.repeated) == (ROWS, ROWS + 2, 2, 11)
    assert of(result, "amount").share == 0


def test_a_table_is_compared_part_by_part(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    table = made_again(service)
    table = changed(table, "amount", -1.0, np.arange(ROWS) % 7 == 0)
    again = pa.concat_tables([table, table.slice(0, 100)])
    whole = found(service, again)
    monkeypatch.setattr(recomputed, "TOGETHER_CELLS", 0)
    monkeypatch.setattr(recomputed, "FEWEST_ROWS", 100)
    batches = pa.RecordBatchReader.from_batches(again.schema, again.to_batches(max_chunksize=70))
    parts = found(service, batches)  # type: ignore[arg-type]
    for one, other in zip(parts.columns, whole.columns, strict=True):
        sums = {"shift": pytest.approx(other.shift), "size": pytest.approx(other.size)} if other.differing else {}
        assert msgspec.structs.asdict(one) == msgspec.structs.asdict(other) | sums
    assert (parts.rows, parts.ids, parts.repeated) == (whole.rows, whole.ids, whole.repeated) == (ROWS, ROWS, 100)


def test_only_the_time_that_is_asked_for_is_compared(service: Service) -> None:
    table = made_again(service)
    first, last = (int(day(FIRST + number) * 1e6) for number in (1, 3))
    when = moments(table["time"].combine_chunks())[0]
    rows = ((when >= day(FIRST + 1)) & (when < day(FIRST + 3))).sum()
    result = found(service, table, since=first, until=last)
    assert (result.rows, result.unmatched) == (rows, ROWS - rows)


def test_few_rows_are_not_called_good(service: Service) -> None:
    table = made_again(service).slice(0, 50)
    (status,) = {one.status for one in found(service, table).findings}
    assert status is Status.INCONCLUSIVE
    assert {one.status for one in found(service, table, at_most=0.2).findings} == {Status.PASS}


def test_columns_that_cannot_be_compared_are_named(service: Service) -> None:
    table = made_again(service).drop_columns(["age"])
    result = found(service, table, hashed=["country"])
    assert result.left_out == {"age": "the table does not have it", "country": "only a hash of it is logged"}


def test_what_cannot_be_answered_is_refused_without_a_value(service: Service) -> None:
    table = made_again(service)
    with pytest.raises(InputError, match=r"None of the 2 ids of features\.parquet was served by fraud"):
        found(service, pa.table({"hf_id": ["a", "b"], "amount": [1.0, 2.0]}))
    with pytest.raises(SettingError, match="has no column that fraud was served with"):
        found(service, table.select(["hf_id"]))
    wrong = table.set_column(table.schema.names.index("amount"), "amount", table["time"])
    with pytest.raises(
        InputError, match=r"'amount' of features\.parquet cannot be read as 'amount' was served, as double"
    ):
        found(service, wrong)
    with pytest.raises(SettingError, match="no column 'nothing'"):
        found(service, table, id="nothing")


def test_the_result_is_plain_and_small(service: Service) -> None:
    result = found(service, made_again(service))
    plain = msgspec.json.decode(result.to_json())
    assert plain["passed"] is True
    assert {one["column"] for one in plain["columns"]} == {"time", "amount", "age", "country", "region"}
    assert repr(result) == "Skew(1,200 rows, 5 columns, 0 failed)"


def test_an_incident_tells_that_its_column_was_served_otherwise(service: Service) -> None:
    rows = payments(FIRST, 12, seed=3)
    served = unit_change(rows, "amount", 100.0, "2026-03-14", share=0.5, seed=0).table
    table = rows.append_column("hf_id", pa.array(service.answer(served)))
    told = found(service, table).told
    assert list(told) == ["amount"]
    source = LogSource(open_log(service.root), "fraud")
    first = run(source, service.reference, service.book, service.root, now=day(FIRST + 12), margin=0.0, skew=told)
    (one,) = first.opened
    assert one.upstream[-1].startswith("amount: ")
    assert ", since 2026-03-14." in one.upstream[-1]
    after = recorded.incidents(service.book, "fraud")
    assert rebuild(source, "fraud", lambda _: service.reference, service.book, service.root) == 1
    assert recorded.incidents(service.book, "fraud") == after


def test_an_incident_that_was_open_before_tells_it_too(service: Service) -> None:
    served = unit_change(payments(FIRST, 12, seed=3), "amount", 100.0, "2026-03-14", share=0.5, seed=0).table
    service.answer(served)
    (one,) = service.monitor(day(FIRST + 12)).opened
    source = LogSource(open_log(service.root), "fraud")
    told = {"amount": "It differs.", "age": "It differs."}
    run(source, service.reference, service.book, service.root, now=day(FIRST + 12), margin=0.0, skew=told)
    found_now = recorded.incidents(service.book, "fraud")[one.id]
    assert found_now["upstream"] == [*one.upstream, "amount: It differs"]
    service.answer(payments(FIRST + 12, 1, seed=3))
    service.monitor(day(FIRST + 13))
    assert "amount: It differs" in recorded.incidents(service.book, "fraud")[one.id]["upstream"]


def test_tables_of_predictions_are_compared_too(tmp_path: Path) -> None:
    """A column that is ten times as large on the last two of ten days."""
    rows = loans(40, 10)
    late = np.arange(rows.num_rows) >= 8 * 120
    served = changed(rows, "income", 10.0, late)
    predictions, labels = split(served)
    asked = {"data": predictions, "labels": labels, "project": write(tmp_path)}
    (watched,) = monitor(**asked, recomputed=rows.select(["loan", "income", "level", "time"])).models
    assert watched.skew is not None
    assert list(watched.skew.told) == ["income"]
    income = of(watched.skew, "income")
    assert (income.values, income.rows, watched.skew.rows, watched.skew.unmatched) == (240, 1_200, 1_200, 0)
    assert set(income.ids) <= set(rows["loan"].filter(pa.array(late)).to_pylist())
    (one,) = [one for one in watched.incidents if one.subject == "income"]
    assert any(text.startswith("income: 240 of 1,200 rows") for text in one.upstream)
    assert "served and made again: 1,200 rows and 3 columns were compared: 1 differs" in page([watched])
