"""`python -m node FOLDER`: run the node whose keys and settings are in FOLDER."""

import sys
from pathlib import Path

from node.process import main
from node.settings import load_settings

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m node FOLDER")
    sys.exit(main(Path(sys.argv[1]), load_settings))
