"""The commands of steergan, one file each; installed as the package `steergan_cli`."""
