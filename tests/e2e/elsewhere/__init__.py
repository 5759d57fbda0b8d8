"""The suite where nobody sits in front of it: in an image, as a Job, as a GitHub Action."""
