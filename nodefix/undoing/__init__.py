"""Putting back what nodefix changed: one kind of change a file."""
