"""Certificates of single layers, by exact type: for every input and every value of the weights."""
