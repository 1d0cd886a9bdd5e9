"""When each frame was exposed: pulses, embedded data, alignment, Bpod, camlog, DAQ and wheel."""
