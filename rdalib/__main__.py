"""`python -m rdalib` is the command `rda`."""

import sys

from rdalib.cli import main

sys.exit(main())
