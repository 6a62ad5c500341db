"""The images of an environment: where they come from, how they are built, and how they get into a node."""
