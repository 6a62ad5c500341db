"""The gate before a delivery: imports the DAG files in the image that the cluster runs, and says what it found."""
