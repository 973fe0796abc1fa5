"""The priority of Synapse's own actors, in processes that are nicer than whoever started them."""

from __future__ import annotations

import os

import pytest

from tests.ray.niceness import NICER, OFFSET, may_go_first, printed

_GO_FIRST = f"""
from synapse_ray.priority import go_first
{NICER}
found = {{}}
went = threading.Event()
def look(name):
    went.wait()
    found[name] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
before = threading.Thread(target=look, args=["before"])
before.start()
go_first()
went.set()
after = threading.Thread(target=look, args=["after"])
after.start()
before.join()
after.join()
print(os.getpriority(os.PRIO_PROCESS, 0), found["before"], found["after"])
"""


@pytest.mark.parametrize("args", [(), ("without-rights",)])
def test_all_threads_come_as_early_as_the_parents(args: tuple[str, ...]):
    """Those that there are and those to come, where the system lets a process do so; else they stay as they were."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = own if may_go_first(*args) else min(own + OFFSET, 19)
    assert printed(_GO_FIRST, *args).split() == [str(wanted)] * 3
