"""Filter banks: which entries are free, how free weights expand to them, and which way computes with them."""
