"""For people to look at: status, report, doctor, plan and tables. None of it changes a session."""
