"""/metrics for Prometheus: the same facts as status.json, in another dress."""
