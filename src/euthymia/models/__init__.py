"""Estimators and their cards: tasks, training, release as signed, encrypted ONNX bundles."""
