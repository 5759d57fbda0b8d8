"""Real Istio on the lab; skipped where ``make istio`` has not made what it is installed from."""
