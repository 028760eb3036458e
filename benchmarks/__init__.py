"""What writes docs/results.md: measurements of ours that anyone can repeat from a checkout; not installed."""
