"""The error of models and environments that cannot be used."""


class EngineError(Exception):
    """A model or an environment that cannot be used, and what to do about it, in one sentence."""
