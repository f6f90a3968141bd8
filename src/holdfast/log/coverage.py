"""How much of what was answered has a label, and how late labels come: what the committer found, for metrics and pages."""

from __future__ import annotations

from pathlib import Path

import msgspec

from holdfast.decoding import ready
from holdfast.log.disk import write_whole

FOLDER = "matching"
FILE = "summary.json"


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a model's labels.

    Attributes
    ----------
    predicted, labelled
        Ids that were answered, each counted once a day of receipt, and those of them that have a label.
    again
        Labels of ids that had one: repeated or corrected ones.
    unmatched
        Labels whose prediction is not in the lake: not yet, or never.
    median_delay_seconds
        From a prediction to the arrival of its first label; None if there is none.
    """

    predicted: int = 0
    labelled: int = 0
    again: int = 0
    unmatched: int = 0
    median_delay_seconds: float | None = None

    @property
    def coverage(self) -> float | None:
        """Share of the predictions that have a label."""
        return self.labelled / self.predicted if self.predicted else None


def summaries(root: Path) -> dict[str, Summary]:
    """What is known of each model's labels, as it was written last: a few small files.

    >>> summaries(Path("nowhere"))
    {}
    """
    found = {}
    for path in sorted((root / FOLDER).glob(f"*/{FILE}")):
        try:
            found[path.parent.name] = msgspec.json.decode(path.read_bytes(), type=ready(Summary))
        except (OSError, msgspec.MsgspecError):  # it is written again
            continue
    return found


def write(root: Path, model: str, summary: Summary) -> None:
    """Let it be known."""
    write_whole(root / FOLDER / model / FILE, msgspec.json.encode(summary))
