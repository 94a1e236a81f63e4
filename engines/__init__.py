"""Compiled models: what a bundle is, and how to run one."""
