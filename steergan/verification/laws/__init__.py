"""Laws: how every tensor of a forward changes when the input is acted on, followed operation by operation."""
