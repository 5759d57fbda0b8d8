"""The local programs behind the images of sample applications. Each file runs as a script of its own."""

import sys
from pathlib import Path

# -P: the script's own directory is no place to import from.
HTTPBIN = (sys.executable, "-P", str(Path(__file__).with_name("serve_httpbin.py")))
HTTPBIN_MODULE = f"{__name__}.serve_httpbin"
