"""The TensorRT backend's parts: library (which one), cuda (memory, streams), plan (ONNX to plan), session.

One path serves TensorRT 8.6, 10.x, 11 and TensorRT for RTX: tensors by name only. What differs between
versions is looked up by attribute. In all modules `trt` is the library's own module.
"""
