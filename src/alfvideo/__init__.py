"""From raw camera files to synchronised ALF datasets: the library behind the workflow."""
