"""The errors that reach a user. Few, and named by what the caller can do about them.

A message says what was expected, what came, where, and what to do next. It never carries a value of the user's data.
"""

from __future__ import annotations


class HoldfastError(Exception):
    """Anything that Holdfast refuses to do, with a message meant for a person."""


class InputError(HoldfastError):
    """Data that cannot be read or used as asked: mend the data, or how it is named."""


class SettingError(HoldfastError):
    """An option or a setting that makes no sense: mend the call or the configuration."""


class ProfileError(HoldfastError):
    """Profiles that do not belong together, or bytes that are no profile: make them again from the data."""


class MissingExtraError(HoldfastError, ImportError):
    """An optional package is not installed: install the extra that the message names."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}: pip install 'holdfast[{extra}]'")
        self.package = package
        self.extra = extra


class ModelError(HoldfastError):
    """A model that cannot be loaded, run or converted: mend the model, or say how it is to be read.

    `row` is the place, from 0, of a row that it cannot score among those that it was given, where there is one.
    """

    def __init__(self, message: str, *, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


class ReleaseError(HoldfastError):
    """A release that is damaged, refused or not there: see the message; a sealed folder is never mended by hand."""


class LogError(HoldfastError):
    """A spool or a lake that cannot be written or read: see the message; what was acknowledged stays where it is."""


class BookError(HoldfastError):
    """The book cannot be reached or is damaged: see the message; what is known of it stays in force until it is back."""
