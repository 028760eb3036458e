"""The command `steergan`: parse the command line, call one function, print what it says."""

import sys


def command() -> None:
    """What is installed as `steergan`."""
    try:
        from .main import main
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit('steergan: the command needs click, which is not installed: pip install "steergan[train]"')
    main()
