"""The commands: one file each, with its help, its options and what it does."""
