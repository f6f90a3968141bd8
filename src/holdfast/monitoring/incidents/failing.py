"""N of M windows: a quality check that fails again and again opens an incident, where that is asked for.

Signals need no such rule: their evidence is added up over windows, and weighed against a budget of false alarms. A check
judges each window by itself.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from holdfast.checks.catalogue import QUALITY
from holdfast.incident import CHECK, Incident, Sign
from holdfast.monitoring.judging import Judgement

Checked: TypeAlias = tuple[float, frozenset[str]]
"""Beginning of a window, and the keys of the checks that failed in it."""

MICROSECONDS = 1e6


class Failing:
    """The checks that failed in the newest windows.

    Parameters
    ----------
    asked
        In how many of how many windows a check fails that opens an incident; None: it opens none.
    windows
        Those that earlier runs judged, by their beginning in microseconds since 1970. Windows of too few rows were not
        checked, and do not count.
    """

    def __init__(self, asked: tuple[int, int] | None, windows: Mapping[int, Mapping[str, Any]]) -> None:
        self._least, most = asked or (0, 0)
        known = sorted(place for place, one in windows.items() if "findings" in one) if asked else []
        self._newest = deque(
            (_checked(place / MICROSECONDS, windows[place]["findings"]) for place in known), maxlen=most
        )

    def judged(
        self,
        judgement: Judgement,
        start: float,
        findings: Iterable[Mapping[str, str]],
        incidents: Mapping[str, Incident],
    ) -> Judgement:
        """What was found of a window, and the checks that have failed as often as is asked for, with this window.

        A check is back where it fails in fewer windows; an incident is over when that was so as long as for any signal.

        Parameters
        ----------
        judgement
            Of the signals.
        start, findings
            Of the window, which is newer than all that were judged before.
        incidents
            All that there are: what an open one has is not opened again.
        """
        if not self._newest.maxlen:
            return judgement
        self._newest.append(_checked(start, findings))
        counts = Counter(key for _, failed in self._newest for key in failed)
        unresolved = [one for one in incidents.values() if one.status != "resolved"]
        held = {sign.key for one in unresolved for sign in one.signs if sign.severity is not None}
        effects = {key: float(counts[key]) for key in sorted({*counts, *held})}
        opening = [key for key, times in sorted(counts.items()) if times >= self._least and key not in held]
        return replace(
            judgement,
            signs=[*judgement.signs, *(self._sign(key, counts[key]) for key in opening)],
            effects={**judgement.effects, **effects},
            back={**judgement.back, **dict.fromkeys(effects, self._least - 1.0)},
        )

    def _sign(self, key: str, times: int) -> Sign:
        since = next(start for start, failed in self._newest if key in failed)
        return Sign(
            key=key,
            effect=times,
            low=times,
            high=times,
            e_value=0.0,
            since=since,
            earliest=since,
            latest=since,
            minimum=self._least,
            severity=QUALITY[key.rpartition(":")[2]].severity,
        )


def _checked(start: float, findings: Iterable[Mapping[str, str]]) -> Checked:
    failed = (one for one in findings if one["status"] == "fail" and one["code"] in QUALITY)
    return start, frozenset(f"{CHECK}:{one['subject']}:{one['code']}" for one in failed)
