"""What happens in a Ray worker: an order as data in, an outcome as data out, and reports on the way."""
