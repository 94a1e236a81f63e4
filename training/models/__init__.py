"""The networks, one readable file each. They know nothing of how they are trained."""
