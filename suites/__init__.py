"""What a mesh must do. One folder a document, one file a section, named after it."""
