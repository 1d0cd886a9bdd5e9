"""Pulses and fronts as the acquisition devices recorded them."""
