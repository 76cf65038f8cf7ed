"""Batch prediction with Ray: the answers of `newstance.serving.batch_prediction`, by any number of machines.

The input is divided into numbered parts. Ray Data streams them to workers that hold the bundle once each; a worker
writes a part's answers whole or not at all, so what is lost with it is the part it was working on.
"""
