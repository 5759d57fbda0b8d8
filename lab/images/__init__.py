"""Converts images of archives and registries to folders for the lab (`python -m lab images`).

archives   what an archive contains, and whether it may be unpacked
layers     whether a layer stays inside the image and within its size
engines    skopeo and umoci, which copy and unpack
loading    from an archive or a registry to an image folder
commands   the command line
"""
