"""Card transactions with fraud that changes over time.

The simulation follows the ideas of the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot and Bontempi,
*Reproducible Machine Learning for Credit Card Fraud Detection*, 2022, ch. 3): customers with habits pay at terminals
near their home, and three kinds of fraud start and stop. Amounts, channels, countries, merchants and the variation
between days are our own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import SettingError
from holdfast.testing.payments import (
    COUNTRIES,
    DAY_SECONDS,
    MERCHANT_GROUPS,
    Customers,
    Payments,
    Terminals,
    age_band,
    commit_fraud,
    draw_customers,
    draw_payments,
    draw_terminals,
)
from holdfast.testing.planted import change_dependence, new_category, nulls, since_mask, unit_change
from holdfast.testing.streams import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# The longest history that a feature looks back on; so many days are simulated before the first one and dropped.
HISTORY_DAYS = 30

SCHEMA = pa.schema(
    [
        ("transaction_id", pa.string()),
        ("time", pa.timestamp("us", "UTC")),
        ("customer_id", pa.string()),
        ("terminal_id", pa.string()),
        ("amount", pa.float64()),
        ("merchant_group", pa.string()),
        ("channel", pa.string()),
        ("country", pa.string()),
        ("distance_km", pa.float64()),
        ("customer_mean_amount_30d", pa.float64()),
        ("customer_count_1d", pa.int64()),
        ("customer_count_7d", pa.int64()),
        ("terminal_count_7d", pa.int64()),
        ("terminal_risk_7d", pa.float64()),
        ("age", pa.int64()),
        ("device_os", pa.string()),
        ("is_fraud", pa.bool_()),
    ]
)

CHANNELS = ("contactless", "chip", "wallet", "magstripe", "online", "recurring")
# Weights of the channels: small and large amounts at a till by age (below 35, below 60, older), then at a web shop.
CHANNEL_WEIGHTS = np.array(
    [
        [0.52, 0.10, 0.37, 0.01, 0, 0],
        [0.62, 0.20, 0.17, 0.01, 0, 0],
        [0.57, 0.38, 0.04, 0.01, 0, 0],
        [0.20, 0.52, 0.27, 0.01, 0, 0],
        [0.24, 0.63, 0.12, 0.01, 0, 0],
        [0.16, 0.80, 0.03, 0.01, 0, 0],
        [0, 0, 0, 0, 0.85, 0.15],
    ]
)
DEVICES = ("android", "ios", "windows", "macos", "linux")
# Weights of the systems by age: of a wallet, then of an online payment. Other channels know no device.
DEVICE_WEIGHTS = np.array(
    [
        [0.50, 0.50, 0, 0, 0],
        [0.55, 0.45, 0, 0, 0],
        [0.60, 0.40, 0, 0, 0],
        [0.40, 0.34, 0.14, 0.10, 0.02],
        [0.35, 0.25, 0.27, 0.11, 0.02],
        [0.28, 0.17, 0.43, 0.10, 0.02],
    ]
)


def transactions(
    *,
    customers: int = 1_000,
    terminals: int = 2_000,
    start: str = "2025-01-01",
    days: int = 60,
    seed: int = 0,
    scenario: bool = False,
) -> pa.Table:
    """Simulate card transactions, about two per customer and day, of which about one in a hundred is fraud.

    Volume, amounts and the shares of online and distant payments vary from day to day (weekly rhythm and an AR(1)
    process). Fraud comes in three scenarios that start and stop:

    1. *large amounts*: in waves of one to two weeks, one in 250 transactions is a fraud of 220 or more;
    2. *compromised terminals*: each day each terminal falls with probability 1/5,000; for 28 days all its transactions
       are frauds;
    3. *compromised customers*: each day each customer's card data are stolen with probability 1/1,600; for 14 days a
       third of the customer's transactions are frauds of five times the amount.

    Parameters
    ----------
    customers, terminals
        How many there are; at least 1 and 2. One terminal in ten is a web shop.
    start
        First day, as `YYYY-MM-DD`, UTC.
    days
        Number of days, at least 1.
    seed
        Equal arguments give equal tables.
    scenario
        Add `fraud_scenario` (0 for none, 1 to 3; the highest where several meet): part of the truth, never a feature.

    Returns
    -------
    Table
        One row per transaction in order of time, with the columns of `SCHEMA`: amounts in euros; `distance_km` from the
        customer's home, null online; `device_os`, null where the channel knows none. Features see only the past:
        `customer_mean_amount_30d` (null without history) and `customer_count_1d` / `_7d` the customer's transactions in
        [t - 30 / 1 / 7 days, t), `terminal_count_7d` and `terminal_risk_7d` (share of fraud, null without history) the
        terminal's in [t - 14 days, t - 7 days), because labels come a week late.

    Raises
    ------
    SettingError
        If there are too few customers, terminals or days.
    ValueError
        If `start` is not a date.

    Examples
    --------
    >>> table = transactions(customers=100, terminals=50, days=7)
    >>> table.num_columns, 1_000 < table.num_rows < 2_000
    (17, True)
    """
    if customers < 1 or terminals < 2 or days < 1:
        raise SettingError(
            f"expected customers >= 1, terminals >= 2 and days >= 1, got {customers}, {terminals} and {days}: "
            "ask for more"
        )
    rng = np.random.default_rng(seed)
    # 1970-01-01 was a Thursday.
    weekday = (np.datetime64(start, "D").astype(int) - HISTORY_DAYS + np.arange(HISTORY_DAYS + days) + 3) % 7
    shops = draw_terminals(terminals, rng)
    people = draw_customers(customers, shops, rng)
    payments = draw_payments(people, shops, weekday, rng)
    fraud = commit_fraud(payments, customers, terminals, len(weekday), rng)
    columns = _features(payments, fraud) | _descriptions(payments, people, shops, rng)

    kept = payments.seconds >= HISTORY_DAYS * DAY_SECONDS
    first = np.datetime64(start, "us") - np.timedelta64(HISTORY_DAYS, "D")
    columns |= {
        "time": pa.array(first + payments.seconds.astype("timedelta64[s]"), SCHEMA.field("time").type),
        "customer_id": _identifiers("C", customers).take(pa.array(payments.customer)),
        "terminal_id": _identifiers("T", terminals).take(pa.array(payments.terminal)),
        "amount": payments.cents / 100,
        "is_fraud": fraud > 0,
        "fraud_scenario": fraud,
    }
    names = [name for name in SCHEMA.names if name != "transaction_id"] + ["fraud_scenario"] * scenario
    table = pa.table({name: columns[name] for name in names}).filter(pa.array(kept))
    return table.add_column(0, "transaction_id", _identifiers("X", table.num_rows, 9))


def demo_tables(seed: int = 0) -> tuple[pa.Table, pa.Table]:
    """Two months of transactions of 1,000 customers: eight weeks as they were, and the next one with four planted changes.

    In the week from April 21, 2025, a Monday, and nowhere else:

    - `customer_count_1d`: from April 22 the values stand beside the wrong rows, so that its dependence with
      `customer_count_7d` (and with whatever else it depended on) is gone, while its distribution stays the same;
    - `merchant_group`: from April 22 a new value, `crypto`, in 6% of the rows;
    - `terminal_risk_7d`: from April 23 null in 60% of the rows that have a value;
    - `amount`: from April 24 in cents, not in euros, in 40% of the rows. No other column follows, so whatever depended
      on the amount, such as `customer_mean_amount_30d`, now depends on it less.

    Everything else varies as it does by nature: days, weekdays, waves of fraud. The eight weeks show how much.

    Parameters
    ----------
    seed
        Equal seeds give equal tables.

    Returns
    -------
    tuple of Table
        Reference and current table, about 110,000 and 14,000 rows, with the columns of `SCHEMA`.

    Examples
    --------
    >>> reference, current = demo_tables()
    >>> reference["time"][0].as_py().date(), current["time"][0].as_py().date()
    (datetime.date(2025, 2, 24), datetime.date(2025, 4, 21))
    """
    table = transactions(start="2025-02-24", days=63, seed=seed)
    is_last_week = since_mask(table, "2025-04-21", "time")
    seeds = np.random.SeedSequence(seed).generate_state(4).tolist()
    week = table.filter(pa.array(is_last_week))
    week = change_dependence(week, "customer_count_1d", "customer_count_7d", 0.0, "2025-04-22", seed=seeds[0]).table
    week = new_category(week, "merchant_group", "crypto", 0.06, "2025-04-22", seed=seeds[1]).table
    week = nulls(week, "terminal_risk_7d", 0.60, "2025-04-23", seed=seeds[2]).table
    week = unit_change(week, "amount", 100.0, "2025-04-24", share=0.40, seed=seeds[3]).table
    return table.filter(pa.array(~is_last_week)), week


def _features(payments: Payments, fraud: NDArray[np.int8]) -> dict[str, pa.Array]:
    """What was known of the customer and the terminal when each payment came."""
    seconds = payments.seconds
    (month_count, month_cents), (day_count, _), (week_count, _) = _past(
        payments.customer, seconds, payments.cents, [(30, 0), (1, 0), (7, 0)]
    )
    # Labels come a week late.
    [(known_count, known_frauds)] = _past(payments.terminal, seconds, (fraud > 0).astype(np.int64), [(14, 7)])
    return {
        "customer_mean_amount_30d": _ratio(month_cents, 100 * month_count),
        "customer_count_1d": pa.array(day_count),
        "customer_count_7d": pa.array(week_count),
        "terminal_count_7d": pa.array(known_count),
        "terminal_risk_7d": _ratio(known_frauds, known_count),
    }


def _past(
    entity: NDArray[np.int64], seconds: NDArray[np.int64], values: NDArray[np.int64], windows: Sequence[tuple[int, int]]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Number and sum of the values of the same entity in [t - older, t - newer) days, for each of the windows."""
    # Entities lie one after another on a line, further apart than any window reaches.
    apart = seconds.max(initial=0) + max(older for older, _ in windows) * DAY_SECONDS + 1
    line = entity * apart + seconds
    order = np.argsort(line, kind="stable")
    line = line[order]
    cumulative = np.concatenate([[0], np.cumsum(values[order])])
    past = []
    for older, newer in windows:
        first = np.searchsorted(line, line - older * DAY_SECONDS)
        last = np.searchsorted(line, line - newer * DAY_SECONDS)
        count, total = np.empty_like(line), np.empty_like(line)
        count[order] = last - first
        total[order] = cumulative[last] - cumulative[first]
        past.append((count, total))
    return past


