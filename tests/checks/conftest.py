"""How tests put a question: one code, asked of two tables."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import holdfast as hf

Ask = Callable[..., dict[str, hf.Finding]]


@pytest.fixture
def ask() -> Ask:
    """`ask(code, reference, current, **options)`: the findings of one code by subject."""

    def findings(code: str, reference: object, current: object, **options: object) -> dict[str, hf.Finding]:
        result = hf.compare(reference, current, **options)
        return {f.subject: f for f in result.findings if f.code == code}

    return findings
