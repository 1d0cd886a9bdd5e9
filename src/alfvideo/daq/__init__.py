"""Raw files of DAQs, read into the fronts of their lines."""
