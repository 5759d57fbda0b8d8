"""Extended: what users of the current API rely on, and its document does not show."""
