"""Which captures are read, and how: inputs, settings, filters, one pass."""
