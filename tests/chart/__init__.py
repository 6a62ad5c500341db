"""Tests of the Helm chart: they render it and look at the objects."""
