"""Training/serving skew, row by row: were rows answered from the features that the same pipeline makes of them offline?"""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

from holdfast.book.opening import open_book
from holdfast.errors import SettingError
from holdfast.log.moments import Moment, moment
from holdfast.log.reading import open_log
from holdfast.monitoring.reference import reference_of
from holdfast.monitoring.skew.comparing import AT_MOST, skew_of
from holdfast.monitoring.skew.differing import Tolerance
from holdfast.monitoring.skew.skewed import Skew
from holdfast.monitoring.sources.champion import in_service
from holdfast.monitoring.sources.source import MICROSECONDS, LogSource
from holdfast.names import listed
from holdfast.releases.store import open_store
from holdfast.site import Site, load_site
from holdfast.tables import open_table


def skew(
    model: str,
    recomputed: object,
    *,
    site: Site | str | os.PathLike[str] | None = None,
    id: str | None = None,  # noqa: A002  # what it is called everywhere
    since: Moment | None = None,
    until: Moment | None = None,
    at_most: float = AT_MOST,
    relative: float = 1e-6,
    absolute: float = 1e-9,
) -> Skew:
    """Compare the features that a model was served with, row by row, with the same features made again offline.

    Parameters
    ----------
    model
        Whose log is read.
    recomputed
        Features made again: any table that `open_table` reads, with the id of each prediction and columns called as those of
        the history. What it does not have is not compared.
    site
        The installation: its `Site`, or the path of `site.toml`; None: that of the current folder.
    id
        Its column with the ids; None: `hf_id`, else the id column of the history, which is then looked for in the same column
        of the log.
    since, until
        Rows that were received from this moment on, and before that one; as in `PredictionLog.predictions`.
    at_most
        Share of the rows that may differ, 0 to 1: a column fails where more do for certain.
    relative, absolute
        Numbers are the same if they are no further apart than this part of the larger one, or than this.

    Returns
    -------
    Skew
        Of each column how many rows differ and in which way, since when, by how much, and which rows.

    Raises
    ------
    SettingError
        The model is not logged, there is no such column, or a number makes no sense.
    InputError
        No id of the table was served in that time, or a column has another type than the served one.
    """
    for name, value, most in (("at_most", at_most, 1.0), ("relative", relative, 1.0), ("absolute", absolute, None)):
        if not value >= 0 or (most is not None and not value < most):
            raise SettingError(f"{name}: expected a number from 0{'' if most is None else ' to 1'}, got {value}.")
    found = site if isinstance(site, Site) else load_site(None if site is None else Path(site))
    log = open_log(found.root_path)
    if model not in log.models:
        known = f"logged: {listed(log.models)}" if log.models else "nothing is logged yet"
        raise SettingError(f"Nothing is logged of {model} in {log.root}; {known}.")
    with closing(open_book(found.book_location)) as book:
        reference = reference_of(in_service(model, book, open_store(found.path(found.releases))))
    served = found.models.get(model)
    with open_table(recomputed, name="the table of features made again") as table:
        return skew_of(
            LogSource(log, model),
            reference,
            table,
            id=id,
            hashed=() if served is None else served.hashed,
            since=0 if since is None else moment(since, "since"),
            until=int(time.time() * MICROSECONDS) + 1 if until is None else moment(until, "until"),
            at_most=at_most,
            tolerance=Tolerance(relative=relative, absolute=absolute),
        )
