"""Run Synapse actions and pipelines on a Ray cluster.

This release holds only the distribution's place: it can be installed and imported, and offers nothing yet. What will
stand here are the executors that start an action as an actor, as a task of a job or through the Jobs API, and the one
that hosts the core's engine inside an actor on the cluster.
"""

__version__ = "0.1.0"
