"""The leakage audit: what a model could know about a test article that it should not have to go by.

`newstance.audit.run.audit` works on the prepared data of any task and writes one page with tables and figures.
"""
