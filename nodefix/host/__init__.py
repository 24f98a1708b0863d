"""All that touches the machine: its files, its programs, its bus.

Nothing is imported here: `nodefix wait` needs two small modules of this folder and no other.
"""
