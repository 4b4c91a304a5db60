"""What export asks of a network, whatever its kind, and whether a contract speaks of it."""
