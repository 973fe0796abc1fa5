"""``python -m synapse_core.cli``."""

import sys

from synapse_core.cli import main

sys.exit(main())
