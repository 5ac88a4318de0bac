"""Media in, facts and media out. Knows nothing of jobs, databases or screens."""
