"""The local programs behind the images of sample applications. Each file runs as a script of its own."""
