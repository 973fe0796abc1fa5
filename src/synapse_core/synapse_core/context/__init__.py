"""What an action is given beside its params: `RuntimeContext`; and a run's folders: `PipelineContext`."""

from synapse_core.context.cancelling import CancelToken
from synapse_core.context.folders import PipelineContext, data_home
from synapse_core.context.runtime import MidwayState, RuntimeContext

__all__ = ["CancelToken", "MidwayState", "PipelineContext", "RuntimeContext", "data_home"]
