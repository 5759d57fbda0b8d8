"""How the Go programs whose words the lab speaks read and print texts: URLs, durations, expressions."""
