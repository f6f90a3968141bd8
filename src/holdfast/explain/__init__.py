"""What a model's answers rest on: importance, contributions of single rows, dependence, interactions, and what to look at.

Everything here takes Arrow tables of features and a function that scores them, and knows nothing of models or releases.
"""
