"""Remember Synapse runs on disk and serve them over HTTP.

This release holds only the distribution's place: it can be installed and imported, and offers nothing yet. What will
stand here are the SQLite store, the pipeline service with its live streams of events, and the client for it.
"""

__version__ = "0.1.0"
