"""Code that runs in the environment of a pose engine: it needs numpy, torch and the engine only."""
