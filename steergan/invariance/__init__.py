"""Is the law of a set of images invariant? Proofs for latents, two-sample tests for samples and for data."""
