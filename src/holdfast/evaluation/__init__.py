"""Evidence about a model: splits, tuning, metrics, slices; what turns a model and labelled rows into numbers."""
