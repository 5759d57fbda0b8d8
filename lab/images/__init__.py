"""Images out of archives and registries, as folders that a lab runs (`python -m lab images`).

archives   what an archive holds, and whether that may be unpacked
layers     whether a layer stays inside the image and within its size
engines    skopeo and umoci, which copy and unpack
loading    from an archive or a registry to an image folder
commands   the command line
"""
