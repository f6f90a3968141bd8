"""Card transactions with fraud that changes over time, and changes to plant in any table.

The simulation follows the ideas of the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot and Bontempi,
*Reproducible Machine Learning for Credit Card Fraud Detection*, 2022, ch. 3): customers with habits pay at terminals
near their home, and three kinds of fraud start and stop. Amounts, channels, countries, merchants and the variation
between days are our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import SettingError
from holdfast.testing.streams import Family, choose, day_effects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DAY_SECONDS = 86_400
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

# Volume from Monday to Sunday.
WEEKDAYS = np.array([0.97, 0.95, 0.97, 1.02, 1.15, 1.20, 0.74])
# Share of the terminals, typical amount relative to the customer's mean, weight at weekends relative to other days.
MERCHANT_GROUPS = {
    "groceries": (0.22, 0.7, 1.1),
    "restaurants": (0.16, 0.8, 1.4),
    "clothing": (0.10, 1.2, 1.2),
    "transport": (0.08, 0.4, 0.7),
    "fuel": (0.07, 1.1, 0.9),
    "health": (0.07, 0.8, 0.5),
    "home": (0.07, 1.5, 1.2),
    "leisure": (0.07, 0.9, 1.6),
    "electronics": (0.06, 2.2, 1.0),
    "services": (0.05, 1.3, 0.6),
    "travel": (0.03, 3.0, 1.0),
    "gaming": (0.02, 0.5, 1.3),
}
# A list literal would be laid out one country to a line.
COUNTRIES = "DE FR IT ES NL AT BE PL CH PT CZ IE DK SE GR FI HU RO HR LU".split()  # noqa: SIM905
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
LARGE_AMOUNT = 220.0
TERMINAL_DAYS, CUSTOMER_DAYS = 28, 14


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
    shops = _draw_terminals(terminals, rng)
    people = _draw_customers(customers, shops, rng)
    payments = _draw_payments(people, shops, weekday, rng)
    fraud = _commit_fraud(payments, customers, terminals, len(weekday), rng)
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


class Planted(NamedTuple):
    """A table with one change, and the positions of the rows that were touched (int64, increasing)."""

    table: pa.Table
    rows: NDArray[np.int64]


def nulls(
    table: pa.Table,
    column: str,
    share: float,
    since: str | datetime | None = None,
    *,
    time: str = "time",
    seed: int = 0,
) -> Planted:
    """Make a column null in a share of the rows that have a value.

    Parameters
    ----------
    table, column
        What to change; the table given is left alone.
    share
        Share of the rows since `since` with a value, from 0 to 1; exact up to rounding, drawn at random.
    since
        First moment of the change (ISO 8601 or datetime; without a zone UTC is meant); None: all rows.
    time
        Name of the timestamp column that `since` refers to.
    seed
        Decides the rows.

    Returns
    -------
    Planted
        The new table and the rows that were touched.

    Examples
    --------
    >>> nulls(pa.table({"x": [1, 2, 3, 4]}), "x", 0.5).table["x"].null_count
    2
    """
    rows = _draw_rows(table, column, share, since, time, seed)
    return _replace(table, column, rows, pa.nulls(len(rows)))


def unit_change(
    table: pa.Table,
    column: str,
    factor: float,
    since: str | datetime | None = None,
    *,
    share: float = 1.0,
    time: str = "time",
    seed: int = 0,
) -> Planted:
    """Multiply a number by a factor, such as 100 for cents that used to be euros, in a share of the rows.

    Parameters and result as in `nulls`; integers are rounded.

    Examples
    --------
    >>> unit_change(pa.table({"x": [1.5, None]}), "x", 100).table["x"].to_pylist()
    [150.0, None]
    """
    rows = _draw_rows(table, column, share, since, time, seed)
    return _replace_numbers(table, column, rows, _numbers(table, column)[rows] * factor)


def shift(
    table: pa.Table, column: str, sd: float, since: str | datetime | None = None, *, time: str = "time"
) -> Planted:
    """Add to a number `sd` of its standard deviations (of the finite values in the whole table as it came).

    Other parameters and result as in `nulls`; integers are rounded.

    Examples
    --------
    >>> shift(pa.table({"x": [0.0, 2.0]}), "x", 0.5).table["x"].to_pylist()
    [0.5, 2.5]
    """
    values = _numbers(table, column)
    rows = _eligible_rows(table, [column], since, time)
    return _replace_numbers(table, column, rows, values[rows] + sd * values[np.isfinite(values)].std())


def new_category(
    table: pa.Table,
    column: str,
    value: str,
    share: float,
    since: str | datetime | None = None,
    *,
    time: str = "time",
    seed: int = 0,
) -> Planted:
    """Write a value into a share of the rows that have one.

    Other parameters and result as in `nulls`.

    Examples
    --------
    >>> new_category(pa.table({"x": ["a", "b"]}), "x", "c", 1.0).table["x"].to_pylist()
    ['c', 'c']
    """
    rows = _draw_rows(table, column, share, since, time, seed)
    return _replace(table, column, rows, pa.array([value] * len(rows), pa.string()))


def duplicate_rows(
    table: pa.Table, share: float, since: str | datetime | None = None, *, time: str = "time", seed: int = 0
) -> Planted:
    """Repeat a share of the rows, each right after itself; the rows reported are the copies.

    Parameters and result as in `nulls`.

    Examples
    --------
    >>> duplicate_rows(pa.table({"x": [1, 2]}), 1.0)
    Planted(table=...[1,1,2,2]..., rows=array([1, 3]))
    """
    rows = _draw_rows(table, None, share, since, time, seed)
    times = np.ones(table.num_rows, np.int64)
    times[rows] = 2
    return Planted(table.take(pa.array(np.repeat(np.arange(table.num_rows), times))), rows + 1 + np.arange(len(rows)))


def change_dependence(
    table: pa.Table,
    a: str,
    b: str,
    correlation: float = 0.0,
    since: str | datetime | None = None,
    *,
    time: str = "time",
    seed: int = 0,
) -> Planted:
    """Reorder the values of column `a` so that its normal scores have a given correlation with those of `b`.

    Both columns keep exactly their values; only which stands beside which changes (a Gaussian copula: Nelsen, *An
    Introduction to Copulas*, 2006, sec. 2.3). With 0, `a` becomes independent of `b`, and of every other column.

    Parameters
    ----------
    table, since, time, seed
        As in `nulls`.
    a, b
        Columns that can be ordered. Rows where either is null or NaN stay as they are.
    correlation
        From -1 to 1, before ties.

    Returns
    -------
    Planted
        The new table and the rows that were reordered.

    Examples
    --------
    >>> change_dependence(pa.table({"a": [3, 1, 2], "b": [10, 20, 30]}), "a", "b", 1.0).table["a"].to_pylist()
    [1, 2, 3]
    """
    from scipy.special import ndtri

    if not -1 <= correlation <= 1:
        raise SettingError(f"expected a correlation from -1 to 1, got {correlation}: mend `correlation`")
    rng = np.random.default_rng(seed)
    rows = _eligible_rows(table, [a, b], since, time)
    score = np.empty(len(rows))
    score[_random_order(_plain(table, b).take(pa.array(rows)), rng)] = ndtri((np.arange(len(rows)) + 0.5) / len(rows))
    target = correlation * score + (1 - correlation**2) ** 0.5 * rng.standard_normal(len(rows))
    values = _plain(table, a).take(pa.array(rows))
    source = np.empty(len(rows), np.int64)
    source[np.argsort(target)] = _random_order(values, rng)
    return _replace(table, a, rows, values.take(pa.array(source)))


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
    is_last_week = _is_since(table, "2025-04-21", "time")
    seeds = np.random.SeedSequence(seed).generate_state(4).tolist()
    week = table.filter(pa.array(is_last_week))
    week = change_dependence(week, "customer_count_1d", "customer_count_7d", 0.0, "2025-04-22", seed=seeds[0]).table
    week = new_category(week, "merchant_group", "crypto", 0.06, "2025-04-22", seed=seeds[1]).table
    week = nulls(week, "terminal_risk_7d", 0.60, "2025-04-23", seed=seeds[2]).table
    week = unit_change(week, "amount", 100.0, "2025-04-24", share=0.40, seed=seeds[3]).table
    return table.filter(pa.array(~is_last_week)), week


@dataclass(frozen=True, slots=True)
class _Terminals:
    place: NDArray[np.float64]  # km, (terminals, 2)
    country: NDArray[np.int64]
    group: NDArray[np.int64]
    popularity: NDArray[np.float64]
    tills: int  # the first so many stand in a shop, the others are web shops


@dataclass(frozen=True, slots=True)
class _Customers:
    place: NDArray[np.float64]
    mean_amount: NDArray[np.float64]
    rate: NDArray[np.float64]  # transactions per day
    age: NDArray[np.int64]
    near: NDArray[np.int64]  # terminals close to home, (customers, up to 12)
    near_km: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Payments:
    """The transactions in order of time; fraud changes `cents` in place."""

    seconds: NDArray[np.int64]  # since the first midnight
    customer: NDArray[np.int64]
    terminal: NDArray[np.int64]
    cents: NDArray[np.int64]


def _draw_places(count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Places in km around the centres of the countries, and the country of each; the n-th country has weight 1/n."""
    # The same map for every call: customers and terminals must share it.
    centres = np.random.default_rng(0).uniform(0, 2_000, (len(COUNTRIES), 2))
    country = choose(1 / np.arange(1.0, len(COUNTRIES) + 1)[None], np.zeros(count, np.int64), rng)
    return centres[country] + 30 * rng.standard_normal((count, 2)), country


