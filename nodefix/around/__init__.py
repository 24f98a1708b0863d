"""What the tools around a node read of a run: the message of the day, metrics."""
