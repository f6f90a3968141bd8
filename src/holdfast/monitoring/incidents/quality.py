"""The quality checks that a table has to pass before a release, asked of a window in service.

Drift is not among them: that is judged over time, within the budget of false alarms.
"""

from __future__ import annotations

import msgspec

from holdfast.checks.context import Context
from holdfast.comparison import run
from holdfast.monitoring.reference import Reference
from holdfast.profile.table import Profile
from holdfast.records import Finding, Status

SHOWN = frozenset({Status.FAIL, Status.WARN, Status.ERROR})


def quality(reference: Reference, profile: Profile, end: float) -> tuple[Finding, ...]:
    """What is wrong with the rows of a window, the most urgent first; what could not be checked is among it.

    Parameters
    ----------
    reference
        Of the release that answered, with the limits of its project.
    profile
        Of the window, over the same edges.
    end
        Of the window, in seconds since 1970: its rows are as fresh as they were then.
    """
    settings = msgspec.structs.replace(reference.checks, skip=(*reference.checks.skip, "drift"))
    found = run(
        profile, reference.profile, Context(settings=settings, importance=reference.importance, now_seconds=end)
    )
    return tuple(one for one in found if one.status in SHOWN)
