"""The one exception for bad input, written for the person who has to mend it."""


class DataError(Exception):
    """Something is wrong with the data, not with the program.

    The message names the file, says what was expected and what was found, and what to do.
    Session and camera are added where the message is shown.
    """
