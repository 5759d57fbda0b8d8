"""How Go programs, whose messages the lab reproduces, parse and print URLs, durations and expressions."""
