"""Observation: what happened to the worker pods and the tasks, and the evidence of it."""
