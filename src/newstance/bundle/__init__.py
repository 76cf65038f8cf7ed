"""A bundle: everything that labelling an article needs, in one folder, without torch, pickle or network.

`newstance export` writes it, `Bundle.load` reads it after checking every hash, and the command line, the server and
MLflow answer with it.
"""
