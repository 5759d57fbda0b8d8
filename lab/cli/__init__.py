"""The command line of the lab (`python -m lab`)."""
