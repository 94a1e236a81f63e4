"""Bundles on the box: which versions a machine has (`library`), and who signed them (`trust`)."""
