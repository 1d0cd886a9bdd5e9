"""Changes the library in small ways, one at a time, and sees whether its quick tests notice."""
