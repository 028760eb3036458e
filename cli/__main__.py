"""`python -m steergan_cli`, for launchers that start modules."""

from . import command

if __name__ == "__main__":
    command()
