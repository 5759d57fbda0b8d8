"""Creating, applying, patching, replacing and deleting objects, and which manager owns which field."""
