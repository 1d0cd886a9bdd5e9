"""The time of each frame: pulses, embedded data, alignment, Bpod, camlog, DAQ and wheel."""
