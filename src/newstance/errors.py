"""The one exception that stands for a mistake a user can mend."""


class NewstanceError(Exception):
    """Bad input, settings or surroundings: one sentence that says what, where and what to do.

    The command line prints the sentence and exits with status 2, without a traceback.
    """
