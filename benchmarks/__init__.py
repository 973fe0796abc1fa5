"""What Synapse costs, beside the bare parts it is made of: ``python -m benchmarks NAME``."""