def _ratio(total: NDArray[np.int64], count: NDArray[np.int64]) -> pa.Array:
    """Null where there is nothing to divide by."""
    return pa.array(total / np.maximum(count, 1), mask=count == 0)


def _descriptions(
    payments: Payments, people: Customers, shops: Terminals, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Who paid where, and how."""
    customer, terminal = payments.customer, payments.terminal
    age = people.age[customer]
    online = terminal >= shops.tills
    is_large = payments.cents >= 5_000
    channel = choose(CHANNEL_WEIGHTS, np.where(online, 6, is_large * 3 + age_band(age)), rng)
    device = choose(DEVICE_WEIGHTS, online * 3 + age_band(age), rng)
    has_device = np.isin(channel, [CHANNELS.index("wallet"), CHANNELS.index("online")])
    distance = np.linalg.norm(people.place[customer] - shops.place[terminal], axis=1)
    return {
        "merchant_group": pa.array(list(MERCHANT_GROUPS)).take(pa.array(shops.group[terminal])),
        "channel": pa.array(CHANNELS).take(pa.array(channel)),
        "country": pa.array(COUNTRIES).take(pa.array(shops.country[terminal])),
        "distance_km": pa.array(distance.round(3), mask=online),
        "age": pa.array(age),
        "device_os": pa.array(DEVICES).take(pa.array(device, mask=~has_device)),
    }


def _identifiers(letter: str, count: int, digits: int = 6) -> pa.Array:
    numbers = pc.utf8_lpad(pa.array(np.arange(1, count + 1)).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(letter, numbers, "")
