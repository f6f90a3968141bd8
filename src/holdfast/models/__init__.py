"""Models of every family behind one protocol, and their conversion to ONNX."""
