"""What every test room shares."""

import os
import signal

import pytest
from hypothesis import settings

# The machine may be busy, so no test asserts milliseconds; and CI tries the same examples every time.
settings.register_profile("synapse", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("synapse")

# A shell that runs the tests in the background has Ctrl-C ignored, which the programs that they start would inherit.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes SYNAPSE_* away: what a developer has set must not change what a test sees."""
    for name in [name for name in os.environ if name.startswith("SYNAPSE_")]:
        monkeypatch.delenv(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has what starts clusters run last: they stay up for the tests that share them, and burden all others."""
    items.sort(key=lambda item: "tests/ray/" in item.nodeid)
