"""Customers with habits who pay at terminals, and the frauds among their payments: what `transactions` tells in a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.testing.streams import Family, choose, day_effects

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY_SECONDS = 86_400

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
LARGE_AMOUNT = 220.0
TERMINAL_DAYS, CUSTOMER_DAYS = 28, 14


@dataclass(frozen=True, slots=True)
class Terminals:
    """Where payments are made: tills and web shops."""

    place: NDArray[np.float64]  # km, (terminals, 2)
    country: NDArray[np.int64]
    group: NDArray[np.int64]
    popularity: NDArray[np.float64]
    tills: int  # the first so many stand in a shop, the others are web shops


@dataclass(frozen=True, slots=True)
class Customers:
    """Who pays: where they live, and what their habits are."""

    place: NDArray[np.float64]
    mean_amount: NDArray[np.float64]
    rate: NDArray[np.float64]  # transactions per day
    age: NDArray[np.int64]
    near: NDArray[np.int64]  # terminals close to home, (customers, up to 12)
    near_km: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Payments:
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


def draw_terminals(count: int, rng: np.random.Generator) -> Terminals:
    """So many terminals, one in ten of them a web shop."""
    place, country = _draw_places(count, rng)
    shares = np.array([[share for share, _, _ in MERCHANT_GROUPS.values()]])
    group = choose(shares, np.zeros(count, np.int64), rng)
    return Terminals(place, country, group, rng.gamma(2.0, size=count), count - max(1, count // 10))


def draw_customers(count: int, shops: Terminals, rng: np.random.Generator) -> Customers:
    """So many customers, each with the tills near home."""
    from scipy.spatial import KDTree

    place, _ = _draw_places(count, rng)
    near_km, near = KDTree(shops.place[: shops.tills]).query(place, k=np.arange(1, min(12, shops.tills) + 1))
    return Customers(
        place=place,
        mean_amount=35 * np.exp(0.5 * rng.standard_normal(count)),
        rate=rng.gamma(2.0, size=count),
        age=(18 + 72 * rng.beta(1.8, 2.6, count)).astype(np.int64),
        near=near,
        near_km=near_km,
    )


def draw_payments(
    people: Customers, shops: Terminals, weekday: NDArray[np.int64], rng: np.random.Generator
) -> Payments:
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
    way = choose(ways.reshape(-1, 3), day * 3 + age_band(people.age[customer]), rng)
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
    return Payments(seconds[order], customer[order], terminal[order], np.maximum(cents[order], 1))


def commit_fraud(
    payments: Payments, customers: int, terminals: int, days: int, rng: np.random.Generator
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


def age_band(age: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 below 35 years, 1 below 60, 2 for older."""
    return np.searchsorted([35, 60], age, side="right")
