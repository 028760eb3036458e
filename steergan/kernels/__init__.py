"""Compiled operators behind the layers, the algebra that they compute with, and how they come to a machine."""
