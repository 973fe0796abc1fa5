"""Learns to read handwritten digits: the example that ``make demo`` runs, and one to copy from."""
