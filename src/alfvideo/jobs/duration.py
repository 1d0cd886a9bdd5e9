"""Spans of time as people say them."""


def in_words(seconds: float) -> str:
    """Express a time in the two largest units that it has.

    >>> in_words(42), in_words(3 * 3600 + 20 * 60), in_words(76 * 3600)
    ('42 s', '3 h 20 min', '3 d 4 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h"
