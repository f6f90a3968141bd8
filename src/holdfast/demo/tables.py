"""The two tables of the demo: generated, or cut from a file."""

from __future__ import annotations

from pathlib import Path

import holdfast as hf
from holdfast.commands.terminal import progress

PLANTED = """\
    amount             from April 24 in cents, not in euros, in 40% of the rows
    terminal_risk_7d   from April 23 missing in 60% of the rows that had it
    merchant_group     from April 22 a new group, in 6% of the rows
    customer_count_1d  from April 22 beside the wrong rows: values as often as
                       before, but no longer in step with customer_count_7d
"""

FEWEST_ROWS = 500
"""Of a file that is worth cutting in two."""


def generate(reference: Path, current: Path) -> dict[str, str]:
    """Write eight weeks of transactions and the next one, tell what was planted in that, and return the roles."""
    import pyarrow.parquet as pq

    from holdfast.testing.transactions import demo_tables

    weeks, ninth = demo_tables()
    pq.write_table(weeks, reference)
    pq.write_table(ninth, current)
    print("Two generated months of card transactions:")
    print(f"  {reference}  {weeks.num_rows:,} rows of eight weeks")
    print(f"  {current}    {ninth.num_rows:>7,} rows of the ninth, in which we planted\n{PLANTED}")
    return {"transaction_id": "id", "time": "time", "is_fraud": "target"}


def cut(data: str, time: str | None, reference: Path, current: Path) -> dict[str, str]:
    """Write the last tenth of a table in time and the rest, batch by batch, and return the role of the time column."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from holdfast.profile.calendar import moments

    with progress(), hf.open_table(data, name="data") as table:
        if time is None:
            raise hf.SettingError(f"--data needs --time, one of its columns {', '.join(table.schema.names[:20])}.")
        hf.infer(table, roles={time: "time"}, rows=FEWEST_ROWS)  # refuses a column that is not there, or is no time
        times = np.concatenate([np.empty(0), *(moments(batch.column(0))[0] for batch in table.batches([time]))])
        rows = np.count_nonzero(~np.isnan(times))
        if rows < FEWEST_ROWS:
            raise hf.InputError(f"data: expected at least {FEWEST_ROWS} rows with a time in {time!r}, got {rows}.")
        start = np.nanquantile(times, 0.9, method="higher")
        if not (times < start).any():
            raise hf.InputError(f"data: too many rows have the same time in {time!r} to cut them in two.")
        with (
            pq.ParquetWriter(reference, table.schema, compression="zstd") as before,
            pq.ParquetWriter(current, table.schema, compression="zstd") as after,
        ):
            for batch in table.batches():
                moment = moments(batch.column(time))[0]
                for file, rows_of_it in ((before, moment < start), (after, moment >= start)):
                    if rows_of_it.any():
                        file.write_batch(batch.filter(pa.array(rows_of_it)))
    print(f"{data}, cut in two by {time}:")
    print(f"  {reference}  {np.count_nonzero(times < start):,} rows")
    print(f"  {current}    {np.count_nonzero(times >= start):,} rows, the last in time")
    print(f"{len(times) - rows:,} rows without a time are in neither.\n" if rows < len(times) else "")
    return {time: "time"}
