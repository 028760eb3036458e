"""Certificates of single layers, by exact type: why a layer commutes with the group, shown from its own tensors.

`filters` (gathered banks), `bases` (sampled banks, escnn's too), `fourier` (the same convolutions in the group's
basis), `spatial` (pools and strides), `pixelwise` (norms, nonlinearities, group pooling), `fibres` (Fourier fields
and irreps) and `attention`. Each registers its layer types when it is imported. They may follow a layer by its laws;
nothing here runs a network.
"""
