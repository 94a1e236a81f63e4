"""The verbs of the `wheeltapper` command, one file each."""
