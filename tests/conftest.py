"""Settings for all tests."""

import signal

from hypothesis import settings

settings.register_profile("graphtalk", deadline=None)  # a busy machine is no failure
settings.load_profile("graphtalk")

# A shell that starts this in the background has Ctrl-C ignored, which the programs under test would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
