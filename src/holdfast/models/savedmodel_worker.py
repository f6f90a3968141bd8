"""What runs in TensorFlow's own environment: this file alone, without Holdfast.

python savedmodel_worker.py convert FOLDER FILE.onnx
python savedmodel_worker.py predict FOLDER OUTPUT INPUTS.npz SCORES.npy
"""

from __future__ import annotations

import subprocess
import sys

SIGNATURE = "serving_default"


def convert(folder: str, file: str) -> None:
    """Write the serving signature as ONNX."""
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder, "--signature_def", SIGNATURE]
    subprocess.run([*command, "--output", file, "--opset", "18"], check=True)  # noqa: S603


def predict(folder: str, output: str, inputs: str, scores: str) -> None:
    """Score arrays by the name of the input."""
    import numpy as np
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    serve = model.signatures[SIGNATURE]
    wanted = serve.structured_input_signature[1]
    with np.load(inputs, allow_pickle=False) as held:
        tensors = {name: tf.constant(held[name], dtype=wanted[name].dtype) for name in held.files}
    np.save(scores, serve(**tensors)[output].numpy())


if __name__ == "__main__":
    if sys.argv[1] == "convert":
        convert(*sys.argv[2:])
    else:
        predict(*sys.argv[2:])
