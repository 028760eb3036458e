"""Is the law of a set of images invariant under a group?

For a generator's samples its latent may prove it (`latent_law`, `samples`). For any images two halves are compared, one
of them transformed by one element after the other (`element_laws`), in features that see orientation (`features`), by a
test of whether two samples come from one law (`two_sample`). `data` asks it of a data set and recommends a group
(`verdict`); `words` and `pictures` say what was found.
"""
