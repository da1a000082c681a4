"""Run proofs in a separate process: run_proofs.py RESULTS FILE FUNCTION…

JAX and TensorFlow start threads and set up devices, which should not affect the other tests.
"""

import importlib
import os
import pickle
import sys

if __name__ == "__main__":
    os.environ.update(
        TF_CPP_MIN_LOG_LEVEL="3",
        KERAS_BACKEND="tensorflow",
        CUDA_VISIBLE_DEVICES="",
        JAX_PLATFORMS="cpu",
    )
    results, file, *functions = sys.argv[1:]
    module = importlib.import_module(file)
    done = {
        function: [
            [proof.run(proof.scores, proof.targets, **case) for case in proof.cases]
            for proof in getattr(module, function)()
        ]
        for function in functions
    }
    with open(results, "wb") as out:
        pickle.dump(done, out)
