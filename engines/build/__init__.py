"""Makes compiled models. Needs torch and onnx; never imported on the box."""
