"""This boot as a picture: what the journal tells, as rows of bars, as one SVG file."""
