"""The scripts that run in the gate's container; they know nothing of the harness, which starts them by their text."""
