"""What `nodefix collect` puts into its archive: read, redacted, packed."""