def _draw_terminals(count: int, rng: np.random.Generator) -> _Terminals:
    place, country = _draw_places(count, rng)
    shares = np.array([[share for share, _, _ in MERCHANT_GROUPS.values()]])
    group = choose(shares, np.zeros(count, np.int64), rng)
    return _Terminals(place, country, group, rng.gamma(2.0, size=count), count - max(1, count // 10))


def _draw_customers(count: int, shops: _Terminals, rng: np.random.Generator) -> _Customers:
    from scipy.spatial import KDTree

    place, _ = _draw_places(count, rng)
    near_km, near = KDTree(shops.place[: shops.tills]).query(place, k=np.arange(1, min(12, shops.tills) + 1))
    return _Customers(
        place=place,
        mean_amount=35 * np.exp(0.5 * rng.standard_normal(count)),
        rate=rng.gamma(2.0, size=count),
        age=(18 + 72 * rng.beta(1.8, 2.6, count)).astype(np.int64),
        near=near,
        near_km=near_km,
    )


def _draw_payments(
    people: _Customers, shops: _Terminals, weekday: NDArray[np.int64], rng: np.random.Generator
) -> _Payments:
    """Honest transactions: how many, when, where and how much."""
    days = len(weekday)
    volume, level, online, distant = day_effects(days, 4, Family(sd=1.0, phi=0.5), rng).T
    daily = WEEKDAYS[weekday] * np.exp(0.05 * volume)
    counts = rng.poisson(people.rate[:, None] * daily)
    customer = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    day = np.repeat(np.tile(np.arange(days), len(counts)), counts.ravel())
    time_of_day = rng.normal(0.5, 0.18, len(day)) % 1.0
    seconds = day * DAY_SECONDS + (time_of_day * DAY_SECONDS).astype(np.int64)

    # Near home, at a web shop (the young more often), or far away.
    ways = np.stack(
        [
            np.ones((days, 3)),
            np.exp(0.08 * online)[:, None] * [0.35, 0.25, 0.14],
            np.exp(0.10 * distant)[:, None] * [0.05, 0.04, 0.04],
        ],
        axis=2,
    )
    way = choose(ways.reshape(-1, 3), day * 3 + _age_band(people.age[customer]), rng)
    weekend = np.array([weight for _, _, weight in MERCHANT_GROUPS.values()])
    appeal = shops.popularity * np.where((np.arange(7) >= 5)[:, None], weekend[shops.group], 1.0)  # (7, terminals)
    terminal = np.empty(len(day), np.int64)
    near = way == 0
    habits = np.moveaxis(appeal[:, people.near], 0, 1) / (1 + people.near_km / 2)[:, None]  # (customers, 7, near)
    place = choose(habits.reshape(-1, habits.shape[2]), customer[near] * 7 + weekday[day[near]], rng)
    terminal[near] = people.near[customer[near], place]
    terminal[way == 1] = shops.tills + choose(appeal[:, shops.tills :], weekday[day[way == 1]], rng)
    terminal[way == 2] = choose(appeal[:, : shops.tills], weekday[day[way == 2]], rng)

    factor = np.array([factor for _, factor, _ in MERCHANT_GROUPS.values()])[shops.group[terminal]]
    spread = np.exp(0.55 * rng.standard_normal(len(day)) + 0.03 * level[day])
    cents = np.rint(100 * people.mean_amount[customer] * factor * spread).astype(np.int64)
    order = np.argsort(seconds, kind="stable")
    return _Payments(seconds[order], customer[order], terminal[order], np.maximum(cents[order], 1))


def _commit_fraud(
    payments: _Payments, customers: int, terminals: int, days: int, rng: np.random.Generator
) -> NDArray[np.int8]:
    """Turn some payments into frauds, and give the scenario of each payment, 0 for none."""
    day = payments.seconds // DAY_SECONDS
    rows = len(day)
    wave = np.repeat(np.arange(days + 1) % 2, rng.integers(7, 15, days + 1))[rng.integers(14) :]
    large = (wave[day] == 1) & (rng.random(rows) < 1 / 250)
    terminal = _campaigns(terminals, days, TERMINAL_DAYS, 1 / 5_000, rng)[payments.terminal, day]
    customer = _campaigns(customers, days, CUSTOMER_DAYS, 1 / 1_600, rng)[payments.customer, day]
    customer &= rng.random(rows) < 1 / 3
    amounts = LARGE_AMOUNT + rng.exponential(200, np.count_nonzero(large))
    payments.cents[large] = np.rint(100 * amounts).astype(np.int64)
    payments.cents[customer] *= 5
    return np.select([customer, terminal, large], [3, 2, 1]).astype(np.int8)


def _campaigns(count: int, days: int, length: int, rate: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Days on which each of `count` is compromised: a campaign of `length` days begins at `rate` per day."""
    begun = np.cumsum(rng.random((count, length + days)) < rate, axis=1)
    under_way: NDArray[np.bool_] = begun[:, length:] > begun[:, :-length]
    return under_way


def _features(payments: _Payments, fraud: NDArray[np.int8]) -> dict[str, pa.Array]:
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
    payments: _Payments, people: _Customers, shops: _Terminals, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Who paid where, and how."""
    customer, terminal = payments.customer, payments.terminal
    age = people.age[customer]
    online = terminal >= shops.tills
    is_large = payments.cents >= 5_000
    channel = choose(CHANNEL_WEIGHTS, np.where(online, 6, is_large * 3 + _age_band(age)), rng)
    device = choose(DEVICE_WEIGHTS, online * 3 + _age_band(age), rng)
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


def _age_band(age: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted([35, 60], age, side="right")


def _identifiers(letter: str, count: int, digits: int = 6) -> pa.Array:
    numbers = pc.utf8_lpad(pa.array(np.arange(1, count + 1)).cast(pa.string()), digits, "0")
    return pc.binary_join_element_wise(letter, numbers, "")


def _is_since(table: pa.Table, since: str | datetime, time: str) -> NDArray[np.bool_]:
    moment = datetime.fromisoformat(since) if isinstance(since, str) else since
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    start = pa.scalar(moment, table[time].type)
    is_since: NDArray[np.bool_] = pc.greater_equal(table[time], start).fill_null(False).to_numpy()
    return is_since


def _plain(table: pa.Table, column: str) -> pa.Array:
    """Values of a column in one piece, without dictionary."""
    values = table[column]
    return (values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values).combine_chunks()


def _numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    """Values of a column as floats, NaN where it is null."""
    numbers: NDArray[np.float64] = table[column].cast(pa.float64()).to_numpy()
    return numbers


def _draw_rows(
    table: pa.Table, column: str | None, share: float, since: str | datetime | None, time: str, seed: int
) -> NDArray[np.int64]:
    """Positions of a share of the rows since a moment that have a value in the column."""
    if not 0 <= share <= 1:
        raise SettingError(f"expected a share from 0 to 1, got {share}: mend `share`")
    rows = _eligible_rows(table, [] if column is None else [column], since, time)
    return np.sort(np.random.default_rng(seed).choice(rows, round(share * len(rows)), replace=False))


def _eligible_rows(
    table: pa.Table, columns: Sequence[str], since: str | datetime | None, time: str
) -> NDArray[np.int64]:
    """Positions of the rows since a moment that have a value, neither null nor NaN, in every one of the columns."""
    eligible = np.ones(table.num_rows, bool) if since is None else _is_since(table, since, time)
    for column in columns:
        eligible &= ~pc.is_null(table[column], nan_is_null=True).to_numpy()
    return np.flatnonzero(eligible)


def _random_order(values: pa.Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions that sort the values, ties at random."""
    return np.lexsort((rng.random(len(values)), pc.rank(values, tiebreaker="dense").to_numpy()))


def _replace(table: pa.Table, column: str, rows: NDArray[np.int64], values: pa.Array) -> Planted:
    """Write values into rows of a column, which keeps its type."""
    field = table.field(column)
    mask = np.zeros(table.num_rows, bool)
    mask[rows] = True
    plain = _plain(table, column)
    changed = pc.replace_with_mask(plain, pa.array(mask), values.cast(plain.type)).cast(field.type)
    return Planted(table.set_column(table.column_names.index(column), field, changed), rows)


def _replace_numbers(table: pa.Table, column: str, rows: NDArray[np.int64], values: NDArray[np.float64]) -> Planted:
    is_integer = pa.types.is_integer(table[column].type)
    return _replace(table, column, rows, pa.array(np.rint(values) if is_integer else values))
