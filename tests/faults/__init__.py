"""What the product does when files, names, processes and disks are not as they should be."""
