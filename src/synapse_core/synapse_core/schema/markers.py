"""What ``Annotated`` may say of a field besides its constraints.

Plain text in ``Annotated[int, "passes over the data"]`` is a description too.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Help:
    """The field's description: ``Annotated[int, Help("passes over the data")]``."""

    text: str


@frozen
class Title:
    """The field's name as people read it: ``Annotated[int, Title("Epochs")]``."""

    text: str


@frozen
class Secret:
    """The field's value is never shown: ``Annotated[str, Secret()]``, as ``metadata={"secret": True}``."""
