"""Hands: faults that prove that they acted."""
