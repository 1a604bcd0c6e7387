"""How many examples the properties run: few per commit, as many as asked for in a long run.

`CERTNET_FUZZ_EXAMPLES` is the number of hostile inputs that the properties of `tests/fuzz` feed in together.
Such a property asks for its share by `@settings.get_profile("fuzz")`; all others follow the profile "commit".
"""

import os
from typing import Final

from hypothesis import settings

FUZZ_EXAMPLES: Final = int(os.environ.get("CERTNET_FUZZ_EXAMPLES", "2000"))
FUZZ_PROPERTIES: Final = 10

settings.register_profile("commit", derandomize=False, print_blob=True, deadline=None, max_examples=100)
settings.register_profile("fuzz", settings.get_profile("commit"), max_examples=-(-FUZZ_EXAMPLES // FUZZ_PROPERTIES))
settings.load_profile("commit")
