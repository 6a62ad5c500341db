"""Tests without a cluster, an engine, the network or sleep; the folders mirror those of the package."""
