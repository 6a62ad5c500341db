"""The machine that the environment runs on: its container engine, its limits, and the tools that drive the cluster."""
