"""Where workers report to: an actor of the cluster, found by its name.

Two kinds: the actor of an engine that lives on the cluster takes the reports of its actions itself (`DeskInbox`); an
engine that a driver hosts has a small actor for it (`MailboxInbox`), as workers cannot call drivers.
"""

from __future__ import annotations

from synapse_ray.inbox.here import DeskInbox, ReportsHere
from synapse_ray.inbox.protocol import Inbox, Listener
from synapse_ray.names import NAMESPACE

__all__ = ["NAMESPACE", "DeskInbox", "Inbox", "Listener", "ReportsHere"]
